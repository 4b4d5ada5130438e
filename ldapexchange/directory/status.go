package directory

// Accounts that may not in: what a refused bind says, and what an entry says
// whose password nobody has just given, at a refresh.

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
)

// adReasons are Active Directory's, from the "data" of a refused bind, which is
// an error of Windows in hexadecimal ([MS-ERREF], section 2.2). 525 and 52e are
// an unknown user and a wrong password. All but 775 are told only to whoever had
// the right password.
var adReasons = map[string]Reason{
	"52f": Restricted, // by a policy
	"530": Restricted, // at this hour
	"531": Restricted, // from this machine
	"532": PasswordExpired,
	"533": Disabled,
	"568": Restricted, // in more groups than a domain controller takes
	"569": Restricted, // in this way, such as over a network
	"701": Expired,
	"773": MustChange,
	"775": Locked,
}

// bindError tells a person's own trouble from the directory's. What it does not
// know it returns as it is.
func bindError(err error) error {
	var refused *resultError
	if !errors.As(err, &refused) {
		return err
	}
	if reason, ok := adReasons[refused.reason]; ok {
		return &AccountError{reason}
	}
	switch refused.code {
	case codeInvalidCredentials, codeNoSuchObject, codeInvalidDN, codeInappropriateAuth:
		return ErrCredentials
	case codeConstraint: // 389 Directory Server, after too many failures
		return &AccountError{Locked}
	case codeUnwilling: // 389 Directory Server and FreeIPA, of an account that is switched off
		return &AccountError{Restricted}
	}
	return err
}

// Attributes of OpenLDAP's ppolicy and of Active Directory.
const (
	pwdLocked  = "pwdAccountLockedTime"
	pwdReset   = "pwdReset"
	pwdChanged = "pwdChangedTime"
	pwdStart   = "pwdStartTime"
	pwdEnd     = "pwdEndTime"
	pwdPolicy  = "pwdPolicySubentry"

	adControl  = "userAccountControl"
	adComputed = "msDS-User-Account-Control-Computed"
	adExpires  = "accountExpires"
	adLastSet  = "pwdLastSet"
	adHours    = "logonHours"
)

func (s Status) attributes() []string {
	switch s {
	case PasswordPolicy:
		return []string{pwdLocked, pwdReset, pwdChanged, pwdStart, pwdEnd, pwdPolicy}
	case AccountControl:
		return []string{adControl, adComputed, adExpires, adLastSet, adHours}
	}
	return nil
}

// checkStatus returns an *AccountError for an account that may not in.
func (l *LDAP) checkStatus(ctx context.Context, c *conn, found entry) error {
	var reason Reason
	switch l.o.Status {
	case PasswordPolicy:
		rules, err := l.policyOf(ctx, c, found)
		if err != nil {
			return err
		}
		reason = policyStatus(found, rules, l.o.now())
	case AccountControl:
		reason = controlStatus(found, l.o.now())
	}
	if reason != "" {
		return &AccountError{reason}
	}
	return nil
}

// Bits of userAccountControl and its computed sibling ([MS-ADTS], sections
// 2.2.16 and 3.1.1.4.5.17).
const (
	uacDisabled        = 0x2
	uacLockout         = 0x10
	uacPasswordForever = 0x10000
	uacPasswordExpired = 0x800000
)

// controlStatus reads an account of Active Directory. An entry that does not
// show its userAccountControl to the service is taken for a disabled one.
func controlStatus(e entry, now time.Time) Reason {
	control, err := strconv.ParseInt(e.first(adControl), 10, 64)
	computed, _ := strconv.ParseInt(e.first(adComputed), 10, 64)
	expires, _ := strconv.ParseInt(e.first(adExpires), 10, 64)
	switch {
	case err != nil || control&uacDisabled != 0:
		return Disabled
	case (control|computed)&uacLockout != 0:
		return Locked
	case fileTimePassed(expires, now):
		return Expired
	case e.first(adLastSet) == "0" && control&uacPasswordForever == 0:
		return MustChange
	case computed&uacPasswordExpired != 0:
		return PasswordExpired
	case !hourAllowed(e.first(adHours), now):
		return Restricted
	}
	return ""
}

// hourAllowed reads logonHours: a bit for each hour of the week, which begins
// with Sunday in UTC ([MS-SAMR], section 2.2.6.5). Without it all are allowed.
func hourAllowed(hours string, now time.Time) bool {
	const week = 7 * 24 / 8 // bytes
	if len(hours) != week {
		return hours == ""
	}
	now = now.UTC()
	hour := int(now.Weekday())*24 + now.Hour()
	return hours[hour/8]>>(hour%8)&1 == 1
}

