package cmd

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/kubecred/kubecred/internal/browser"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
	"github.com/kubecred/kubecred/login"
)

// In these tests nobody is at a terminal and there is no display.
func alonePerson(t *testing.T, s settings.Settings) *oidc {
	t.Helper()
	if here := browser.Look(); here.Display || here.Browser || here.WSL {
		t.Skipf("there is a display: %+v", here)
	}
	a := newPlace(t).app(nil, nil)
	return &oidc{passwords: passwords{app: a, s: &s, person: a.newPerson(true, s.BrowserCommand)}}
}

func TestChoose(t *testing.T) {
	everything := login.Metadata{Authorization: "https://a", DeviceAuthorization: "https://d"}
	for _, test := range []struct {
		s    settings.Settings
		m    login.Metadata
		want login.Method
	}{
		{settings.Settings{Grant: settings.GrantAuthCode}, login.Metadata{}, login.MethodBrowser},
		{settings.Settings{Grant: settings.GrantDeviceCode}, everything, login.MethodDevice},
		{settings.Settings{Grant: settings.GrantAuto, Username: "alice"}, everything, login.MethodPassword},
		{settings.Settings{Grant: settings.GrantAuto, BrowserCommand: "x"}, everything, login.MethodBrowser},
		{settings.Settings{Grant: settings.GrantAuto}, everything, login.MethodDevice},
		{settings.Settings{Grant: settings.GrantAuto, BrowserCommand: "x"}, login.Metadata{DeviceAuthorization: "https://d"}, login.MethodDevice},
		{settings.Settings{Grant: settings.GrantAuto, BrowserCommand: "x", DeniedGrants: []settings.Grant{settings.GrantAuthCode}}, everything, login.MethodDevice},
		{settings.Settings{Grant: settings.GrantAuto, DeniedGrants: []settings.Grant{settings.GrantDeviceCode}}, everything, login.MethodNone},
		{settings.Settings{Grant: settings.GrantAuto, BrowserCommand: "x", DeniedGrants: []settings.Grant{settings.GrantAuthCode, settings.GrantDeviceCode}}, everything, login.MethodNone},
	} {
		if got, why := alonePerson(t, test.s).choose(test.m); got != test.want {
			t.Errorf("%v, denied %v: %q because %s, want %q", test.s.Grant, test.s.DeniedGrants, got, why, test.want)
		}
	}
}

func TestReachable(t *testing.T) {
	for _, test := range []struct {
		s    settings.Settings
		want bool
	}{
		{settings.Settings{Grant: settings.GrantAuto}, false},
		{settings.Settings{Grant: settings.GrantAuthCode}, false},
		{settings.Settings{Grant: settings.GrantAuthCode, BrowserCommand: "x"}, true},
		{settings.Settings{Grant: settings.GrantAuthCode, BrowserCommand: "x", SkipOpenBrowser: true}, false},
		{settings.Settings{Grant: settings.GrantAuthCodeKeyboard, BrowserCommand: "x"}, false},
		{settings.Settings{Grant: settings.GrantDeviceCode, BrowserCommand: "x"}, false},
		{settings.Settings{Grant: settings.GrantPassword, Username: "alice"}, false},
		{settings.Settings{Grant: settings.GrantPassword, Username: "alice", Password: settings.Secret{File: "x"}}, true},
		{settings.Settings{Grant: settings.GrantPassword, Password: settings.Secret{File: "x"}}, false},
		{settings.Settings{Grant: settings.GrantAuto, Username: "alice", Password: settings.Secret{Command: []string{"x"}}}, true},
		{settings.Settings{Grant: settings.GrantAuto, Username: "alice", BrowserCommand: "x"}, false},
		{settings.Settings{Grant: settings.GrantClientCredentials}, true},
	} {
		err := alonePerson(t, test.s).reachable()
		if (err == nil) != test.want || err != nil && !errors.Is(err, errNeedPerson) {
			t.Errorf("%+q %s: %v", test.s.Grant, test.s.BrowserCommand, err)
		}
	}
}

