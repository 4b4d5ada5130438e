package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/login"
)

// at is a look at a provider.
func at(t *testing.T, p *oidctest.Provider, o httpclient.Options) *Provider {
	t.Helper()
	return looking(t, p.Issuer, o)
}

func looking(t *testing.T, address string, o httpclient.Options) *Provider {
	t.Helper()
	client, err := httpclient.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &Provider{
		Issuer: address, ClientID: oidctest.ClientID, Discovers: true, HTTP: client, CAPEM: o.CAPEM, CASource: "--certificate-authority",
		Unchecked: o.InsecureSkipTLSVerify, Proxy: o.Proxy, Variable: func(string) string { return "" }, Now: time.Now,
		Hint: func(error) string { return "the hint" },
	}
}

// dated lets the discovery document carry another time.
func dated(name, value string) oidctest.Option {
	return oidctest.Break(oidctest.Discovery, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if value == "" {
			w.Header()[name] = nil
		} else {
			w.Header().Set(name, value)
		}
		serve(w, r)
	})
}

// skewed is a provider whose clock is behind ours by d when it answers.
func skewed(d time.Duration) oidctest.Option {
	return oidctest.Break(oidctest.Discovery, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		w.Header().Set("Date", past(d))
		serve(w, r)
	})
}

func past(d time.Duration) string { return time.Now().Add(-d).UTC().Format(http.TimeFormat) }

func TestProvider(t *testing.T) {
	for name, test := range map[string]struct {
		options []oidctest.Option
		check   string
		mark    Mark
		found   string
	}{
		"fine":              {nil, "discovery", OK, "gives codes, device login"},
		"no device":         {[]oidctest.Option{oidctest.NoDeviceEndpoint()}, "discovery", OK, "gives codes"},
		"another issuer":    {[]oidctest.Option{oidctest.SlashedIssuer()}, "discovery", Failed, "slash at the end"},
		"no document":       {[]oidctest.Option{oidctest.Break(oidctest.Discovery, oidctest.NotJSON())}, "discovery", Failed, "web page"},
		"overloaded":        {[]oidctest.Option{oidctest.Break(oidctest.Discovery, oidctest.Status(503, 0))}, "discovery", Failed, "503"},
		"in step":           {nil, "clock", OK, "agree within 1s"},
		"a minute":          {[]oidctest.Option{skewed(65 * time.Second)}, "clock", Warning, "this machine is 1m"}, // and how many seconds is the test's own time,
		"an hour":           {[]oidctest.Option{skewed(-time.Hour - 10*time.Minute - 30*time.Second)}, "clock", Failed, "this machine is 1h10m"},
		"no date":           {[]oidctest.Option{dated("Date", "")}, "clock", Skipped, "says no time"},
		"no date at all":    {[]oidctest.Option{dated("Date", "canary")}, "clock", Skipped, "says no time"},
		"a broken one's":    {[]oidctest.Option{oidctest.Break(oidctest.Discovery, oidctest.Status(503, 0))}, "clock", OK, "agree"},
		"ES256":             {nil, "keys", Note, "--oidc-signing-algs"},
		"RS256":             {[]oidctest.Option{oidctest.RS256()}, "keys", OK, "RS256"},
		"no keys":           {[]oidctest.Option{oidctest.Set(oidctest.JWKS, "keys", []any{})}, "keys", Failed, "none of its keys"},
		"no key set":        {[]oidctest.Option{oidctest.Break(oidctest.JWKS, oidctest.Status(404, 0))}, "keys", Failed, "404"},
		"no jwks_uri":       {[]oidctest.Option{oidctest.Drop(oidctest.Discovery, "jwks_uri")}, "keys", Skipped, "no answer"},
		"plain http":        {nil, "certificate", OK, "plain http"},
		"asked directly":    {nil, "proxy", OK, "none: 127.0.0.1"},
		"a missing jwks":    {[]oidctest.Option{oidctest.Drop(oidctest.Discovery, "jwks_uri")}, "discovery", Failed, "jwks_uri: it is missing"},
		"a cached document": {[]oidctest.Option{oidctest.Break(oidctest.Discovery, cached)}, "clock", OK, "agree"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := oidctest.Start(t, test.options...)
			run(t, at(t, p, httpclient.Options{}).Checks(), test.check).is(t, test.mark, test.found)
		})
	}
}

