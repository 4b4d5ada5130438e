package directory

import (
	"encoding/base64"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/samba"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/ldapexchange/directory"
)

func domainOptions(t *testing.T, d *samba.Domain) directory.Options {
	t.Helper()
	o := directory.ActiveDirectory()
	o.URLs, o.CAFile, o.ServerName = []string{d.LDAPS}, write(t, d.CA), "localhost"
	o.BindDN, o.BindPassword = samba.Service, func() (secret.Text, error) { return secret.New(samba.Password), nil }
	o.UserBase, o.Groups.Base = samba.Base, samba.Base
	o.RefuseAfter = time.Nanosecond
	return o
}

// windowsTime is one as Active Directory keeps it.
func windowsTime(at time.Time) string { return fmt.Sprint((at.Unix() + 11644473600) * 1e7) }

// TestActiveDirectory makes one domain, which takes a while, and asks it everything.
func TestActiveDirectory(t *testing.T) {
	t.Parallel()
	d := samba.Run(t)
	for _, user := range [][]string{{"Alice", "--mail-address=alice@corp.example"}, {"locked"}, {"disabled"}, {"expired"}, {"mustchange"}, {"oldpass"}, {"gone"}, {"byhour"}, {"bymachine"}, {"many"}} {
		must(t, d.CreateUser(user[0], user[1:]...))
	}
	for _, args := range [][]string{
		{"group", "add", "team"}, {"group", "add", "department"}, {"group", "add", "company"}, {"group", "add", "elsewhere"},
		{"group", "addmembers", "team", "Alice"}, {"group", "addmembers", "department", "team"},
		{"group", "addmembers", "company", "department"}, {"group", "addmembers", "team", "company"}, // a circle
	} {
		must(t, d.Tool(args...))
	}
	o := domainOptions(t, d)
	t.Run("ways in", func(t *testing.T) { waysIntoTheDomain(t, d, o) })
	t.Run("groups", func(t *testing.T) { groupsOfTheDomain(t, o) })
	t.Run("objectGUID", func(t *testing.T) { objectGUID(t, d, o) })
	t.Run("accounts", func(t *testing.T) { accountsOfTheDomain(t, d, o) })
	t.Run("restrictions", func(t *testing.T) { restrictionsOfTheDomain(t, d, o) })
	t.Run("names", func(t *testing.T) { namesOfTheDomain(t, d, o) })
	t.Run("who is bound", func(t *testing.T) { whoIsBound(t, d, o) })
	t.Run("an old password", func(t *testing.T) { passwordOfTheDomain(t, d, o) })
	t.Run("many groups", func(t *testing.T) { manyGroupsOfTheDomain(t, d, o) })
}

func waysIntoTheDomain(t *testing.T, d *samba.Domain, o directory.Options) {
	startTLS, byUPN := o, o
	startTLS.URLs = []string{d.LDAP}
	byUPN.BindTemplate = "{name}@" + samba.Realm
	for name, o := range map[string]directory.Options{"LDAPS": o, "StartTLS": startTLS, "a template": byUPN} {
		l := open(t, o)
		typed := []string{"alice", "ALICE", " Alice "}
		if o.BindTemplate == "" {
			typed = append(typed, "alice@corp.example", "ALICE@CORP.EXAMPLE")
		}
		for _, typed := range typed {
			who, err := login(t, l, typed, samba.Password)
			if err != nil || who.Name != "alice" || who.Email != "alice@corp.example" || len(who.ID) != 36 {
				t.Errorf("%s, %q: %+v, %v", name, typed, who, err)
			}
			if again, err := l.Lookup(t.Context(), who.ID); err != nil || again.Name != "alice" {
				t.Errorf("%s: Lookup: %+v, %v", name, again, err)
			}
		}
		for _, in := range [][2]string{{"nobody", samba.Password}, {"*", samba.Password}, {"alice)(sAMAccountName=*", samba.Password}} {
			_, err := login(t, l, in[0], in[1])
			wants(t, err, directory.ErrCredentials)
		}
		wants(t, l.Check(t.Context()), nil)
	}
	_, err := login(t, open(t, o), "alice", wrong)
	wants(t, err, directory.ErrCredentials)
}

func groupsOfTheDomain(t *testing.T, o directory.Options) {
	nested := []string{"company", "department", "team"}
	groups := func(g directory.GroupOptions) directory.GroupOptions {
		g.Base, g.NameAttribute = samba.Base, "sAMAccountName"
		return g
	}
	for name, c := range map[string]struct {
		g    directory.GroupOptions
		want []string
	}{
		"rule 1941":             {o.Groups, nested},
		"tokenGroups":           {groups(directory.GroupOptions{Mode: directory.TokenGroups}), append(slices.Clone(nested), "Domain Users", "Users")},
		"memberOf":              {groups(directory.GroupOptions{Mode: directory.MemberOf}), []string{"team"}},
		"memberOf, recursively": {groups(directory.GroupOptions{Mode: directory.MemberOf, Depth: 10}), nested},
		"search, recursively":   {groups(directory.GroupOptions{Mode: directory.SearchGroups, Filter: "(member={dn})", Depth: 10}), nested},
	} {
		o.Groups = c.g
		who, err := login(t, open(t, o), "alice", samba.Password)
		slices.Sort(c.want)
		if err != nil || !slices.Equal(who.Groups, c.want) {
			t.Errorf("%s: %q, %v; want %q", name, who.Groups, err, c.want)
		}
	}
}

