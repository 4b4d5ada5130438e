package directory

import (
	"fmt"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/ldaptest"
)

// refusing is a server that refuses every user's bind in these words.
func refusing(t *testing.T, a *ldaptest.Answer) *LDAP {
	t.Helper()
	s := ldaptest.New(t, tree()...)
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation == ldaptest.Bind && r.DN != serviceDN {
			return a
		}
		return nil
	}
	s.Serve(t)
	return newLDAP(t, options(t, s))
}

func TestActiveDirectoryReasons(t *testing.T) {
	a := &ldaptest.Answer{Code: 49}
	l := refusing(t, a)
	for data, reason := range map[string]Reason{
		"52e": "", "525": "", "57": "", "52f": Restricted, "530": Restricted, "531": Restricted, "568": Restricted, "569": Restricted, "532": PasswordExpired, "533": Disabled,
		"701": Expired, "773": MustChange, "775": Locked,
	} {
		a.Diagnostic = "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data " + data + ", v2580\x00"
		_, err := login(t, l, "alice", alicePass)
		if reason == "" {
			wants(t, err, ErrCredentials)
		} else {
			wantsReason(t, err, reason)
		}
	}
	// Somebody's name that quotes the words is not the server's verdict.
	a.Diagnostic = "invalid credentials for data 775"
	_, err := login(t, l, "alice", alicePass)
	wants(t, err, ErrCredentials)
}

func TestPasswordPolicyAtABind(t *testing.T) {
	a := &ldaptest.Answer{}
	l := refusing(t, a)
	for _, c := range []struct {
		code    int
		control byte
		reason  Reason
	}{{49, 0, PasswordExpired}, {49, 1, Locked}, {0, 2, MustChange}, {0, 0, PasswordExpired}} {
		*a = ldaptest.Answer{Code: c.code, Controls: []*ldaptest.Packet{ldaptest.PolicyControl(c.control)}}
		_, err := login(t, l, "alice", alicePass)
		wantsReason(t, err, c.reason)
	}
	// A control without an error, such as a warning of an expiry to come.
	*a = ldaptest.Answer{Controls: []*ldaptest.Packet{ldaptest.Control("1.3.6.1.4.1.42.2.27.8.5.1", []byte{0x30, 5, 0xa0, 3, 0x80, 1, 60})}}
	if _, err := login(t, l, "alice", alicePass); err != nil {
		t.Error(err)
	}
	*a = ldaptest.Answer{Code: 49, Controls: a.Controls}
	_, err := login(t, l, "alice", alicePass)
	wants(t, err, ErrCredentials)
}

// now is the time in the tests of this file.
var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// refreshed looks alice up whose entry has these attributes besides.
func refreshed(t *testing.T, status Status, policyDN string, pairs ...string) error {
	t.Helper()
	s := ldaptest.Start(t, tree()...)
	s.Add(with(person("alice", aliceID, alicePass), pairs...), ldaptest.Entry{DN: "cn=default," + base, Attributes: attrs(
		"objectClass", "pwdPolicy", "pwdLockoutDuration", "300", "pwdMaxAge", "86400", "pwdMustChange", "TRUE")})
	o := options(t, s)
	o.Status, o.PolicyDN, o.now = status, policyDN, func() time.Time { return now }
	l := newLDAP(t, o)
	_, err := l.Lookup(t.Context(), aliceID)
	_, again := login(t, l, "alice", alicePass)
	if fmt.Sprint(err) != fmt.Sprint(again) {
		t.Errorf("%v: Lookup says %v and Authenticate %v", pairs, err, again)
	}
	return err
}

func ago(d time.Duration) string { return now.Add(-d).Format("20060102150405Z") }

func TestPasswordPolicyAtARefresh(t *testing.T) {
	known := "cn=default," + base
	for _, c := range []struct {
		policy string
		reason Reason
		pairs  []string
	}{
		{"", "", nil},
		{"", Locked, []string{pwdLocked, "000001010000Z"}},
		{known, Locked, []string{pwdLocked, "000001010000Z"}},
		{"", Locked, []string{pwdLocked, ago(time.Hour)}}, // nobody knows for how long
		{known, "", []string{pwdLocked, ago(time.Hour)}},
		{known, Locked, []string{pwdLocked, ago(time.Minute)}},
		{known, Locked, []string{pwdLocked, "20261124115959.123456Z"}},
		{"", Locked, []string{pwdLocked, "nonsense"}},
		{"", MustChange, []string{pwdReset, "TRUE"}},
		{known, MustChange, []string{pwdReset, "TRUE"}},
		{known, "", []string{pwdReset, "FALSE"}},
		{known, PasswordExpired, []string{pwdChanged, ago(25 * time.Hour)}},
		{known, "", []string{pwdChanged, ago(23 * time.Hour)}},
		{"", PasswordExpired, []string{pwdChanged, ago(25 * time.Hour), pwdPolicy, known}},
		{"cn=none," + base, "", []string{pwdChanged, ago(25 * time.Hour)}},
		{"", Expired, []string{pwdEnd, ago(time.Second)}},
		{"", Expired, []string{pwdStart, ago(-time.Hour)}},
		{"", "", []string{pwdStart, ago(time.Hour), pwdEnd, ago(-time.Hour)}},
	} {
		err := refreshed(t, PasswordPolicy, c.policy, c.pairs...)
		if c.reason != "" {
			wantsReason(t, err, c.reason)
		} else if err != nil {
			t.Errorf("%v: %v", c.pairs, err)
		}
	}
}

