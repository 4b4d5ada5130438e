package main

// The directory, as the server knows it.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/private"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/ldapexchange/directory"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/server"
)

// people is what the service and check need of a directory.
type people interface {
	Authenticate(ctx context.Context, name string, password secret.Text) (directory.Identity, error)
	Lookup(ctx context.Context, id string) (directory.Identity, error)
	Check(ctx context.Context) error
	Close() error
}

// openDirectory dials nothing. Its errors name the key of the configuration.
func openDirectory(c *config.Config, log *slog.Logger, reloaded func(error)) (people, error) {
	if c.Directory.LDAP == nil {
		users, err := directory.OpenUsers(c.Directory.UsersFile, reloaded)
		if err != nil {
			return nil, &config.Error{File: c.Directory.UsersFile, Problem: reason(err)}
		}
		return users, nil
	}
	ldap, err := directory.NewLDAP(ldapOptions(c.Directory.LDAP, log, reloaded))
	var wrong *directory.ConfigError
	if errors.As(err, &wrong) {
		return nil, &config.Error{File: c.Path, Key: "directory.ldap." + wrong.Setting, Problem: wrong.Reason}
	}
	if err != nil {
		return nil, err
	}
	return ldap, nil
}

func reason(err error) string {
	var wrong *directory.ConfigError
	if errors.As(err, &wrong) {
		return wrong.Reason
	}
	return err.Error()
}

// ldapOptions lays what is given over the preset.
func ldapOptions(l *config.LDAP, log *slog.Logger, reloaded func(error)) directory.Options {
	o := preset(l.Preset)
	o.URLs, o.CAFile, o.ServerName = l.URLs, l.CAFile, l.ServerName
	o.BindDN, o.BindPassword = l.BindDN, bindPassword(l.BindPassword)
	o.UserBase, o.BindTemplate, o.PolicyDN = l.UserBase, l.BindTemplate, l.PolicyDN
	for _, given := range []struct {
		to    *string
		value string
	}{
		{&o.UserFilter, l.UserFilter}, {&o.IDAttribute, l.IDAttribute}, {&o.NameAttribute, l.NameAttribute},
		{&o.EmailAttribute, l.EmailAttribute}, {&o.Groups.Base, l.Groups.Base}, {&o.Groups.Filter, l.Groups.Filter},
		{&o.Groups.Attribute, l.Groups.Attribute}, {&o.Groups.NameAttribute, l.Groups.NameAttribute},
	} {
		if given.value != "" {
			*given.to = given.value
		}
	}
	o.IDIsGUID = strings.EqualFold(o.IDAttribute, "objectGUID")
	groups(&o.Groups, l.Groups)
	o.DialTimeout, o.TLSTimeout = l.ConnectTimeout, l.ConnectTimeout
	o.BindTimeout, o.SearchTimeout = l.RequestTimeout, l.RequestTimeout
	o.MaxConnections = l.MaxConnections
	o.InsecurePlaintext, o.InsecureSkipVerify = l.InsecurePlaintext, l.InsecureSkipVerify
	o.Log, o.Reloaded = log, reloaded
	return o
}

func preset(p config.Preset) directory.Options {
	switch p {
	case config.ActiveDirectory:
		return directory.ActiveDirectory()
	case config.GroupOfNames:
		return directory.GroupOfNames()
	}
	return directory.RFC2307()
}

func groups(o *directory.GroupOptions, g config.Groups) {
	switch g.Mode {
	case "":
	case "none":
		o.Mode = directory.NoGroups
	default:
		o.Mode = directory.GroupMode(g.Mode)
	}
	if g.Depth >= 0 {
		o.Depth = g.Depth
	}
}

// maxSecret bounds a secret's file and a command's answer, in bytes.
const maxSecret = 16 << 10

// commandTime bounds a command that prints a secret.
const commandTime = 10 * time.Second

// bindPassword reads the password anew each time it is asked for.
func bindPassword(s config.Secret) func() (secret.Text, error) {
	switch {
	case s.File != "":
		return func() (secret.Text, error) { return readSecret(s.File) }
	case len(s.Command) > 0:
		return func() (secret.Text, error) { return runSecret(s.Command) }
	}
	return nil
}

// readSecret reads a file that others cannot read, without the line break at
// its end.
func readSecret(path string) (secret.Text, error) {
	data, err := private.Read(path, maxSecret, private.Mounted)
	if err != nil {
		return secret.Text{}, err
	}
	return oneSecret(string(data), path)
}

func oneSecret(text, from string) (secret.Text, error) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" || strings.ContainsAny(text, "\x00\r\n") {
		return secret.Text{}, fmt.Errorf("%s: expects one line with the secret", from)
	}
	return secret.New(text), nil
}

// runSecret runs a program without a shell. What it prints reaches nobody else.
func runSecret(command []string) (secret.Text, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.WaitDelay = time.Second
	out, err := c.Output()
	if err != nil || len(out) > maxSecret {
		return secret.Text{}, fmt.Errorf("the command %s failed or said too much", command[0])
	}
	return oneSecret(string(out), command[0])
}

// joined is people with the server's own words.
type joined struct {
	people
	log *slog.Logger
}

func (j joined) Authenticate(ctx context.Context, name string, password secret.Text) (server.Identity, error) {
	who, err := j.people.Authenticate(ctx, name, password)
	if errors.Is(err, directory.ErrAmbiguous) {
		j.log.Warn("somebody was refused whose name stands for more than one entry, or whose entry has more than one name or ID; check --user tries a name")
	}
	return server.Identity(who), fromDirectory(err)
}

func (j joined) Lookup(ctx context.Context, id string) (server.Identity, error) {
	who, err := j.people.Lookup(ctx, id)
	return server.Identity(who), fromDirectory(err)
}

// fromDirectory gives an error the server's meaning beside its own. A name that
// stands for two people is refused as an unknown one is, and the log tells the
// administrator; what is left is "not now".
func fromDirectory(err error) error {
	var account *directory.AccountError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &account):
		return &server.AccountError{Reason: accountReason(account.Reason)}
	case errors.Is(err, directory.ErrCredentials), errors.Is(err, directory.ErrInput), errors.Is(err, directory.ErrAmbiguous):
		return fmt.Errorf("%w: %w", server.ErrCredentials, err)
	case errors.Is(err, directory.ErrGone):
		return server.ErrGone
	}
	return fmt.Errorf("%w: %w", server.ErrUnavailable, err)
}

func accountReason(r directory.Reason) server.AccountReason {
	switch r {
	case directory.Locked:
		return server.AccountLocked
	case directory.Expired:
		return server.AccountExpired
	case directory.PasswordExpired:
		return server.AccountPasswordExpired
	case directory.MustChange:
		return server.AccountMustChange
	case directory.Restricted:
		return server.AccountRestricted
	}
	return server.AccountDisabled
}
