package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// LDAP asks a directory. Its methods may be called at the same time; each ends
// with its context, and by itself after the times in Options.
type LDAP struct {
	o        Options
	hosts    []*host
	trust    *trust
	slots    chan struct{} // as many as may be in use at once
	refusal  refusal
	policies policies
	closed   atomic.Bool
}

// NewLDAP returns an LDAP. It reads CAFile and dials nothing; its error is a
// *ConfigError.
func NewLDAP(o Options) (*LDAP, error) {
	if o.UserFilter == "" && o.BindTemplate != "" {
		o.UserFilter = "(objectClass=*)"
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	o.defaults()
	hosts, err := o.hosts()
	if err != nil {
		return nil, err
	}
	trust, err := newTrust(o.CAFile, o.InsecureSkipVerify, o.Reloaded)
	if err != nil {
		return nil, err
	}
	return &LDAP{o: o, hosts: hosts, trust: trust, slots: make(chan struct{}, o.MaxConnections)}, nil
}

// Insecure names the settings that let others listen or pose as the
// directory, for readiness to show.
func (l *LDAP) Insecure() []string {
	var names []string
	if l.o.InsecurePlaintext {
		names = append(names, "insecurePlaintext")
	}
	if l.o.InsecureSkipVerify {
		names = append(names, "insecureSkipVerify")
	}
	return names
}

// Close closes the connections that are not in use, and the others after use.
func (l *LDAP) Close() error {
	l.closed.Store(true)
	for _, h := range l.hosts {
		for c := h.take(); c != nil; c = h.take() {
			c.close()
		}
	}
	return nil
}

// Check binds as the service and looks for UserBase.
func (l *LDAP) Check(ctx context.Context) error {
	return l.asService(ctx, func(ctx context.Context, c *conn) error {
		_, err := c.search(ctx, l.o.SearchTimeout, query{
			base: l.o.UserBase, scope: scopeBase, filter: "(objectClass=*)", attributes: []string{"1.1"}, most: 1,
		})
		return err
	})
}

// errNone is a search that found nobody.
var errNone = errors.New("there is no such entry")

// Authenticate finds out who has that name and password.
//
// Errors: ErrInput (nothing was dialled), ErrCredentials, *AccountError,
// ErrAmbiguous, ErrLimit, ErrUnavailable.
func (l *LDAP) Authenticate(ctx context.Context, name string, password secret.Text) (Identity, error) {
	name, err := checkInput(name, password)
	if err != nil {
		return Identity{}, err
	}
	began := time.Now()
	authenticate := l.searchThenBind
	if l.o.BindTemplate != "" {
		authenticate = l.bindDirectly
	}
	who, err := authenticate(ctx, name, password)
	if errors.Is(err, ErrCredentials) {
		wait(ctx, l.o.RefuseAfter-time.Since(began))
	}
	return who, err
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// searchThenBind finds the user's entry as the service, and binds with its DN.
func (l *LDAP) searchThenBind(ctx context.Context, name string, password secret.Text) (who Identity, err error) {
	var found entry
	err = l.asService(ctx, func(ctx context.Context, c *conn) (err error) {
		found, err = l.one(ctx, c, query{base: l.o.UserBase, scope: scopeSubtree, filter: template(l.o.UserFilter).forName(name)})
		return err
	})
	if errors.Is(err, errNone) {
		return who, l.decoy(ctx)
	}
	if err != nil {
		return who, err
	}
	nothing := func(context.Context, *conn) error { return nil }
	if err := l.asUser(ctx, found.dn, password, nothing); err != nil {
		return who, err
	}
	err = l.asService(ctx, func(ctx context.Context, c *conn) (err error) {
		who, err = l.identify(ctx, c, found)
		return err
	})
	return who, err
}

// decoy spends on an unknown user what a known one costs: a connection and a
// bind that fails. What was typed is not in it.
func (l *LDAP) decoy(ctx context.Context) error {
	nobody := "cn=" + rand.Text() + "," + l.o.UserBase
	err := l.asUser(ctx, nobody, secret.New(rand.Text()), func(context.Context, *conn) error { return nil })
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return ErrCredentials
}

// bindDirectly binds with what BindTemplate makes of the name, and asks the
// directory whose entry that is.
func (l *LDAP) bindDirectly(ctx context.Context, name string, password secret.Text) (who Identity, err error) {
	escape := func(value string) string { return value }
	isDN := !badDN(strings.ReplaceAll(l.o.BindTemplate, "{name}", "x"))
	if isDN {
		escape = escapeDN
	}
	typed := template(l.o.BindTemplate).fill(escape, func(string) string { return name })
	err = l.asUser(ctx, typed, password, func(ctx context.Context, c *conn) error {
		found, err := l.self(ctx, c)
		if err == nil {
			who, err = l.identify(ctx, c, found)
		}
		if errors.Is(err, errNone) {
			return ErrCredentials // an account that UserFilter keeps out
		}
		return err
	})
	return who, err
}

// self finds the entry of whoever is bound. What was typed is no help: in
// Active Directory one user's userPrincipalName may be what another one's
// account name would make.
func (l *LDAP) self(ctx context.Context, c *conn) (entry, error) {
	anyone := template(l.o.UserFilter).forAnyone()
	who, err := c.whoAmI(ctx, l.o.SearchTimeout)
	// Samba does not know the operation, and Active Directory answers with an
	// account's name, which another domain of the forest may have as well.
	if hasCode(err, codeProtocol) || err == nil && strings.HasPrefix(who, "u:") {
		return l.bySID(ctx, c, anyone)
	}
	if err != nil {
		return entry{}, err
	}
	if bound, ok := strings.CutPrefix(who, "dn:"); ok && bound != "" {
		return l.one(ctx, c, query{base: bound, scope: scopeBase, filter: anyone})
	}
	return entry{}, errors.New("the server does not say who is bound")
}

// bySID finds the one user among the security identifiers of whoever is bound,
// which the root of the server's tree shows ([MS-ADTS], section 3.1.1.3.2); the others are groups.
func (l *LDAP) bySID(ctx context.Context, c *conn, anyone string) (entry, error) {
	root, err := c.search(ctx, l.o.SearchTimeout, query{
		scope: scopeBase, filter: "(objectClass=*)", attributes: []string{"tokenGroups"}, most: 1,
	})
	if err != nil {
		return entry{}, err
	}
	if len(root) == 0 || len(root[0].attributes["tokengroups"]) == 0 {
		return entry{}, errors.New("the server does not say who is bound")
	}
	filter := "(&" + anySID(root[0].attributes["tokengroups"]) + anyone + ")"
	return l.one(ctx, c, query{base: l.o.UserBase, scope: scopeSubtree, filter: filter})
}

// Lookup finds somebody by Identity.ID, as they are now.
//
// Errors: ErrGone, *AccountError, ErrAmbiguous, ErrLimit, ErrUnavailable.
func (l *LDAP) Lookup(ctx context.Context, id string) (Identity, error) {
	value, err := l.idValue(id)
	if err != nil {
		return Identity{}, ErrGone
	}
	filter := fmt.Sprintf("(&(%s=%s)%s)", l.o.IDAttribute, value, template(l.o.UserFilter).forAnyone())
	who, err := l.find(ctx, filter)
	if errors.Is(err, errNone) {
		return Identity{}, ErrGone
	}
	return who, err
}

// Find is who a name stands for, without a password: for an administrator who
// tries a configuration, and nobody else.
//
// Errors: ErrInput, ErrGone where there is nobody, and those of Lookup.
func (l *LDAP) Find(ctx context.Context, name string) (Identity, error) {
	name, err := checkName(name)
	if err != nil {
		return Identity{}, err
	}
	who, err := l.find(ctx, template(l.o.UserFilter).forName(name))
	if errors.Is(err, errNone) {
		return Identity{}, ErrGone
	}
	return who, err
}

func (l *LDAP) find(ctx context.Context, filter string) (who Identity, err error) {
	err = l.asService(ctx, func(ctx context.Context, c *conn) error {
		found, err := l.one(ctx, c, query{base: l.o.UserBase, scope: scopeSubtree, filter: filter})
		if err == nil {
			who, err = l.identify(ctx, c, found)
		}
		return err
	})
	return who, err
}

// one returns the one entry that the query finds, with all attributes that are
// needed. Its errors are errNone and ErrAmbiguous besides others.
func (l *LDAP) one(ctx context.Context, c *conn, q query) (entry, error) {
	q.attributes, q.most = l.attributes(), 2
	found, err := c.search(ctx, l.o.SearchTimeout, q)
	switch {
	case errors.Is(err, errMore) || len(found) > 1:
		return entry{}, ErrAmbiguous
	case err != nil:
		return entry{}, err
	case len(found) == 0:
		return entry{}, errNone
	case found[0].dn == "":
		return entry{}, errors.New("the server's entry has no DN") // a bind with it would be anonymous
	}
	return found[0], nil
}

// attributes are those that an identity and its checks are made of.
func (l *LDAP) attributes() []string {
	wanted := []string{l.o.IDAttribute, l.o.NameAttribute}
	if l.o.EmailAttribute != "" {
		wanted = append(wanted, l.o.EmailAttribute)
	}
	switch l.o.Groups.Mode {
	case MemberOf:
		wanted = append(wanted, l.o.Groups.Attribute)
	case SearchGroups:
		for _, place := range template(l.o.Groups.Filter).places() {
			if place != "dn" && place != "name" {
				wanted = append(wanted, place)
			}
		}
	}
	return sorted(append(wanted, l.o.Status.attributes()...))
}
