// Package slapd runs a real OpenLDAP, in the foreground on loopback, with a
// configuration, a database and an authority of its own. The system's own
// slapd, its configuration and its data are never touched.
package slapd

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/folder"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/proc"
)

// What every server holds from the start.
const (
	Base            = "dc=corp,dc=example"
	People          = "ou=people," + Base
	Groups          = "ou=groups," + Base
	Policies        = "ou=policies," + Base
	DefaultPolicy   = "cn=default," + Policies
	Service         = "cn=service," + Base
	ServicePassword = "canary-service-passw0rd"

	admin         = "cn=admin," + Base
	adminPassword = "the administrator's password"
)

// Server is a running one.
type Server struct {
	LDAP  string // ldap://127.0.0.1:port, where StartTLS is to be asked for
	LDAPS string // ldaps://127.0.0.1:port
	CA    []byte // PEM

	folder  folder.Folder
	process *proc.Process
}

// Start runs slapd with an empty tree. At most 500 entries come at once; pages
// have no such bound for the service.
func Start(ctx context.Context) (*Server, error) {
	home, err := folder.New("slapd")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: home}
	if err := s.start(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Run starts one that lives as long as the test.
func Run(t testing.TB) *Server {
	t.Helper()
	parts.Need(t, parts.OpenLDAP)
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the server and forgets all that it held.
func (s *Server) Stop() {
	s.process.Stop()
	s.folder.Remove()
}

// Pid is its number.
func (s *Server) Pid() int { return s.process.Pid() }

// Halt ends the server and keeps what it held.
func (s *Server) Halt() { s.process.Stop() }

func (s *Server) start(ctx context.Context) error {
	if err := s.configure(); err != nil {
		return err
	}
	ports, err := proc.FreePorts(2)
	if err != nil {
		return err
	}
	s.LDAP, s.LDAPS = "ldap://127.0.0.1:"+ports[0], "ldaps://127.0.0.1:"+ports[1]
	if err := s.Resume(ctx); err != nil {
		return err
	}
	return s.Add(foundation...)
}

// Resume starts the server with what it held.
func (s *Server) Resume(ctx context.Context) error {
	slapd, err := parts.Command("slapd")
	if err != nil {
		return err
	}
	s.process, err = proc.Start(proc.Spec{
		Path: slapd, Args: []string{"-d", "0", "-f", s.folder.Path("slapd.conf"), "-h", s.LDAP + " " + s.LDAPS}, Dir: string(s.folder),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return s.process.Ready(ctx, s.answers)
}

// configure writes the configuration, in the old style: one file, no database
// of its own.
func (s *Server) configure() (err error) {
	if s.CA, err = s.folder.Certify("e2e slapd"); err != nil {
		return err
	}
	err = s.folder.Write(map[string]string{
		"password": adminPassword, "slapd.conf": strings.NewReplacer("DIR", string(s.folder), "ADMIN", admin, "SECRET", adminPassword,
			"SERVICE", Service, "POLICY", DefaultPolicy, "BASE", Base).Replace(config),
	})
	if err != nil {
		return err
	}
	return os.Mkdir(s.folder.Path("data"), 0o700)
}

const config = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload refint
moduleload ppolicy
pidfile DIR/slapd.pid
argsfile DIR/slapd.args
TLSCACertificateFile DIR/ca.pem
TLSCertificateFile DIR/cert.pem
TLSCertificateKeyFile DIR/key.pem
TLSProtocolMin 3.3
sizelimit 500

database mdb
suffix "BASE"
rootdn "ADMIN"
rootpw "SECRET"
directory DIR/data
maxsize 268435456
dbnosync
index objectClass,uid,member,memberUid,entryUUID eq
limits dn.exact="SERVICE" size.soft=500 size.hard=500 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="SERVICE" read by self read by * none

overlay memberof
memberof-group-oc groupOfNames
memberof-member-ad member
memberof-memberof-ad memberOf
overlay refint
refint_attributes member
refint_nothing "ADMIN"
overlay ppolicy
ppolicy_default "POLICY"
ppolicy_use_lockout
`

// answers asks for the root of the tree, which says nothing but that it is there.
func (s *Server) answers(ctx context.Context) error {
	return s.run(ctx, "", "ldapsearch", "-x", "-H", s.LDAP, "-s", "base", "-b", "", "1.1")
}

func (s *Server) run(ctx context.Context, stdin, program string, args ...string) error {
	return s.folder.Tool(ctx, []string{"LDAPNOINIT=1"}, stdin, program, args...)
}

// Record is an entry, or a change to one: a DN, then attributes and values in
// turn. A change begins with "changetype".
type Record struct {
	DN    string
	Pairs []string
}

// Add adds entries.
func (s *Server) Add(records ...Record) error { return s.change("ldapadd", records) }

// Modify changes entries. It may set what only the server sets otherwise.
func (s *Server) Modify(records ...Record) error {
	return s.change("ldapmodify", records, "-e", "relax")
}

func (s *Server) change(program string, records []Record, more ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	args := append([]string{"-x", "-H", s.LDAP, "-D", admin, "-y", s.folder.Path("password")}, more...)
	return s.run(ctx, ldif(records), program, args...)
}

// ldif writes records as RFC 2849 does, with every value in base64.
func ldif(records []Record) string {
	var out strings.Builder
	line := func(name, value string) {
		switch {
		case name == "-":
			out.WriteString("-\n")
		case strings.Contains("changetype add replace delete", name):
			fmt.Fprintf(&out, "%s: %s\n", name, value)
		default:
			fmt.Fprintf(&out, "%s:: %s\n", name, base64.StdEncoding.EncodeToString([]byte(value)))
		}
	}
	for _, r := range records {
		line("dn", r.DN)
		for i := 0; i+1 < len(r.Pairs); i += 2 {
			line(r.Pairs[i], r.Pairs[i+1])
		}
		out.WriteString("\n")
	}
	return out.String()
}

// foundation is the tree's own, and a policy that counts failures.
var foundation = []Record{
	{Base, []string{"objectClass", "domain", "dc", "corp"}},
	{People, []string{"objectClass", "organizationalUnit", "ou", "people"}},
	{Groups, []string{"objectClass", "organizationalUnit", "ou", "groups"}},
	{Policies, []string{"objectClass", "organizationalUnit", "ou", "policies"}},
	{Service, []string{"objectClass", "organizationalRole", "objectClass", "simpleSecurityObject", "cn", "service", "userPassword", ServicePassword}},
	Policy("default", "pwdLockout", "TRUE", "pwdMaxFailure", "5", "pwdLockoutDuration", "300", "pwdMustChange", "TRUE"),
}

// Policy is a password policy.
func Policy(name string, pairs ...string) Record {
	return Record{"cn=" + name + "," + Policies, append([]string{
		"objectClass", "organizationalRole", "objectClass", "pwdPolicy", "cn", name, "pwdAttribute", "userPassword"}, pairs...)}
}
