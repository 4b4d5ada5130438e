package directory

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/ldaptest"
	"github.com/kubecred/kubecred/internal/secret"
)

// bounded is the longest that a request may take whose deadlines are short.
const bounded = 5 * time.Second

func short(o Options) Options {
	o.DialTimeout, o.TLSTimeout, o.BindTimeout, o.SearchTimeout = 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	return o
}

// faulty is a server that answers one operation otherwise.
func faulty(t *testing.T, op ldaptest.Operation, a ldaptest.Answer) *ldaptest.Server {
	t.Helper()
	s := ldaptest.New(t, tree()...)
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation == op && (op != ldaptest.Bind || r.DN != serviceDN) {
			return &a
		}
		return nil
	}
	s.Serve(t)
	return s
}

// Whatever a server does, a login ends in time, as an outage and never as a
// wrong password, and the next server is asked: at once, or at the next login
// where the first one has the password already.
func TestFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		op ldaptest.Operation
		a  ldaptest.Answer
	}{
		"a search is not answered":           {ldaptest.Search, ldaptest.Answer{Stall: true}},
		"a bind is not answered":             {ldaptest.Bind, ldaptest.Answer{Stall: true}},
		"it reads no more":                   {ldaptest.Search, ldaptest.Answer{Hang: true}},
		"it dies at a search":                {ldaptest.Search, ldaptest.Answer{Close: true}},
		"it dies between search and bind":    {ldaptest.Bind, ldaptest.Answer{Close: true}},
		"garbage for a search":               {ldaptest.Search, ldaptest.Answer{Raw: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")}},
		"garbage for a bind":                 {ldaptest.Bind, ldaptest.Answer{Raw: []byte{0x30, 0x03, 0x02, 0x01, 0x05}}},
		"half an answer":                     {ldaptest.Search, ldaptest.Answer{Raw: []byte{0x30, 0x50, 0x02}, Close: true}},
		"an answer that claims 2 GB":         {ldaptest.Search, ldaptest.Answer{Raw: []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xf0, 0x04, 0x84, 0x7f, 0xff, 0xff, 0x00}}},
		"an answer without an end":           {ldaptest.Search, ldaptest.Answer{Flood: true, Entries: []ldaptest.Entry{person("x", "x", "")}}},
		"it is busy":                         {ldaptest.Search, ldaptest.Answer{Code: codeBusy}},
		"it is going down":                   {ldaptest.Bind, ldaptest.Answer{Code: codeUnavailable}},
		"nesting without an end":             {ldaptest.Search, ldaptest.Answer{Raw: nested(10000)}},
		"an answer to nothing, then no more": {ldaptest.Bind, ldaptest.Answer{Raw: []byte{0x30, 0x0c, 0x02, 0x01, 0x63, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad, good := faulty(t, fault.op, fault.a), ldaptest.Start(t, tree()...)
			began := time.Now()
			_, err := login(t, newLDAP(t, short(options(t, bad))), "alice", alicePass)
			if name == "an answer without an end" { // more than was asked for
				wants(t, err, ErrAmbiguous)
				return
			}
			wants(t, err, ErrUnavailable)
			var failure *UnavailableError
			if !errors.As(err, &failure) || failure.Host != bad.Address {
				t.Errorf("%v does not name its server", err)
			}
			if fault.a.Stall && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v is not the deadline's", err)
			}
			l := newLDAP(t, short(options(t, bad, good)))
			if fault.op == ldaptest.Bind {
				_, err := login(t, l, "alice", alicePass)
				wants(t, err, ErrUnavailable)
				if n := len(good.Requests(ldaptest.Bind)); n != 0 {
					t.Errorf("the other server was sent %d binds as well", n)
				}
			}
			who, err := login(t, l, "alice", alicePass)
			if err != nil || who.Name != "alice" {
				t.Errorf("with another server: %+v, %v", who, err)
			}
			if took := time.Since(began); took > bounded {
				t.Errorf("took %s", took)
			}
		})
	}
}