// cached is a document that lay in a cache for an hour.
func cached(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	w.Header().Set("Date", past(time.Hour))
	w.Header().Set("Age", "3600")
	serve(w, r)
}

// All checks share one look: one request for the document, and one for the keys.
func TestProviderIsAskedOnce(t *testing.T) {
	p := oidctest.Start(t)
	r := Run(t.Context(), "1", at(t, p, httpclient.Options{}).Checks())
	if r.Mark != OK || p.Count(oidctest.Discovery) != 1 || p.Count(oidctest.JWKS) != 1 || len(p.All()) != 2 {
		t.Errorf("%d requests, %+v", len(p.All()), r.Checks)
	}
}

func TestCertificate(t *testing.T) {
	p := oidctest.Start(t, oidctest.TLS())
	for name, test := range map[string]struct {
		options httpclient.Options
		passed  time.Duration
		mark    Mark
		found   string
	}{
		"its authority": {httpclient.Options{CAPEM: p.CAPEM()}, 0, OK, "vouched for by the authority of --certificate-authority ("},
		"unchecked":     {httpclient.Options{InsecureSkipTLSVerify: true}, 0, Warning, "is not checked"},
		"not trusted":   {httpclient.Options{}, 0, Failed, "not trusted by the system's authorities"},
	} {
		t.Run(name, func(t *testing.T) {
			looked := at(t, p, test.options)
			run(t, looked.Checks(), "certificate").is(t, test.mark, test.found)
		})
	}
	looked := at(t, p, httpclient.Options{})
	r := Run(t.Context(), "1", looked.Checks())
	if r.Count(Failed) != 1 {
		t.Errorf("one certificate is %d failures: %+v", r.Count(Failed), r.Checks)
	}
	// Its end comes near.
	ending := at(t, p, httpclient.Options{CAPEM: p.CAPEM()})
	ending.Now = func() time.Time { return time.Now().Add(6 * 24 * time.Hour) }
	run(t, ending.Checks(), "certificate").is(t, Warning, "it ends in 23 hours")
}

// A provider that says nothing costs one line, and its share of the time.
func TestProviderThatHangs(t *testing.T) {
	released := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
		case <-r.Context().Done():
		}
	}))
	defer silent.Close()
	defer close(released)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r := Run(ctx, "1", looking(t, silent.URL, httpclient.Options{}).Checks())
	if r.Count(Failed) != 1 || r.Count(Skipped) != 3 {
		t.Errorf("%+v", r.Checks)
	}
}

func TestExchangeIsReached(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	p := looking(t, server.URL, httpclient.Options{})
	p.Discovers = false
	r := Run(t.Context(), "1", p.Checks())
	if r.Mark != OK || len(r.Checks) != 4 || len(asked) != 1 || asked[0] != "HEAD" {
		t.Errorf("%v, %+v", asked, r.Checks)
	}
	gone := looking(t, "http://127.0.0.1:1", httpclient.Options{})
	gone.Discovers = false
	run(t, gone.Checks(), "exchange").is(t, Failed, "refused")
}

func TestProxy(t *testing.T) {
	const address = "https://issuer.example"
	proxied := looking(t, address, httpclient.Options{Proxy: "http://user:canary@proxy.example:3128"})
	f := run(t, proxied.Checks(), "proxy")
	f.is(t, OK, "proxy.example:3128, by the policy")
	if strings.Contains(f.Found, "canary") {
		t.Errorf("%q", f.Found)
	}
	run(t, looking(t, address, httpclient.Options{Proxy: "none"}).Checks(), "proxy").is(t, OK, "none, by the policy")
	broken := looking(t, address, httpclient.Options{})
	broken.Variable = func(name string) string {
		return map[string]string{"HTTPS_PROXY": "http://canary:%zz"}[name]
	}
	f = run(t, broken.Checks(), "proxy")
	f.is(t, Warning, "HTTPS_PROXY holds no proxy's address")
	if strings.Contains(f.Found, "canary") {
		t.Errorf("%q", f.Found)
	}
}

