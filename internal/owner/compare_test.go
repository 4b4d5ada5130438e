package owner

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/kubecred/kubecred/internal/selfreview"
)

func TestCompare(t *testing.T) {
	said := Said{
		Names:  []Claim{{"sub", "u-1"}, {"email", "alice@x"}, {"preferred_username", "alice"}},
		Groups: []Claims{{"groups", []string{"dev", "ops"}}, {"roles", []string{"admin"}}},
		Issuer: "https://i", ID: "JTI=j",
	}
	paper := Said{Names: []Claim{{"CN", "alice"}, {"UID", "u-1"}}, Groups: []Claims{{"O", []string{"dev"}}}, ID: "X509SHA256=d"}
	user := func(name, uid string, groups ...string) selfreview.User {
		return selfreview.User{Name: name, UID: uid, Groups: groups}
	}
	with := func(u selfreview.User, id string) selfreview.User {
		u.Extra = map[string][]string{credentialID: {id}}
		return u
	}
	for name, test := range map[string]struct {
		said   Said
		user   selfreview.User
		name   string // CLAIM
		groups string // SAID=SEEN…
		why    string
	}{
		"the same":               {said, user("u-1", "", "dev", "ops"), "sub", "dev=dev ops=ops ", ""},
		"by the mail":            {said, user("alice@x", "u-1", "dev", "ops"), "email", "dev=dev ops=ops ", ""},
		"by the exact one":       {said, user("alice", "", "dev", "ops"), "preferred_username", "dev=dev ops=ops ", ""},
		"own prefix":             {said, user("https://i#u-1", "", "dev", "ops"), "sub", "dev=dev ops=ops ", "The issuer and #"},
		"another's prefix":       {said, user("x#u-1", "", "dev", "ops"), "sub", "dev=dev ops=ops ", "puts x# before the user name"},
		"prefixes":               {said, user("oidc:alice@x", "", "g:ops", "g:dev", "system:authenticated"), "email", "dev=g:dev ops=g:ops =system:authenticated ", "puts oidc: before the user name; puts g: before groups; adds system:authenticated"},
		"an expression's name":   {said, user("someone", "x", "dev", "ops"), "sub", "dev=dev ops=ops ", "No claim holds this user name; No claim holds the UID"},
		"another claim's groups": {said, user("u-1", "", "r:admin"), "sub", "admin=r:admin ", "puts r: before groups"},
		"no groups":              {said, user("u-1", ""), "sub", "dev= ops= ", "took no group"},
		"fewer groups":           {said, user("u-1", "", "dev"), "sub", "dev=dev ops= ", "left a group out"},
		"more groups":            {said, user("u-1", "", "dev", "ops", "a", "b", "a"), "sub", "dev=dev ops=ops =a =b ", "No claim holds 2 groups"},
		"this credential":        {said, with(user("u-1", "", "dev", "ops"), "JTI=j"), "sub", "dev=dev ops=ops ", ""},
		"another credential":     {said, with(user("u-1", "", "dev", "ops"), "JTI=k"), "sub", "dev=dev ops=ops ", "saw another credential"},
		"anonymous":              {said, user(Anonymous, "", "system:unauthenticated"), "sub", "dev= ops= =system:unauthenticated ", "counts the request as anonymous"},
		"opaque":                 {Said{}, user("admin", "1", "a", "system:authenticated"), "", "=a =system:authenticated ", "The token is opaque; adds system:authenticated"},
		"a certificate":          {paper, user("alice", "u-1", "dev", "system:authenticated"), "CN", "dev=dev =system:authenticated ", "adds system:authenticated"},
		"without its UID":        {paper, user("alice", "", "dev"), "CN", "dev=dev ", "takes no UID"},
		"someone else's":         {paper, user("proxy", "", "dev"), "CN", "dev=dev ", "No claim holds this user name; takes no UID"},
		"system:masters":         {Said{Names: paper.Names[:1], Groups: []Claims{{"O", []string{"system:masters"}}}}, user("alice", "", "system:masters", "system:authenticated"), "CN", "system:masters=system:masters =system:authenticated ", "adds system:authenticated"},
		"a group authenticated":  {Said{Names: paper.Names[:1], Groups: []Claims{{"O", []string{"authenticated"}}}}, user("alice", "", "system:authenticated"), "CN", "authenticated= =system:authenticated ", "took no group; adds system:authenticated"},
		"an empty group":         {Said{Names: paper.Names[:1], Groups: []Claims{{"O", []string{""}}}}, user("alice", "", "x"), "CN", "=x ", "No claim holds a group"},
	} {
		got := Compare(test.said, test.user)
		groups := ""
		for _, pair := range got.Groups {
			groups += fmt.Sprintf("%s=%s ", pair.Said, pair.Seen)
		}
		if got.Name.Claim != test.name || got.Name.Seen != test.user.Name || groups != test.groups || got.UID.Seen != test.user.UID {
			t.Errorf("%s: name %+v, UID %+v, groups %s", name, got.Name, got.UID, groups)
		}
		holds(t, name, got.Why, test.why)
	}
}

// Whatever both sides hold, it ends soon, and each group of the server's is
// there once.
func TestCompareIsBounded(t *testing.T) {
	var many []string
	for i := range 10_000 {
		many = append(many, fmt.Sprint("g", i))
	}
	got := Compare(Said{Names: []Claim{{"sub", "u"}}, Groups: []Claims{{"groups", many}, {"roles", many}}}, selfreview.User{Name: "u", Groups: many})
	if len(got.Groups) != len(many) || !reflect.DeepEqual(got.Groups[9_999], Pair{"groups", "g9999", "g9999"}) || len(got.Why) != 0 {
		t.Errorf("%d groups, the last %+v, %q", len(got.Groups), got.Groups[len(got.Groups)-1], got.Why)
	}
}