// One typed password is sent once, right or wrong, found by a search or bound
// directly: also where the bind went well and the connection broke after it.
func TestPasswordIsSentToOneServer(t *testing.T) {
	t.Parallel()
	for _, template := range []string{"", "uid={name}," + people} {
		for _, at := range []ldaptest.Operation{ldaptest.Bind, ldaptest.WhoAmI} {
			if template == "" && at == ldaptest.WhoAmI {
				continue // nothing follows the bind
			}
			first, second := faulty(t, at, ldaptest.Answer{Stall: true}), ldaptest.Start(t, tree()...)
			o := short(options(t, first, second))
			o.BindTemplate = template
			_, err := login(t, newLDAP(t, o), "alice", alicePass)
			wants(t, err, ErrUnavailable)
			if n := second.Connections(); n != 0 || len(usersBinds(first)) != 1 {
				t.Errorf("template %q, %s: %d binds at the first server, %d connections to the second", template, at, len(usersBinds(first)), n)
			}
		}
	}
}

func usersBinds(s *ldaptest.Server) []ldaptest.Request {
	return slices.DeleteFunc(s.Requests(ldaptest.Bind), func(r ldaptest.Request) bool { return r.DN == serviceDN })
}

// A server that was sent no password is followed by the next: one that cannot
// be dialled, and one whose TLS fails.
func TestUnreachableServersAreFollowed(t *testing.T) {
	t.Parallel()
	away, strange, good := ldaptest.Start(t), ldaptest.New(t), ldaptest.Start(t, tree()...)
	away.Close()
	oldTLS(strange)
	strange.Serve(t)
	for _, template := range []string{"", "uid={name}," + people} {
		o := short(options(t, strange, good))
		o.URLs = append([]string{"ldaps://" + away.Address}, o.URLs...)
		o.BindTemplate = template
		if who, err := login(t, newLDAP(t, o), "alice", alicePass); err != nil || who.Name != "alice" {
			t.Errorf("template %q: %+v, %v", template, who, err)
		}
	}
}

// nested is sequences in sequences.
func nested(deep int) (raw []byte) {
	for range deep {
		raw = append(raw, 0x30, 0x80)
	}
	return raw
}

// A huge answer ends where the bound is, and not where memory does.
func TestAnswersAreBounded(t *testing.T) {
	s := ldaptest.New(t, tree()...)
	huge := person("alice", aliceID, "")
	huge.Attributes["mail"] = []string{string(make([]byte, maxAnswer+1))}
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation == ldaptest.Search {
			return &ldaptest.Answer{Entries: []ldaptest.Entry{huge}}
		}
		return nil
	}
	s.Serve(t)
	_, err := login(t, newLDAP(t, options(t, s)), "alice", alicePass)
	wants(t, err, ErrUnavailable)
	wants(t, err, errTooMuch)
}

func TestDialAndHandshakeHaveDeadlines(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	good := ldaptest.Start(t, tree()...)
	for _, scheme := range []string{"ldaps://", "ldap://"} {
		o := short(options(t, good))
		o.URLs = []string{scheme + silent.Addr().String()}
		began := time.Now()
		_, err = login(t, newLDAP(t, o), "alice", alicePass)
		wants(t, err, ErrUnavailable)
		var failure *UnavailableError
		if !errors.As(err, &failure) || failure.Step != "TLS" || time.Since(began) > bounded {
			t.Errorf("%s: %v after %s", scheme, err, time.Since(began))
		}
	}
}

func TestCallersContextEndsIt(t *testing.T) {
	t.Parallel()
	for _, op := range []ldaptest.Operation{ldaptest.Search, ldaptest.Bind} {
		for _, end := range []func(context.Context) (context.Context, context.CancelFunc){
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 200*time.Millisecond)
			},
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(200*time.Millisecond, cancel)
				return ctx, cancel
			},
		} {
			s := faulty(t, op, ldaptest.Answer{Stall: true})
			other := ldaptest.Start(t, tree()...)
			l := newLDAP(t, options(t, s, other)) // with deadlines of 10 s
			ctx, cancel := end(t.Context())
			began := time.Now()
			_, err := l.Authenticate(ctx, "alice", secret.New(alicePass))
			cancel()
			wants(t, err, ErrUnavailable)
			if took := time.Since(began); took > bounded || other.Connections() > 0 {
				t.Errorf("%s: took %s; the other server has %d connections", op, took, other.Connections())
			}
		}
	}
}