// filetime is a time as Active Directory keeps it.
func filetime(at time.Time) string { return fmt.Sprint((at.Unix() + 11644473600) * 1e7) }

// hours are logonHours in which those of the week are allowed.
func hours(allowed ...int) string {
	bits := make([]byte, 21)
	for _, hour := range allowed {
		bits[hour/8] |= 1 << (hour % 8)
	}
	return string(bits)
}

func TestAccountControl(t *testing.T) {
	const normal = "512"
	for _, c := range []struct {
		reason Reason
		pairs  []string
	}{
		{"", []string{adControl, normal, adExpires, "0", adLastSet, "133000000000000000"}},
		{"", []string{adControl, normal, adExpires, "9223372036854775807"}},
		{Disabled, []string{adControl, "514"}},
		{Disabled, nil}, // it is not shown
		{Disabled, []string{adControl, "?"}},
		{Locked, []string{adControl, normal, adComputed, "16"}},
		{Expired, []string{adControl, normal, adExpires, filetime(now.Add(-time.Second))}},
		{"", []string{adControl, normal, adExpires, filetime(now.Add(time.Second))}},
		{MustChange, []string{adControl, normal, adLastSet, "0", adComputed, "8388608"}},
		{"", []string{adControl, "66048", adLastSet, "0"}}, // its password never expires
		{PasswordExpired, []string{adControl, normal, adLastSet, "1", adComputed, "8388608"}},
		{Restricted, []string{adControl, normal, adHours, hours()}},
		{"", []string{adControl, normal, adHours, hours(2*24 + 12)}}, // Tuesday, 12 to 13
		{Restricted, []string{adControl, normal, adHours, hours(2*24+11, 2*24+13, 1*24+12)}},
		{Restricted, []string{adControl, normal, adHours, "?"}},
	} {
		err := refreshed(t, AccountControl, "", c.pairs...)
		if c.reason != "" {
			wantsReason(t, err, c.reason)
		} else if err != nil {
			t.Errorf("%v: %v", c.pairs, err)
		}
	}
}

// Read from a domain controller, byte by byte, and as Windows shows it.
func TestObjectGUID(t *testing.T) {
	raw := "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
	const text = "00112233-4455-6677-8899-aabbccddeeff"
	if got, err := guidText(raw); err != nil || got != text {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := guidBytes(text); err != nil || got != raw {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "00112233", text + "0", "0011223344556677-8899-aabbccddeeff", "00112233-4455-6677-8899-AABBCCDDEEFF", "*"} {
		if _, err := guidBytes(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	s := ldaptest.Start(t, tree()...)
	s.Add(with(person("alice", "", alicePass), "objectGUID", raw))
	o := options(t, s)
	o.IDAttribute, o.IDIsGUID = "objectGUID", true
	l := newLDAP(t, o)
	who, err := login(t, l, "alice", alicePass)
	if err != nil || who.ID != text {
		t.Errorf("%+v, %v", who, err)
	}
	if who, err = l.Lookup(t.Context(), text); err != nil || who.Name != "alice" {
		t.Errorf("%+v, %v", who, err)
	}
	asked := false
	for _, r := range s.Requests(ldaptest.Search) {
		asked = asked || len(r.Filter.Children) > 0 && r.Filter.Children[0].String() == fmt.Sprintf("objectGUID = %q", raw)
	}
	if !asked {
		t.Error("the server was not asked for the bytes")
	}
}

// The hours are UTC's wherever the service runs.
func TestHoursAreUTC(t *testing.T) {
	there := time.FixedZone("", 9*60*60)
	if !hourAllowed(hours(2*24+12), now.In(there)) || hourAllowed(hours(2*24+21), now.In(there)) {
		t.Error("the service's own zone counts")
	}
}
