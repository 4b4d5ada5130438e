package directory

// The one file that knows go-ldap, and what is odd about it:
//
//   - It dials and shakes hands without a context, and its requests without a
//     deadline (https://github.com/go-ldap/ldap/issues/181): dial.go hands it a
//     connection that is open and encrypted, and during gives each request a
//     deadline on the wire.
//   - NewConn wants Start called (https://github.com/go-ldap/ldap/issues/356).
//   - Close waits for its goroutines for as long as SetTimeout says, and for
//     ever without (https://github.com/go-ldap/ldap/pull/432).
//   - Its codes from 200 on are its own and no server's.
//   - Its errors repeat the server's words, which repeat what was sent: only
//     the code is taken from them, and Active Directory's reason.
//   - SearchWithPaging has no bound: search turns the pages itself.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/kubecred/kubecred/internal/secret"
)

// Two languages, two escapes. A value goes through exactly one of them: a DN
// inside a filter is a value of the filter's, and a name inside a DN is a value
// of the DN's.

// escapeFilter makes value one assertion value of a filter (RFC 4515, section
// 3): NUL, parentheses, asterisk, backslash and all that is not ASCII become
// \xx.
func escapeFilter(value string) string { return ldap.EscapeFilter(value) }

// escapeDN makes value one attribute value of a DN (RFC 4514, section 2.4).
func escapeDN(value string) string { return ldap.EscapeDN(value) }

// checkFilter reports whether a filter can be sent.
func checkFilter(filter string) error {
	_, err := ldap.CompileFilter(filter)
	return err
}

// The result codes that are told apart (RFC 4511, appendix A.2).
const (
	codeProtocol           = ldap.LDAPResultProtocolError
	codeSizeLimit          = ldap.LDAPResultSizeLimitExceeded
	codeConstraint         = ldap.LDAPResultConstraintViolation
	codeNoSuchObject       = ldap.LDAPResultNoSuchObject
	codeInvalidDN          = ldap.LDAPResultInvalidDNSyntax
	codeInappropriateAuth  = ldap.LDAPResultInappropriateAuthentication
	codeInvalidCredentials = ldap.LDAPResultInvalidCredentials
	codeBusy               = ldap.LDAPResultBusy
	codeUnavailable        = ldap.LDAPResultUnavailable
	codeUnwilling          = ldap.LDAPResultUnwillingToPerform
)

// resultError is a server's refusal.
type resultError struct {
	code   uint16
	reason string // Active Directory's, such as "52e"; empty elsewhere
}

func (e *resultError) Error() string {
	return fmt.Sprintf("the server answered %d (%s)", e.code, ldap.LDAPResultCodeMap[e.code])
}

// hasCode reports whether err is a server's refusal with one of the codes.
func hasCode(err error, codes ...uint16) bool {
	var refused *resultError
	if !errors.As(err, &refused) {
		return false
	}
	for _, code := range codes {
		if refused.code == code {
			return true
		}
	}
	return false
}

// conn is an open connection, for one request at a time.
type conn struct {
	ldap  *ldap.Conn
	wire  *wire
	since time.Time // when it was last used
}

// newConn takes a connection that is encrypted already, where it is to be.
func newConn(open net.Conn) *conn {
	c := &conn{wire: &wire{Conn: open}}
	c.ldap = ldap.NewConn(c.wire, true)
	c.ldap.Start()
	return c
}

// closeGrace is what go-ldap gets to end its goroutines.
const closeGrace = time.Second

func (c *conn) close() {
	c.ldap.SetTimeout(closeGrace)
	c.wire.abort()
	c.ldap.Close()
}

// alive reports whether the connection can still be used, as far as it is known.
func (c *conn) alive() bool { return c.wire.broken() == nil && !c.ldap.IsClosing() }

// during runs one request. It ends with the context or after limit, whichever
// is first; then the connection is of no use any more.
func (c *conn) during(ctx context.Context, limit time.Duration, request func() error) error {
	deadline := time.Now().Add(limit)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(deadline) {
		deadline = earlier
	}
	c.wire.begin(deadline)
	c.ldap.SetTimeout(limit + closeGrace)
	stop := context.AfterFunc(ctx, c.wire.abort)
	err := request()
	if !stop() {
		c.wire.note(context.Cause(ctx))
	}
	c.wire.end()
	return c.explain(err)
}

// explain turns go-ldap's error into a *resultError or into what broke the wire.
func (c *conn) explain(err error) error {
	if err == nil {
		return nil
	}
	var answer *ldap.Error
	if errors.As(err, &answer) && answer.ResultCode < ldap.ErrorNetwork {
		return &resultError{answer.ResultCode, activeDirectoryReason(answer)}
	}
	c.wire.note(errNotLDAP) // if nothing else broke it: the stream is of no use now
	cause := c.wire.broken()
	if cause == errMore {
		return errMore
	}
	return &brokenError{cause}
}

var errNotLDAP = errors.New("the server's answer is not LDAP")

// brokenError is a connection of no use any more, or one that was never there.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *brokenError) Unwrap() error { return e.err }

var adReason = regexp.MustCompile(`AcceptSecurityContext error, data ([0-9a-f]{1,8})\b`)

// activeDirectoryReason reads why a bind failed, such as "775". Samba says it
// in the same words.
func activeDirectoryReason(answer *ldap.Error) string {
	if answer.Err == nil {
		return ""
	}
	if found := adReason.FindStringSubmatch(answer.Err.Error()); found != nil {
		return found[1]
	}
	return ""
}

