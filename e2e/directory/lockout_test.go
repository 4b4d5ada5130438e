package directory

import (
	"slices"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/kubecred/kubecred/e2e/internal/slapd"
	"github.com/kubecred/kubecred/ldapexchange/directory"
)

// Five failures lock an account. A wrong password whose refusal is lost on the
// way is one of them and not two, though there is another way to the server.
func TestSlapdCountsALostRefusalOnce(t *testing.T) {
	t.Parallel()
	s := slapd.Run(t)
	must(t, s.Add(person("alice")))
	url, ca := door{lost: refusal}.open(t, strings.TrimPrefix(s.LDAPS, "ldaps://"), s.CA)
	direct, lossy := options(t, s), options(t, s)
	lossy.URLs, lossy.CAFile = []string{url, s.LDAPS}, write(t, slices.Concat(ca, s.CA))
	fail := func(times int) {
		t.Helper()
		for range times {
			_, err := login(t, open(t, lossy), "alice", wrong)
			wants(t, err, directory.ErrUnavailable)
		}
	}
	fail(4)
	if _, err := login(t, open(t, direct), "alice", password); err != nil { // and the count begins anew
		t.Errorf("after 4 failures: %v", err)
	}
	fail(5)
	_, err := login(t, open(t, direct), "alice", password)
	wantsReason(t, err, directory.Locked)
}

// refusal reports whether a bind was refused (RFC 4511, section 4.2.2).
func refusal(answer *ber.Packet) bool {
	const operation, resultCode = 1, 0
	bind := answer.Children[operation]
	return bind.Tag == ldap.ApplicationBindResponse && bind.Children[resultCode].Value != int64(ldap.LDAPResultSuccess)
}