// fileTimePassed reads a time of Windows: steps of 100 ns since 1601. Zero and
// the largest number are never.
func fileTimePassed(t int64, now time.Time) bool {
	const never, epoch = 1<<63 - 1, 11644473600 // seconds from 1601 to 1970
	if t <= 0 || t == never {
		return false
	}
	return now.After(time.Unix(t/1e7-epoch, t%1e7*100))
}

// policy is what of a pwdPolicy entry counts here.
type policy struct {
	known      bool
	lockout    time.Duration // 0: until an administrator unlocks
	maxAge     time.Duration // 0: passwords last for ever
	mustChange bool
	grace      int64 // binds that are left after the end
}

// policyStatus reads an account under ppolicy. Where the policy itself cannot be
// read, whatever mark the entry has counts.
func policyStatus(e entry, p policy, now time.Time) Reason {
	switch {
	case policyLocked(e, p, now):
		return Locked
	case outside(e, now):
		return Expired
	case strings.EqualFold(e.first(pwdReset), "TRUE") && (p.mustChange || !p.known):
		return MustChange
	case p.maxAge > 0 && p.grace == 0 && passed(e.first(pwdChanged), p.maxAge, now):
		return PasswordExpired
	}
	return ""
}

// lockedForGood is the time that stands for an administrator's lock.
const lockedForGood = "000001010000Z"

func policyLocked(e entry, p policy, now time.Time) bool {
	since := e.first(pwdLocked)
	switch {
	case since == "":
		return false
	case since == lockedForGood || p.lockout == 0:
		return true
	}
	return !passed(since, p.lockout, now)
}

// outside reports whether now is before pwdStartTime or after pwdEndTime.
func outside(e entry, now time.Time) bool {
	if start, err := generalizedTime(e.first(pwdStart)); err == nil && now.Before(start) {
		return true
	}
	return passed(e.first(pwdEnd), 0, now)
}

// passed reports whether a time and more is over. A time that cannot be read is not.
func passed(text string, and time.Duration, now time.Time) bool {
	t, err := generalizedTime(text)
	return err == nil && now.After(t.Add(and))
}

// generalizedTime reads what OpenLDAP writes (RFC 4517, section 3.3.13), with
// or without a fraction.
func generalizedTime(text string) (time.Time, error) {
	whole, _, _ := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
	return time.Parse("20060102150405", whole)
}

// policies remembers policies for a minute; they are few and seldom change.
type policies struct {
	mu    sync.Mutex
	known map[string]datedPolicy
}

type datedPolicy struct {
	policy
	until time.Time
}

// policyFor is how long a policy is remembered, and maxPolicies how many are.
const (
	policyFor   = time.Minute
	maxPolicies = 100
)

// policyOf reads the policy of an entry, from its own or the default one. One
// that is not there or not shown is unknown, and no error.
func (l *LDAP) policyOf(ctx context.Context, c *conn, e entry) (policy, error) {
	at := e.first(pwdPolicy)
	if at == "" {
		at = l.o.PolicyDN
	}
	if at == "" {
		return policy{}, nil
	}
	if p, ok := l.policies.get(at, l.o.now()); ok {
		return p, nil
	}
	found, err := c.search(ctx, l.o.SearchTimeout, query{
		base: at, scope: scopeBase, filter: "(objectClass=pwdPolicy)", most: 1,
		attributes: []string{"pwdLockoutDuration", "pwdMaxAge", "pwdMustChange", "pwdGraceAuthNLimit"},
	})
	var refused *resultError
	if err != nil && (failed(err) || !errors.As(err, &refused)) {
		return policy{}, err
	}
	var p policy
	if len(found) > 0 {
		p = readPolicy(found[0])
	}
	l.policies.put(at, datedPolicy{p, l.o.now().Add(policyFor)})
	return p, nil
}

func readPolicy(e entry) policy {
	number := func(attribute string) int64 {
		n, _ := strconv.ParseInt(e.first(attribute), 10, 64)
		return n
	}
	return policy{
		known:      true,
		lockout:    time.Duration(number("pwdLockoutDuration")) * time.Second,
		maxAge:     time.Duration(number("pwdMaxAge")) * time.Second,
		mustChange: strings.EqualFold(e.first("pwdMustChange"), "TRUE"),
		grace:      number("pwdGraceAuthNLimit"),
	}
}

func (p *policies) get(at string, now time.Time) (policy, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.known[at]
	return known.policy, ok && now.Before(known.until)
}

func (p *policies) put(at string, known datedPolicy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known) >= maxPolicies {
		p.known = map[string]datedPolicy{}
	}
	p.known[at] = known
}
