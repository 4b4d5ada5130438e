package load

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"

	"github.com/kubecred/kubecred/e2e/internal/slapd"
)

// people are in the directory, each in a group.
const people = 1000

// Directory is a slapd with people in it, and what signs them in there with nothing but go-ldap.
type Directory struct {
	server *slapd.Server
	roots  *x509.CertPool
}

// StartDirectory starts it.
func StartDirectory(ctx context.Context) (*Directory, error) {
	server, err := slapd.Start(ctx)
	if err != nil {
		return nil, err
	}
	if err := server.Add(population()...); err != nil {
		server.Stop()
		return nil, err
	}
	d := &Directory{server, x509.NewCertPool()}
	d.roots.AppendCertsFromPEM(server.CA)
	return d, nil
}

// Stop ends it.
func (d *Directory) Stop() { d.server.Stop() }

// Exchange starts one that asks the directory. Where it is plain, no connection of its has TLS.
func (d *Directory) Exchange(ctx context.Context, program, algorithm string, plain bool) (*Service, error) {
	servers := fmt.Sprintf("urls: [%q], caFile: ldap.pem", d.server.LDAPS)
	if plain {
		servers = fmt.Sprintf("urls: [%q], insecurePlaintext: true", d.server.LDAP)
	}
	return Start(ctx, Options{
		Program: program, Algorithm: algorithm, Plain: plain,
		Directory: fmt.Sprintf("ldap: {preset: groupOfNames, %s, bindDN: %q, bindPasswordFile: password, userBase: %q, groups: {mode: memberOf, depth: 0}}",
			servers, slapd.Service, slapd.People),
		Files: map[string][]byte{"ldap.pem": d.server.CA, "password": []byte(slapd.ServicePassword)},
	})
}

func name(i int) string { return fmt.Sprintf("person%d", i%people) }

func dn(i int) string { return "uid=" + name(i) + "," + slapd.People }

// population is people, and groups of ten.
func population() (all []slapd.Record) {
	for i := range people {
		all = append(all, slapd.Record{DN: dn(i), Pairs: []string{
			"objectClass", "inetOrgPerson", "uid", name(i), "cn", name(i), "sn", name(i), "mail", name(i) + "@corp.example",
			"userPassword", salted(Password),
		}})
	}
	for group := range people / 10 {
		r := slapd.Record{DN: fmt.Sprintf("cn=group%d,%s", group, slapd.Groups), Pairs: []string{"objectClass", "groupOfNames", "cn", fmt.Sprintf("group%d", group)}}
		for i := range 10 {
			r.Pairs = append(r.Pairs, "member", dn(10*group+i))
		}
		all = append(all, r)
	}
	return all
}

// salted is {SSHA}, OpenLDAP's default: cheap, so that slapd is no brake.
func salted(password string) string {
	salt := make([]byte, 8)
	_, _ = rand.Read(salt) // never fails
	sum := sha1.Sum(append([]byte(password), salt...))
	return "{SSHA}" + base64.StdEncoding.EncodeToString(append(sum[:], salt...))
}

// Logins are a worker's sign-ins, one person after the other.
type Logins struct {
	Do   func(worker int) error
	Done func()
}

// Workers sign in at the same time.
const Workers = 8

// LoginsAt are sign-ins at an exchange, on lines that are kept.
func LoginsAt(x *Service) (Logins, error) {
	lines, err := x.Lines(Workers)
	turns := newTurns()
	return Logins{func(worker int) error {
		return Same(lines, x.Login(turns.next(worker), Password))(worker)
	}, func() { Close(lines) }}, err
}

// Logins do at the directory what the exchange does there: a search on a connection that is kept, bound as the
// service, and a bind on a new one, since none must be used again after a user's bind.
func (d *Directory) Logins() (Logins, error) {
	var kept []*ldap.Conn
	done := func() {
		for _, c := range kept {
			c.Close()
		}
	}
	for range Workers {
		c, err := d.bound(slapd.Service, slapd.ServicePassword)
		if err != nil {
			done()
			return Logins{}, err
		}
		kept = append(kept, c)
	}
	turns := newTurns()
	return Logins{func(worker int) error { return d.searchAndBind(kept[worker], turns.next(worker)) }, done}, nil
}

// turns say whose turn it is; each worker has its own.
type turns []int

func newTurns() turns { return make(turns, Workers) }

func (t turns) next(worker int) string {
	t[worker] += Workers
	return name(worker + t[worker])
}

func (d *Directory) searchAndBind(kept *ldap.Conn, name string) error {
	found, err := find(kept, name)
	if err != nil {
		return err
	}
	c, err := d.bound(found, Password)
	if err != nil {
		return err
	}
	return c.Close()
}

func (d *Directory) bound(dn, password string) (*ldap.Conn, error) {
	c, err := ldap.DialURL(d.server.LDAPS, ldap.DialWithTLSConfig(&tls.Config{RootCAs: d.roots, ServerName: "127.0.0.1"}))
	if err != nil {
		return nil, err
	}
	if err := c.Bind(dn, password); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// find asks for what the exchange asks for.
func find(c *ldap.Conn, name string) (string, error) {
	found, err := c.Search(ldap.NewSearchRequest(slapd.People, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 0, false,
		"(&(objectClass=inetOrgPerson)(uid="+ldap.EscapeFilter(name)+"))", []string{"uid", "mail", "entryUUID", "memberOf"}, nil))
	if err != nil {
		return "", err
	}
	if len(found.Entries) != 1 || found.Entries[0].GetAttributeValue("memberOf") == "" {
		return "", errors.New("not one person in a group")
	}
	return found.Entries[0].DN, nil
}