// bind sends one simple bind, asking for what a password policy has to say
// (draft-behera-ldap-password-policy-10). What it says is returned as an
// *AccountError.
func (c *conn) bind(ctx context.Context, limit time.Duration, dn string, password secret.Text) error {
	if dn == "" || password.Empty() {
		return errors.New("this would be an anonymous bind") // it would succeed
	}
	var controls []ldap.Control
	err := c.during(ctx, limit, func() error {
		request := ldap.NewSimpleBindRequest(dn, password.Reveal(), []ldap.Control{ldap.NewControlBeheraPasswordPolicy()})
		result, err := c.ldap.SimpleBind(request)
		if result != nil {
			controls = result.Controls
		}
		return err
	})
	if reason := policyReason(controls); reason != "" && (err == nil || hasCode(err, codeInvalidCredentials)) {
		return &AccountError{reason}
	}
	return err
}

// policyReason is what a server's password policy has against an account. A
// warning, such as of an expiry to come, is nothing.
func policyReason(controls []ldap.Control) Reason {
	policy, ok := ldap.FindControl(controls, ldap.ControlTypeBeheraPasswordPolicy).(*ldap.ControlBeheraPasswordPolicy)
	if !ok {
		return ""
	}
	switch policy.Error { // -1 where there is none
	case ldap.BeheraPasswordExpired:
		return PasswordExpired
	case ldap.BeheraAccountLocked:
		return Locked
	case ldap.BeheraChangeAfterReset:
		return MustChange
	}
	return ""
}

// whoAmI asks the server who is signed in on this connection (RFC 4532):
// "dn:…", or Active Directory's "u:DOMAIN\name".
func (c *conn) whoAmI(ctx context.Context, limit time.Duration) (who string, err error) {
	err = c.during(ctx, limit, func() error {
		result, err := c.ldap.WhoAmI(nil)
		if err == nil {
			who = result.AuthzID
		}
		return err
	})
	return who, err
}

// The scopes of a query (RFC 4511, section 4.5.1.2).
const (
	scopeBase    = ldap.ScopeBaseObject
	scopeSubtree = ldap.ScopeWholeSubtree
)

// query is one search.
type query struct {
	base       string
	scope      int
	filter     string
	attributes []string
	most       int // entries that are wanted
}

// pageSize is below the 1,000 entries that Active Directory sends at once.
const pageSize = 500

// errMore is an answer with more entries than were wanted.
var errMore = errors.New("more entries than were wanted")

// search returns what the query finds. References to other servers are passed
// over, and a referral is a refusal like others: neither is ever followed.
// With more entries than wanted the error is errMore.
func (c *conn) search(ctx context.Context, limit time.Duration, q query) ([]entry, error) {
	request := &ldap.SearchRequest{
		BaseDN: q.base, Scope: q.scope, Filter: q.filter, Attributes: q.attributes,
		SizeLimit: q.most, TimeLimit: int(max(limit.Seconds(), 1)), EnforceSizeLimit: true,
	}
	if q.most > pageSize {
		return c.pages(ctx, limit, request, q.most)
	}
	found, _, err := c.page(ctx, limit, request)
	return found, err
}

// pages turns pages until the last (RFC 2696). A server may send smaller ones
// than were asked for; the bound on pages is for one that sends empty ones for ever.
func (c *conn) pages(ctx context.Context, limit time.Duration, request *ldap.SearchRequest, most int) ([]entry, error) {
	var all []entry
	paging := ldap.NewControlPaging(pageSize)
	request.Controls, request.SizeLimit = []ldap.Control{paging}, 0
	for range 10 + most/20 {
		found, controls, err := c.page(ctx, limit, request)
		all = append(all, found...)
		if err != nil {
			return all, err
		}
		next, ok := ldap.FindControl(controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		last := !ok || len(next.Cookie) == 0
		if len(all) > most {
			return all, errMore
		}
		if last {
			return all, nil
		}
		paging.SetCookie(next.Cookie)
	}
	return all, errMore
}

// page sends one search.
func (c *conn) page(ctx context.Context, limit time.Duration, request *ldap.SearchRequest) ([]entry, []ldap.Control, error) {
	result := new(ldap.SearchResult)
	err := c.during(ctx, limit, func() error {
		found, err := c.ldap.Search(request)
		if found != nil {
			result = found
		}
		if errors.Is(err, ldap.ErrSizeLimitExceeded) {
			c.wire.note(errMore) // the rest is still on its way
		}
		return err
	})
	if hasCode(err, codeSizeLimit) {
		err = errMore
	}
	return entries(result), result.Controls, err
}

// entry is what the directory knows, by its attributes' names in lower case.
type entry struct {
	dn         string
	attributes map[string][]string
}

func entries(result *ldap.SearchResult) []entry {
	found := make([]entry, 0, len(result.Entries))
	for _, e := range result.Entries {
		attributes := make(map[string][]string, len(e.Attributes))
		for _, a := range e.Attributes {
			attributes[strings.ToLower(a.Name)] = a.Values
		}
		found = append(found, entry{e.DN, attributes})
	}
	return found
}

// dn is a parsed DN, to be compared.
type dn struct{ parsed *ldap.DN }

func parseDN(text string) (dn, error) {
	parsed, err := ldap.ParseDN(text)
	if err == nil && len(parsed.RDNs) == 0 {
		err = errors.New("the DN is empty")
	}
	return dn{parsed}, err
}

// within reports whether d is base or lies below it.
func (d dn) within(base dn) bool {
	return base.parsed.EqualFold(d.parsed) || base.parsed.AncestorOfFold(d.parsed)
}

// first returns the type and the value of the first part.
func (d dn) first() (kind, value string) {
	part := d.parsed.RDNs[0].Attributes[0]
	return part.Type, part.Value
}
