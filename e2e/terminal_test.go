package e2e

// A person at a terminal, who changes their mind, pastes more than a line holds, mistypes.

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/provider"
)

// Ctrl-C ends each kind of wait within a second, with its own exit code, two lines and an echoing terminal.
func TestCtrlCEndsTheWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags  func(*person) []string
		before string // what shows that the wait has begun
	}{
		"browser":  {browserFlags, `Paste the address`},
		"device":   {deviceFlags, `[A-Z]{4}-[A-Z]{4}`},
		"paste":    {pasteFlags, `/auth\?\S+`},
		"password": {passwordFlags, `\[y/N\]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts.Need(t, parts.Provider, parts.Terminal)
			p := newPerson(t, kubecred(t))
			r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, c.flags(p)...)...)
			_, err := r.Terminal.Expect(c.before, patience)
			p.must(err)
			began := time.Now()
			p.must(r.Terminal.Type("\x03"))
			ended := p.finish(r)
			if took := time.Since(began); took > 3*time.Second { // one, on a machine with nothing else to do
				t.Errorf("it went on for %s", took)
			}
			if ended.Code != 130 || ended.Stdout != "" {
				t.Errorf("exited with %d, printed %q", ended.Code, ended.Stdout)
			}
			if !strings.Contains(ended.Stderr, "error: ") {
				t.Errorf("it did not say why it ended:\n%s", ended.Stderr)
			}
		})
	}
}

// After Ctrl-C the port is free, for the next login wants the same.
func TestCtrlCFreesThePort(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, browserFlags(p)...)...)
	address := p.opens(r)
	authorization, err := url.Parse(address)
	p.must(err)
	redirect, err := url.Parse(authorization.Query().Get("redirect_uri"))
	p.must(err)
	p.must(r.Terminal.Type("\x03"))
	p.finish(r)
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, redirect.Port()))
		if err != nil && !strings.Contains(err.Error(), "cannot assign") { // no IPv6 here
			t.Errorf("the port is still taken: %v", err)
			continue
		}
		if err == nil {
			l.Close()
		}
	}
}

// A line of a terminal ends at 4,095 characters; an address with a long state or code does not.
func TestPasteLongerThanALine(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, pasteFlags(p)...)...)
	shown, err := r.Terminal.Expect(`(https://localhost:\d+/auth\?\S+)`, patience)
	p.must(err)
	redirected, err := theProvider(t).SignIn(context.Background(), shown[1], p.account)
	p.must(err)
	// A parameter that nobody asked for is passed over, however long.
	p.must(r.Terminal.Type(redirected + "&session_state=" + strings.Repeat("x", 5000) + "\r"))
	credentialOf(p, p.finish(r))
}

// A wrong password is the provider's to refuse. The second run asks for it again, and not whether the
// host may have it: the machine's own roots vouch for the host, not the kubeconfig.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	p.Env = append(p.Env, "SSL_CERT_FILE="+p.ca())
	flags := slices.DeleteFunc(append([]string{"get-token"}, passwordFlags(p)...), func(flag string) bool {
		return strings.HasPrefix(flag, "--certificate-authority=")
	})
	r := p.start(desk.Terminal, p.program, flags...)
	_, err := r.Terminal.Expect(`\[y/N\]`, patience)
	p.must(err)
	p.must(r.Terminal.Type("y\r"))
	_, err = r.Terminal.Expect(`Password of `, patience)
	p.must(err)
	p.must(r.Terminal.Type("wrong\r"))
	if refused := p.finish(r); refused.Code != 5 || refused.Stdout != "" {
		t.Errorf("exited with %d, printed %q", refused.Code, refused.Stdout)
	}
	if strings.Contains(r.Terminal.Screen(), "wrong\r") {
		t.Error("the password was shown")
	}
	r = p.start(desk.Terminal, p.program, append(flags, "--force-refresh")...)
	_, err = r.Terminal.Expect(`Password of `, patience)
	p.must(err)
	p.must(r.Terminal.Type(provider.Password + "\r"))
	credentialOf(p, p.finish(r))
	if strings.Contains(r.Terminal.Screen(), "[y/N]") {
		t.Error("it asked twice whether the host may have the password")
	}
}