// A wrong password is a wrong password: a second server would count it again.
func TestRefusalsAreFinal(t *testing.T) {
	first, second := ldaptest.Start(t, tree()...), ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, first, second))
	for _, name := range []string{"alice", "nobody"} {
		_, err := login(t, l, name, wrongPass)
		wants(t, err, ErrCredentials)
	}
	if n := second.Connections(); n != 0 {
		t.Errorf("the second server was asked %d times", n)
	}
}

// A server that failed is asked last for a while, so that not each login waits
// for it.
func TestServerThatFailedIsAskedLast(t *testing.T) {
	t.Parallel()
	bad, good := faulty(t, ldaptest.Search, ldaptest.Answer{Stall: true}), ldaptest.Start(t, tree()...)
	o := short(options(t, bad, good))
	var ahead atomic.Int64
	o.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	l := newLDAP(t, o)
	for range 3 {
		if _, err := login(t, l, "alice", alicePass); err != nil {
			t.Fatal(err)
		}
	}
	if n := bad.Connections(); n != 1 {
		t.Errorf("it was tried %d times", n)
	}
	ahead.Store(int64(downFor + time.Second))
	if _, err := login(t, l, "alice", alicePass); err != nil || bad.Connections() != 2 {
		t.Errorf("after a while it was tried %d times (%v), want 2", bad.Connections(), err)
	}
}

// A refused service account is an outage, is told to nobody as a wrong
// password, and is not tried into being locked.
func TestServiceAccountThatIsRefused(t *testing.T) {
	first, second := ldaptest.Start(t, tree()...), ldaptest.Start(t, tree()...)
	o := options(t, first, second)
	password := "canary-stale"
	o.BindPassword = func() (secret.Text, error) { return secret.New(password), nil }
	now := time.Now()
	o.now = func() time.Time { return now }
	l := newLDAP(t, o)
	for range 3 {
		_, err := login(t, l, "alice", alicePass)
		now = now.Add(9 * time.Minute)
		wants(t, err, ErrUnavailable)
		if errors.Is(err, ErrCredentials) {
			t.Error("it counts as the user's wrong password")
		}
	}
	if n := len(first.Requests(ldaptest.Bind)); n != 1 || second.Connections() != 0 {
		t.Errorf("the stale password was sent %d times, and the second server asked %d times", n, second.Connections())
	}
	password = servicePass
	if _, err := login(t, l, "alice", alicePass); err != nil {
		t.Errorf("after it changed: %v", err)
	}
	o.BindPassword = func() (secret.Text, error) { return secret.Text{}, errors.New("no such file") }
	_, err := login(t, newLDAP(t, o), "alice", alicePass)
	wants(t, err, ErrUnavailable)
}

// A server's entry without a DN, and a service's account without a password,
// would make an anonymous bind, which succeeds.
func TestNoAnonymousBind(t *testing.T) {
	s := faulty(t, ldaptest.Search, ldaptest.Answer{Entries: []ldaptest.Entry{{Attributes: person("alice", aliceID, "").Attributes}}})
	o := options(t, s)
	_, err := login(t, newLDAP(t, o), "alice", alicePass)
	wants(t, err, ErrUnavailable)
	o.BindPassword = func() (secret.Text, error) { return secret.Text{}, nil }
	_, err = login(t, newLDAP(t, o), "alice", alicePass)
	wants(t, err, ErrUnavailable)
	for _, r := range s.Requests(ldaptest.Bind) {
		if r.DN != serviceDN || r.Password == "" {
			t.Errorf("the bind %+v", r)
		}
	}
}