// objectGUID compares with what Samba's own tool prints.
func objectGUID(t *testing.T, d *samba.Domain, o directory.Options) {
	who, err := login(t, open(t, o), "alice", samba.Password)
	must(t, err)
	out, err := exec.Command("samba-tool", "user", "show", "alice", "--attributes=objectGUID", "-s", d.Config()).CombinedOutput()
	must(t, err)
	found := regexp.MustCompile(`objectGUID: (\S+)`).FindSubmatch(out)
	if found == nil || string(found[1]) != who.ID {
		t.Errorf("%q, and samba-tool says %s", who.ID, out)
	}
}

func accountsOfTheDomain(t *testing.T, d *samba.Domain, o directory.Options) {
	l := open(t, o)
	names := []string{"locked", "disabled", "expired", "mustchange", "oldpass", "gone"}
	ids := map[string]string{}
	for _, name := range names {
		who, err := login(t, l, name, samba.Password)
		must(t, err)
		ids[name] = who.ID
	}
	dn := func(name string) string { return "CN=" + name + "," + samba.Users }
	must(t, d.Tool("user", "disable", "disabled"))
	must(t, d.Tool("user", "delete", "gone"))
	must(t, d.Modify("ldapmodify", "dn: "+dn("expired")+"\nchangetype: modify\nreplace: accountExpires\naccountExpires: "+
		windowsTime(time.Now().Add(-time.Hour))+"\n\ndn: "+dn("mustchange")+"\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: 0\n"))
	for range 3 {
		_, err := login(t, l, "locked", wrong)
		wants(t, err, directory.ErrCredentials)
	}
	for name, want := range map[string]directory.Reason{
		"locked": directory.Locked, "disabled": directory.Disabled, "expired": directory.Expired, "mustchange": directory.MustChange,
	} {
		_, err := login(t, l, name, samba.Password)
		wantsReason(t, err, want)
		_, err = l.Lookup(t.Context(), ids[name])
		wantsReason(t, err, want)
		if name != "locked" { // whose lock is told to anybody
			_, err = login(t, l, name, wrong)
			wants(t, err, directory.ErrCredentials)
		}
	}
	_, err := l.Lookup(t.Context(), ids["gone"])
	wants(t, err, directory.ErrGone)
	_, err = login(t, l, "gone", samba.Password)
	wants(t, err, directory.ErrCredentials)
}

// restrictionsOfTheDomain: Samba tells an hour (530) and a machine (531) from a
// wrong password (52e), as Active Directory does.
func restrictionsOfTheDomain(t *testing.T, d *samba.Domain, o directory.Options) {
	l := open(t, o)
	who, err := login(t, l, "byhour", samba.Password)
	must(t, err)
	const never = "AAAAAAAAAAAAAAAAAAAAAAAAAAAA" // 21 bytes, a bit for each hour of the week
	must(t, d.Modify("ldapmodify", "dn: CN=byhour,"+samba.Users+"\nchangetype: modify\nreplace: logonHours\nlogonHours:: "+never+
		"\n\ndn: CN=bymachine,"+samba.Users+"\nchangetype: modify\nreplace: userWorkstations\nuserWorkstations: ELSEWHERE\n"))
	byUPN := o
	byUPN.BindTemplate = "{name}@" + samba.Realm
	for _, l := range []*directory.LDAP{l, open(t, byUPN)} {
		for _, name := range []string{"byhour", "bymachine"} {
			_, err := login(t, l, name, samba.Password)
			wantsReason(t, err, directory.Restricted)
			_, err = login(t, l, name, wrong)
			wants(t, err, directory.ErrCredentials)
		}
	}
	_, err = l.Lookup(t.Context(), who.ID)
	wantsReason(t, err, directory.Restricted)
}

// namesOfTheDomain are those that samba-tool refuses and a domain may have.
func namesOfTheDomain(t *testing.T, d *samba.Domain, o directory.Options) {
	l := open(t, o)
	for i, name := range []string{"O'Brien, Pat", "Jörg Müller", `Smith "JJ"`, "a+b;c<d>", "(team) *", "李小龍 😀"} {
		account := fmt.Sprint("user", i)
		must(t, d.CreateUser(account))
		rdn := base64.StdEncoding.EncodeToString([]byte("CN=" + escaped(name)))
		must(t, d.Modify("ldapmodify", "dn: CN="+account+","+samba.Users+"\nchangetype: modrdn\nnewrdn:: "+rdn+"\ndeleteoldrdn: 1\n"))
		must(t, d.Tool("group", "addmembers", "team", account))
		who, err := login(t, l, account, samba.Password)
		if err != nil || who.Name != account || !slices.Equal(who.Groups, []string{"company", "department", "team"}) {
			t.Errorf("%q: %+v, %v", name, who, err)
		}
	}
}

// whoIsBound: what is typed is one name, and the account has another.
func whoIsBound(t *testing.T, d *samba.Domain, o directory.Options) {
	must(t, d.CreateUser("msmith"))
	must(t, d.Modify("ldapmodify", "dn: CN=msmith,"+samba.Users+
		"\nchangetype: modify\nreplace: userPrincipalName\nuserPrincipalName: mary.smith@corp.example\n"))
	o.BindTemplate = "{name}@" + samba.Realm
	who, err := login(t, open(t, o), "mary.smith", samba.Password)
	if err != nil || who.Name != "msmith" {
		t.Errorf("%+v, %v; want msmith", who, err)
	}
}

func passwordOfTheDomain(t *testing.T, d *samba.Domain, o directory.Options) {
	l := open(t, o)
	who, err := login(t, l, "oldpass", samba.Password)
	must(t, err)
	must(t, d.Age("oldpass"))
	_, err = login(t, l, "oldpass", samba.Password)
	wantsReason(t, err, directory.PasswordExpired)
	_, err = l.Lookup(t.Context(), who.ID)
	wantsReason(t, err, directory.PasswordExpired)
	_, err = login(t, l, "oldpass", wrong)
	wants(t, err, directory.ErrCredentials)
}
