package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// What scripts say about the provider: how it behaves, and what reached it.

func provider(ts *testscript.TestScript) *oidctest.Provider { return worldOf(ts).provider }

// control changes the provider: "provider deny", "provider 503 token". All but
// "tls" can be said while it runs; "tls" starts another one.
func control(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: provider CHANGE [ARG…]")
	}
	switch change, arity := changes()[args[0]], len(args)-1; {
	case args[0] == "tls":
		startTLS(ts)
	case change.apply == nil || change.arity != arity:
		ts.Fatalf("no change %q with %d arguments", args[0], arity)
	default:
		padded := append(args[1:], "", "")
		provider(ts).Apply(change.apply(padded[0], padded[1]))
	}
}

// startTLS exchanges the provider for one that speaks https, whose authority
// is in the file ca.pem.
func startTLS(ts *testscript.TestScript) {
	p, err := oidctest.New(oidctest.AlwaysRefresh(), oidctest.TLS())
	ts.Check(err)
	w := worldOf(ts)
	w.provider.Close()
	w.provider = p
	ca := ts.MkAbs("ca.pem")
	ts.Check(os.WriteFile(ca, p.CAPEM(), 0o600))
	for _, variable := range append(addresses(p), oidctest.EnvBrowserCA+"="+ca) {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
}

// change is made of as many arguments as its arity says.
type change struct {
	arity int
	apply func(a, b string) oidctest.Option
}

func changes() map[string]change {
	with := func(arity int, apply func(a, b string) oidctest.Option) change { return change{arity, apply} }
	plain := func(o oidctest.Option) change { return with(0, func(string, string) oidctest.Option { return o }) }
	broken := func(fault func() oidctest.Fault) change {
		return with(1, func(endpoint, _ string) oidctest.Option {
			return oidctest.Break(oidctest.Endpoint(endpoint), fault())
		})
	}
	return map[string]change{
		"honest":         plain(honest),
		"sign-in-as":     with(1, func(name, _ string) oidctest.Option { return oidctest.SignInAs(name) }),
		"confidential":   with(2, oidctest.Confidential),
		"redirect":       with(1, func(uri, _ string) oidctest.Option { return oidctest.Redirects(uri) }),
		"pkce-optional":  plain(func(c *oidctest.Config) { c.PKCEOptional = true }),
		"no-pkce":        plain(oidctest.NoPKCEAdvertised()),
		"no-device":      plain(oidctest.NoDeviceEndpoint()),
		"approve-device": plain(approveDevice),

		"503":          broken(func() oidctest.Fault { return oidctest.Status(http.StatusServiceUnavailable, 0) }),
		"endless":      broken(oidctest.Endless),
		"mend":         with(1, func(endpoint, _ string) oidctest.Option { return oidctest.Mend(oidctest.Endpoint(endpoint)) }),
		"endpoint":     with(2, oidctest.EndpointAt),
		"wrong":        with(1, func(name, _ string) oidctest.Option { return oidctest.WrongTokens()[name] }),
		"other-issuer": plain(oidctest.OtherIssuer("https://issuer.example/" + oidctest.ControlText)),
		"elsewhere": with(2, func(endpoint, to string) oidctest.Option {
			return oidctest.Break(oidctest.Endpoint(endpoint), oidctest.RedirectTo(to))
		}),
		"refuse": with(2, func(endpoint, code string) oidctest.Option {
			return oidctest.Break(oidctest.Endpoint(endpoint), oidctest.Refuse(http.StatusBadRequest, code, oidctest.ControlText, nil))
		}),
		"callback-error": with(1, func(code, _ string) oidctest.Option {
			return oidctest.EditRedirect(func(v url.Values) {
				v.Del("code")
				v.Set("error", code+oidctest.ControlText)
				v.Set("error_description", oidctest.ControlText)
			})
		}),
	}
}

// honest takes every wrong answer back.
func honest(c *oidctest.Config) {
	oidctest.Honest()(c)
	for _, endpoint := range []oidctest.Endpoint{oidctest.Discovery, oidctest.Token, oidctest.JWKS, oidctest.Device} {
		oidctest.Unedited(endpoint)(c)
		oidctest.Mend(endpoint)(c)
	}
}

// approveDevice lets the person say yes before the first question, which comes
// after one second.
func approveDevice(c *oidctest.Config) {
	c.DeviceApprovedAfter, c.DeviceInterval = 1, 1
}

// requests holds how many requests arrived at an endpoint, or of the token
// endpoint by grant: "requests authorize 1", "requests refresh_token 2".
func requests(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: requests ENDPOINT|GRANT N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	got := provider(ts).Count(oidctest.Endpoint(args[0]))
	if slices.Contains([]string{oidctest.GrantCode, oidctest.GrantRefresh, oidctest.GrantPassword, oidctest.GrantClientCredentials}, args[0]) {
		got = provider(ts).CountGrant(args[0])
	}
	if got != want {
		ts.Fatalf("%d requests of %s, want %d", got, args[0], want)
	}
}

// sent holds that the last request to an endpoint had a field (or with
// "header:NAME" a header), whose whole value matches: "sent authorize scope
// 'openid email'". With "!" the request had none.
func sent(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 && !(neg && len(args) == 2) {
		ts.Fatalf("usage: [!] sent ENDPOINT FIELD [REGEXP]")
	}
	all := provider(ts).Requests(oidctest.Endpoint(args[0]))
	if len(all) == 0 {
		ts.Fatalf("no request to %s", args[0])
	}
	last := all[len(all)-1]
	values := last.Form[args[1]]
	if name, ok := strings.CutPrefix(args[1], "header:"); ok {
		values = last.Header.Values(name)
	}
	switch {
	case neg && len(args) == 2 && len(values) > 0:
		ts.Fatalf("%s was sent: %q", args[1], values)
	case neg && len(args) == 2:
	case len(values) != 1 || regexp.MustCompile(`\A(?:`+args[2]+`)\z`).MatchString(values[0]) == neg:
		ts.Fatalf("%s is %q", args[1], values)
	}
}

// visits waits until the browser was run N times, and holds that it was given
// one address each time and came to a page whose text matches.
func visits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: visits N [REGEXP]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all, err := oidctest.AwaitVisits(ctx, filepath.Join(ts.Getenv("WORK"), "visits"), want)
	ts.Check(err)
	if len(all) != want {
		ts.Fatalf("%d visits of the browser, want %d", len(all), want)
	}
	for _, v := range all {
		if len(args) == 2 && (v.Page == nil || !regexp.MustCompile(args[1]).MatchString(fmt.Sprintf("%s %d %s", v.Page.URL, v.Page.Status, v.Page.Body))) {
			ts.Fatalf("the browser's visit: %+v %s", v.Page, v.Err)
		}
	}
}

// received are the secrets that reached the provider.
func received(p *oidctest.Provider) []string {
	var all []string
	for _, r := range p.All() {
		for _, field := range []string{"code", "code_verifier", "refresh_token", "password", "client_secret", "device_code", "token", "client_assertion"} {
			if value := r.Form.Get(field); len(value) > 3 {
				all = append(all, value, url.QueryEscape(value))
			}
		}
		if auth := r.Header.Get("Authorization"); auth != "" {
			all = append(all, auth)
		}
	}
	return all
}