// What a failed login means to the next run.
func TestUnsigned(t *testing.T) {
	down := &login.NetworkError{Endpoint: "token endpoint", Status: http.StatusServiceUnavailable}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	none := errors.New("none of them")
	for _, test := range []struct {
		ctx    context.Context
		method login.Method
		err    error
		want   error
	}{
		{t.Context(), login.MethodClientCredentials, down, signin.ErrOffline},
		{t.Context(), login.MethodBrowser, down, none}, // the person was asked already
		{t.Context(), login.MethodBrowser, login.ErrTimeout, signin.ErrUnanswered},
		{t.Context(), login.MethodBrowser, &login.PortsBusyError{}, signin.ErrNotBegun},
		{t.Context(), login.MethodBrowser, &classified{context.DeadlineExceeded, signin.ErrNotBegun}, signin.ErrNotBegun},
		{t.Context(), login.MethodBrowser, login.ErrDenied, none},
		{ended, login.MethodBrowser, context.Canceled, signin.ErrUnanswered},
		{ended, login.MethodPassword, context.Canceled, none},
	} {
		got := alonePerson(t, settings.Settings{}).unsigned(test.ctx, test.method, test.err)
		if !errors.Is(got, test.err) {
			t.Errorf("%v became %v", test.err, got)
		}
		for _, class := range []error{signin.ErrOffline, signin.ErrUnanswered, signin.ErrNotBegun} {
			if errors.Is(got, class) != (class == test.want) {
				t.Errorf("%s, %v: is it %q? %v", test.method, test.err, class, errors.Is(got, class))
			}
		}
	}
}

// Where the browser ends up that a person pastes from: what the provider knows.
func TestPasteRedirect(t *testing.T) {
	for want, s := range map[string]settings.Settings{
		"":                             {},
		"urn:ietf:wg:oauth:2.0:oob":    {RedirectURL: "urn:ietf:wg:oauth:2.0:oob", ListenAddresses: []string{"127.0.0.1:8000"}},
		"http://localhost:12345":       {ListenAddresses: []string{"127.0.0.1:12345", "127.0.0.1:23456"}},
		"http://localhost:18000":       {ListenAddresses: []string{"[::1]:18000"}},
		"https://callback.example/end": {RedirectURL: "https://callback.example/end"},
	} {
		if got := alonePerson(t, s).pasteRedirect(); got != want {
			t.Errorf("%v: %q, want %q", s.ListenAddresses, got, want)
		}
	}
	if got := alonePerson(t, settings.Settings{ListenAddresses: []string{"127.0.0.1:0"}}).pasteRedirect(); got != "" {
		t.Errorf("any port: %q", got)
	}
}

// A policy and a provider can leave no way at all.
func TestNoWay(t *testing.T) {
	p := newPlace(t, oidctest.NoDeviceEndpoint())
	p.env["KUBECRED_USERNAME"] = ""
	p.write("deny-grants: [authcode]", "etc", "policy.yaml")
	program := browserFlags(t)[1]
	got := p.at("get-token", program)
	got.fails(got.code, "there is no way to sign in: neither authorization codes nor device login are to be had")
	if got.code == exitOther || got.code == exitLoginNeeded {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
}

// A person who is not there is not asked, and what is not shown is not written.
func TestNobody(t *testing.T) {
	p := alonePerson(t, settings.Settings{}).person
	if _, err := p.Ask(t.Context(), "? "); !errors.Is(err, errNeedPerson) {
		t.Error(err)
	}
	if _, err := p.askPassword(t.Context(), "? "); !errors.Is(err, errNeedPerson) {
		t.Error(err)
	}
	p.Show("to nobody") // its stderr is nil
	p.warn("to nobody", errors.New("x"))
	p.Await("nobody", p.app.now())()
	if p.Width() != 0 || p.attends() || p.answers() || p.reads() {
		t.Error("somebody is there")
	}
}

// A machine's client signs itself in, and its entry is apart from people's.
func TestClientCredentials(t *testing.T) {
	p := newPlace(t, oidctest.Confidential(oidctest.AuthBasic, "s3cret"))
	flags := []string{"--grant-type=client-credentials", "--oidc-client-secret=s3cret"}
	p.at("get-token", flags...).fails(exitDenied, "use the access token")
	p.at("get-token", append(flags, "--oidc-use-access-token")...).ok()
	p.provider.Apply(func(c *oidctest.Config) { c.ServiceIDToken = true })
	p.afresh()
	machine := p.at("get-token", flags...).ok().token()
	if p.at("get-token", "--oidc-client-secret=s3cret").ok().token() == machine {
		t.Error("a person was given the machine's token")
	}
	if p.at("get-token", flags...).ok().token() != machine {
		t.Error("the machine's token was not kept")
	}
	p.counts(oidctest.GrantClientCredentials, 3)
}