// The log of failures is for administrators, and holds nothing that was typed.
func TestLogHoldsNoSecret(t *testing.T) {
	var out bytes.Buffer
	s := ldaptest.New(t, tree()...)
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation == ldaptest.Bind && r.DN != serviceDN {
			return &ldaptest.Answer{Code: codeUnavailable, Diagnostic: r.DN + " " + r.Password}
		}
		return nil
	}
	s.Serve(t)
	o := options(t, s)
	o.Log = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l := newLDAP(t, o)
	_, err := login(t, l, "alice", alicePass)
	wants(t, err, ErrUnavailable)
	fmt.Fprintf(&out, "%+v %#v", l, err)
	if text := out.String(); !strings.Contains(text, s.Address) || strings.Contains(text, "canary") || strings.Contains(text, "alice") {
		t.Error(text)
	}
}

// Neither a referral nor a reference leads anywhere.
func TestReferralsAreNotChased(t *testing.T) {
	elsewhere := ldaptest.Start(t, tree()...)
	url := "ldap://" + elsewhere.Address + "/" + base
	for _, op := range []ldaptest.Operation{ldaptest.Search, ldaptest.Bind} {
		s := faulty(t, op, ldaptest.Answer{Code: 10, Referral: []string{url}})
		_, err := login(t, newLDAP(t, options(t, s)), "alice", alicePass)
		wants(t, err, ErrUnavailable)
	}
	s := ldaptest.New(t, tree()...)
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation == ldaptest.Search {
			return &ldaptest.Answer{References: []string{url}, Entries: []ldaptest.Entry{person("alice", aliceID, "")}}
		}
		return nil
	}
	s.Serve(t)
	o := options(t, s)
	o.Groups.Mode = NoGroups
	if _, err := login(t, newLDAP(t, o), "alice", alicePass); err != nil {
		t.Error(err)
	}
	if n := elsewhere.Connections(); n != 0 {
		t.Errorf("the server they point to has %d connections", n)
	}
}

// What a server answers for one operation is an outage, but for the few codes
// of a bind that are a person's own trouble.
func TestResultCodes(t *testing.T) {
	var op ldaptest.Operation
	var code int
	s := ldaptest.New(t, tree()...)
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation != op || r.DN == serviceDN {
			return nil
		}
		return &ldaptest.Answer{Code: code, Diagnostic: "canary"}
	}
	s.Serve(t)
	l := newLDAP(t, options(t, s))
	for code = 1; code < 124; code++ {
		op = ldaptest.Search
		if _, err := login(t, l, "alice", alicePass); !errors.Is(err, ErrUnavailable) && code != codeSizeLimit {
			t.Errorf("code %d of a search: %v", code, err)
		}
		op = ldaptest.Bind
		_, err := login(t, l, "alice", alicePass)
		switch code {
		case 32, 34, 48, 49:
			wants(t, err, ErrCredentials)
		case 19:
			wantsReason(t, err, Locked)
		case 53:
			wantsReason(t, err, Restricted)
		default:
			wants(t, err, ErrUnavailable)
		}
	}
}

