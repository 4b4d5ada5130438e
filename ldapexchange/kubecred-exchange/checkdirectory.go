package main

// What check finds in the directory.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/kubecred/kubecred/ldapexchange/directory"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/server"
)

// finder looks somebody up without a password, as directory.LDAP does.
type finder interface {
	Find(ctx context.Context, name string) (directory.Identity, error)
}

func (f *findings) directory(ctx context.Context, c *config.Config, user string) {
	reached := c.Directory.LDAP == nil || f.servers(ctx, c)
	people, err := openDirectory(c, slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		f.fail("directory", "mend it; docs/exchange.md describes every key", err)
		return
	}
	defer people.Close()
	if c.Directory.LDAP == nil {
		f.ok("users file", "%s can be used", c.Directory.UsersFile)
	}
	if user != "" && reached {
		f.person(ctx, c, people, user)
	}
}

// servers asks each by itself, and reports whether one can be used. A service
// account that was refused is not tried at the next: that would lock it.
func (f *findings) servers(ctx context.Context, c *config.Config) (reached bool) {
	for _, url := range c.Directory.LDAP.URLs {
		err := f.server(ctx, c, url)
		reached = reached || err == nil
		var failed *directory.UnavailableError
		if errors.As(err, &failed) && strings.HasPrefix(failed.Step, "bind") {
			break
		}
	}
	return reached
}

func (f *findings) server(ctx context.Context, c *config.Config, url string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	alone, ldap := *c, *c.Directory.LDAP
	ldap.URLs = []string{url}
	alone.Directory.LDAP = &ldap
	people, err := openDirectory(&alone, slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		f.fail(url, "mend the key that is named", err)
		return err
	}
	defer people.Close()
	if err := people.Check(ctx); err != nil {
		f.fail(url, advice(err), err)
		return err
	}
	f.ok(url, "%s", reachedAs(ldap))
	return nil
}

func reachedAs(l config.LDAP) string {
	steps := []string{"connected", "TLS verified"}
	if l.InsecurePlaintext {
		steps = steps[:1]
	}
	if l.InsecureSkipVerify {
		steps[len(steps)-1] = "TLS, unverified"
	}
	if l.BindDN == "" {
		steps = append(steps, "anonymous")
	} else {
		steps = append(steps, "bound as "+l.BindDN)
	}
	return strings.Join(append(steps, "found "+l.UserBase), ", ")
}

// advice is what to do about the step that failed.
func advice(err error) string {
	var failed *directory.UnavailableError
	if !errors.As(err, &failed) {
		return "see directory.ldap in docs/exchange.md"
	}
	switch {
	case failed.Step == "dial":
		return "check the host's name and port, and what lies between: is a firewall or a NetworkPolicy in the way?"
	case failed.Step == "TLS":
		return "check caFile and serverName against the server's certificate (openssl s_client -connect HOST:PORT -showcerts)"
	case strings.HasPrefix(failed.Step, "bind"):
		return "check bindDN and bindPasswordFile; it is not tried again at another server, which would lock the account"
	}
	return "check userBase, and whether the service account may read it"
}

// person shows who somebody would be.
func (f *findings) person(ctx context.Context, c *config.Config, people people, name string) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	who, err := find(ctx, people, name)
	switch {
	case errors.Is(err, directory.ErrGone):
		f.fail("user", "check userBase and userFilter, or the name", errUserUnknown)
		return
	case err != nil:
		f.fail("user", "look the account up in the directory", err)
		return
	}
	f.ok("user", "%s, with the ID %s and %s", who.Name, who.ID, mail(who.Email))
	f.groups(c, who)
}

func find(ctx context.Context, people people, name string) (directory.Identity, error) {
	if f, ok := people.(finder); ok {
		return f.Find(ctx, name)
	}
	return people.Lookup(ctx, name)
}

func mail(address string) string {
	if address == "" {
		return "no mail address"
	}
	return "the mail address " + address
}

// maxShown bounds how many groups are listed.
const maxShown = 50

func (f *findings) groups(c *config.Config, who directory.Identity) {
	f.ok("user's groups", "%s in the directory: %s", count(len(who.Groups), "group"), list(who.Groups))
	name, groups, err := names(c.Identity).Known(server.Identity(who))
	if err != nil {
		f.fail("as clusters see it", "change identity in the configuration", err)
		return
	}
	f.ok("as clusters see it", "user %s, %s: %s", name, count(len(groups), "group"), list(groups))
	if len(groups) == 0 && len(who.Groups) > 0 {
		f.warn("as clusters see it", "change identity.groups", "no group passes the filter")
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if more := len(names) - maxShown; more > 0 {
		names = append(slices.Clone(names[:maxShown]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