func TestNoProvider(t *testing.T) {
	for _, line := range Run(t.Context(), "1", (&Provider{}).Checks()).Checks {
		if line.Mark != Skipped {
			t.Errorf("%+v", line)
		}
	}
}

func TestPerson(t *testing.T) {
	choose := func(m login.Method) func(*login.Metadata) (login.Method, string) {
		return func(*login.Metadata) (login.Method, string) { return m, "of the test" }
	}
	ports := func(busy ...string) func(context.Context) ([]string, int, error) {
		return func(context.Context) ([]string, int, error) { return busy, 2, nil }
	}
	there := func() (string, error) { return "/usr/bin/xdg-open", nil }
	nobody := errors.New("there is no terminal")
	for name, test := range map[string]struct {
		person Person
		check  string
		mark   Mark
		found  string
	}{
		"a browser":         {Person{Choose: choose(login.MethodBrowser)}, "way", OK, "a browser opens, since of the test"},
		"no way":            {Person{Choose: choose(login.MethodNone)}, "way", Failed, "there is none: of the test"},
		"its program":       {Person{Choose: choose(login.MethodBrowser), Browser: there}, "browser", OK, "xdg-open"},
		"no program":        {Person{Choose: choose(login.MethodBrowser), Browser: func() (string, error) { return "", errors.New("none") }}, "browser", Failed, "none"},
		"the address":       {Person{Choose: choose(login.MethodBrowser), SkipsOpen: true}, "browser", OK, "address is shown"},
		"a code instead":    {Person{Choose: choose(login.MethodDevice)}, "browser", Skipped, "none is opened"},
		"free":              {Person{Choose: choose(login.MethodBrowser), Busy: ports()}, "redirect", OK, "free"},
		"one is taken":      {Person{Choose: choose(login.MethodBrowser), Busy: ports("127.0.0.1:8000")}, "redirect", Note, "127.0.0.1:8000 is taken"},
		"all are taken":     {Person{Choose: choose(login.MethodBrowser), Busy: ports("127.0.0.1:8000", "127.0.0.1:18000")}, "redirect", Failed, "8000 and 127"},
		"no port is needed": {Person{Choose: choose(login.MethodPassword)}, "redirect", Skipped, "nobody listens"},
		"an open address": {Person{Choose: choose(login.MethodBrowser), Hint: func(error) string { return "the hint" }, Busy: func(context.Context) ([]string, int, error) {
			return nil, 0, errors.New("not on loopback")
		}}, "redirect", Failed, "not on loopback"},
		"nobody signs in": {Person{}, "way", Skipped, "nobody signs in"},
		"at a terminal":   {Person{Terminal: func() error { return nil }}, "terminal", OK, "can be asked"},
		"without one":     {Person{Terminal: func() error { return nobody }}, "terminal", Note, "no terminal"},
	} {
		t.Run(name, func(t *testing.T) {
			test.person.Metadata = func(context.Context) *login.Metadata { return nil }
			run(t, test.person.Checks(), test.check).is(t, test.mark, test.found)
		})
	}
}

// An authority that is configured comes near its end before its certificates do.
func TestAuthorityThatEnds(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := func(until time.Duration) []byte {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-365 * 24 * time.Hour), NotAfter: time.Now().Add(until)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	p := oidctest.Start(t, oidctest.TLS())
	for until, want := range map[time.Duration]Mark{10 * 24 * time.Hour: Warning, 300 * 24 * time.Hour: OK} {
		looked := at(t, p, httpclient.Options{CAPEM: append(authority(until), p.CAPEM()...)})
		run(t, looked.Checks(), "certificate").is(t, want, "authority of --certificate-authority")
	}
}