// No byte of a bind goes out before TLS stands, whatever becomes of TLS.
func TestNothingIsBoundWithoutTLS(t *testing.T) {
	other := ldaptest.Start(t, tree()...) // whose authority is another
	for name, c := range map[string]struct {
		scheme string
		server func(*ldaptest.Server)
		option func(*Options)
	}{
		"another authority":            {"ldaps", nil, func(o *Options) { o.CAFile = write(t, "ca.pem", string(other.CA)) }},
		"another authority, StartTLS":  {"ldap", nil, func(o *Options) { o.CAFile = write(t, "ca.pem", string(other.CA)) }},
		"another name":                 {"ldaps", nil, func(o *Options) { o.ServerName = "ldap.corp.example" }},
		"another name, StartTLS":       {"ldap", nil, func(o *Options) { o.ServerName = "ldap.corp.example" }},
		"TLS 1.1":                      {"ldaps", oldTLS, nil},
		"TLS 1.1, StartTLS":            {"ldap", oldTLS, nil},
		"StartTLS refused":             {"ldap", starting(ldaptest.Answer{Code: 52}), nil},
		"StartTLS unknown":             {"ldap", starting(ldaptest.Answer{Code: 2}), nil},
		"StartTLS not answered":        {"ldap", starting(ldaptest.Answer{Stall: true}), nil},
		"StartTLS ends the connection": {"ldap", starting(ldaptest.Answer{Close: true}), nil},
		"StartTLS granted, then none":  {"ldap", starting(ldaptest.Answer{}), nil},
		"StartTLS, garbage":            {"ldap", starting(ldaptest.Answer{Raw: []byte("\x30\x03\x02\x01\x01")}), nil},
		"something after the answer":   {"ldap", starting(ldaptest.Answer{Raw: append(granted(), granted()...)}), nil},
		"an answer to a bind instead":  {"ldap", starting(ldaptest.Answer{Raw: []byte{0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00}}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ldaptest.New(t, tree()...)
			if c.server != nil {
				c.server(s)
			}
			s.Serve(t)
			o := short(options(t, s))
			o.URLs = []string{c.scheme + "://" + s.Address}
			if c.option != nil {
				c.option(&o)
			}
			for _, template := range []string{"", "uid={name}," + people} {
				o.BindTemplate = template
				_, err := login(t, newLDAP(t, o), "alice", alicePass)
				wants(t, err, ErrUnavailable)
				var failure *UnavailableError
				if !errors.As(err, &failure) || failure.Step != "TLS" {
					t.Errorf("%v", err)
				}
				if name == "StartTLS refused" && !strings.Contains(fmt.Sprint(err), "refused StartTLS") {
					t.Errorf("%v: it went on all the same", err)
				}
			}
			for _, r := range s.Requests() {
				if r.Operation != ldaptest.StartTLS {
					t.Errorf("the server received %+v", r)
				}
			}
		})
	}
}

// oldTLS makes a server speak nothing newer than TLS 1.1.
func oldTLS(s *ldaptest.Server) {
	s.TLS().MinVersion, s.TLS().MaxVersion = tls.VersionTLS10, tls.VersionTLS11
}

// starting makes a server answer StartTLS otherwise, and then go on in plain text.
func starting(a ldaptest.Answer) func(*ldaptest.Server) {
	return func(s *ldaptest.Server) {
		s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
			if r.Operation == ldaptest.StartTLS {
				return &a
			}
			return nil
		}
	}
}

// granted is the answer to StartTLS that lets TLS begin.
func granted() []byte {
	return []byte{0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00}
}

func TestStartTLS(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	o := options(t, s)
	o.URLs = []string{"ldap://" + s.Address}
	if _, err := login(t, newLDAP(t, o), "alice", alicePass); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Requests() {
		if r.TLS != (r.Operation != ldaptest.StartTLS) {
			t.Errorf("%s, with TLS: %t", r.Operation, r.TLS)
		}
	}
}

func TestInsecureSettings(t *testing.T) {
	s, other := ldaptest.Start(t, tree()...), ldaptest.Start(t)
	o := options(t, s)
	o.CAFile = write(t, "ca.pem", string(other.CA))
	o.InsecureSkipVerify = true
	l := newLDAP(t, o)
	if _, err := login(t, l, "alice", alicePass); err != nil {
		t.Error(err)
	}
	o.URLs, o.InsecurePlaintext = []string{"ldap://" + s.Address}, true
	p := newLDAP(t, o)
	if _, err := login(t, p, "alice", alicePass); err != nil {
		t.Error(err)
	}
	if len(s.Requests(ldaptest.StartTLS)) != 0 {
		t.Error("TLS was started")
	}
	if got := fmt.Sprint(l.Insecure(), p.Insecure()); got != "[insecureSkipVerify] [insecurePlaintext insecureSkipVerify]" {
		t.Error(got)
	}
}
