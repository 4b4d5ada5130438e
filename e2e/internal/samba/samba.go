// Package samba runs a real Active Directory domain: a Samba domain controller
// in the foreground, with its LDAP service alone, on a loopback address of its
// own (its ports, 389 and 636, are fixed). It needs root for them. The system's
// own Samba, its configuration and its data are never touched.
package samba

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/folder"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/proc"
)

// What every domain holds from the start.
const (
	Base     = "DC=corp,DC=example"
	Users    = "CN=Users," + Base
	Realm    = "corp.example"
	Service  = "service@" + Realm
	Password = "canary-Passw0rd-1" // of everybody whom CreateUser makes

	adminPassword = "the Administrator's passw0rd"
)

// Domain is a running one.
type Domain struct {
	LDAP  string // where StartTLS is to be asked for
	LDAPS string
	CA    []byte // PEM; the certificate says localhost

	address string
	folder  folder.Folder
	process *proc.Process
}

// Start provisions a domain and runs its controller.
func Start(ctx context.Context) (*Domain, error) {
	home, err := folder.New("samba")
	if err != nil {
		return nil, err
	}
	d := &Domain{folder: home, address: fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 2+rand.IntN(250))}
	d.LDAP, d.LDAPS = "ldap://"+d.address, "ldaps://"+d.address
	if err := d.start(ctx); err != nil {
		d.Stop()
		return nil, err
	}
	return d, nil
}

// Run starts one that lives as long as the test.
func Run(t testing.TB) *Domain {
	t.Helper()
	parts.Need(t, parts.Samba, parts.OpenLDAP)
	if os.Geteuid() != 0 && !parts.CI() {
		t.Skip("part samba: its ports, 389 and 636, are for root")
	}
	d, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	return d
}

// Stop ends the controller and forgets the domain.
func (d *Domain) Stop() {
	d.process.Stop()
	d.folder.Remove()
}

func (d *Domain) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := d.provision(ctx); err != nil {
		return err
	}
	samba, err := parts.Command("samba")
	if err != nil {
		return err
	}
	d.process, err = proc.Start(proc.Spec{Path: samba, Dir: string(d.folder), Args: []string{
		"-i", "-M", "single", "-s", d.Config(), "--debug-stdout", "-d1", "--option=server services=ldap",
		"--option=interfaces=" + d.address + "/8", "--option=bind interfaces only=yes", "--option=log file=" + d.folder.Path("log"),
		"--option=tls cafile=" + d.folder.Path("ca.pem"), "--option=tls certfile=" + d.folder.Path("cert.pem"), "--option=tls keyfile=" + d.folder.Path("key.pem"),
	}})
	if err != nil {
		return err
	}
	return d.process.Ready(ctx, func(ctx context.Context) error {
		return d.run(ctx, "", "ldapsearch", "-x", "-H", d.LDAP, "-s", "base", "-b", "", "1.1")
	})
}

// provision makes the domain, without a person's complexity of passwords and
// with a lock after three failures, and the account that the service signs in
// with.
func (d *Domain) provision(ctx context.Context) (err error) {
	if d.CA, err = d.folder.Certify("e2e samba"); err != nil {
		return err
	}
	if err := d.folder.Write(map[string]string{"password": adminPassword}); err != nil {
		return err
	}
	if err := d.run(ctx, "", "samba-tool", "domain", "provision", "--realm="+strings.ToUpper(Realm), "--domain=CORP", "--server-role=dc",
		"--dns-backend=NONE", "--adminpass="+adminPassword, "--targetdir="+d.folder.Path("dc"), "--use-rfc2307",
		"--option=interfaces=lo", "--option=bind interfaces only=yes", "--host-ip=127.0.0.1"); err != nil {
		return err
	}
	if err := d.Tool("domain", "passwordsettings", "set", "--complexity=off", "--account-lockout-threshold=3"); err != nil {
		return err
	}
	return d.CreateUser("service")
}

// Config is the path of its smb.conf, for the tools.
func (d *Domain) Config() string { return d.folder.Path("dc/etc/smb.conf") }

// CreateUser makes a user with Password.
func (d *Domain) CreateUser(name string, more ...string) error {
	return d.Tool(append([]string{"user", "create", name, Password}, more...)...)
}

// Tool runs samba-tool on the domain's own files.
func (d *Domain) Tool(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return d.run(ctx, "", "samba-tool", append(args, "-s", d.Config())...)
}

// Modify changes entries by LDIF, as the domain's administrator: what samba-tool
// has no words for.
func (d *Domain) Modify(program, ldif string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return d.run(ctx, ldif, program, "-x", "-H", d.LDAPS, "-D", "administrator@"+Realm, "-y", d.folder.Path("password"))
}

// Age makes a user's password one of 2020, which no door of the domain's lets
// anybody do: in its database, below all that watches over it.
func (d *Domain) Age(user string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	const script = `import ldb, sys
db = ldb.Ldb("tdb://" + sys.argv[1])
m = ldb.Message(ldb.Dn(db, sys.argv[2]))
m["pwdLastSet"] = ldb.MessageElement("132000000000000000", ldb.FLAG_MOD_REPLACE, "pwdLastSet")
db.modify(m)`
	file := d.folder.Path("dc/private/sam.ldb.d/" + strings.ToUpper(Base) + ".ldb")
	return d.run(ctx, "", "/usr/bin/python3", "-c", script, file, "CN="+user+","+Users)
}

func (d *Domain) run(ctx context.Context, stdin, program string, args ...string) error {
	return d.folder.Tool(ctx, []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "LDAPTLS_CACERT=" + d.folder.Path("ca.pem"),
		"LDAPTLS_REQCERT=allow", // the certificate says localhost; loopback, and the tests' own passwords
	}, stdin, program, args...)
}
