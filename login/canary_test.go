package login

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/secret"
)

// output collects everything that a login says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) add(values ...any) {
	for _, verb := range []string{"%v ", "%+v ", "%#v ", "%q "} {
		for _, value := range values {
			fmt.Fprintf(o, verb, value)
		}
	}
}

// Every grant, with every secret that there is, when it goes well and when it
// does not: what was sent or received as a secret is in no error, no log at
// any level, nothing that the person is shown, and no printed value.
func TestNoSecretIsShown(t *testing.T) {
	var out output
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug - 100}))
	p := oidctest.Start(t, oidctest.Confidential(oidctest.AuthBasic, "canary client secret"), oidctest.WithUser(oidctest.User{
		Sub: "user-c", Email: "carol@example.com", PreferredUsername: "carol", Password: "canary password",
	}))
	c, waits := deviceClient(t, p, func(c *Config) {
		client, err := httpclient.New(httpclient.Options{Log: log})
		if err != nil {
			t.Fatal(err)
		}
		c.HTTP, c.Log, c.ClientSecret, c.AssertionKeyID = client, log, secret.New("canary client secret"), "key"
	})
	var got []Tokens
	run := func() {
		keep := func(tokens Tokens, err error) Tokens {
			out.add(err, tokens, c.cfg)
			log.Error("a login", "tokens", tokens, "error", err, "client", c.cfg)
			got = append(got, tokens)
			return tokens
		}
		ctx, who := within(t), newPerson()
		go carry(ctx, who, oidctest.Browser{})
		first := keep(c.Paste(ctx, PasteOptions{Person: who}))
		beside, _ := visitor(t, oidctest.Browser{})
		keep(c.Browser(ctx, anyPort(beside)))
		keep(c.Password(ctx, "carol", secret.New("canary password")))
		keep(c.ClientCredentials(ctx))
		waits.then = func(int) { _ = p.ApproveDevice(p.UserCodes()[0], "carol") }
		who.width = 100
		keep(c.Device(ctx, DeviceOptions{Person: who}))
		refresh := first.RefreshToken
		if refresh.Empty() {
			refresh = got[0].RefreshToken
		}
		keep(c.Refresh(ctx, refresh, first.Claims.Subject))
		out.add(c.Revoke(ctx, refresh, got[0].AccessToken))
		out.add(who.text(), beside.text())
	}
	run()
	for _, option := range []oidctest.Option{
		oidctest.NoIDToken(),
		oidctest.Claim("nonce", "another"),
		oidctest.EchoSecrets(),
	} {
		p.Apply(option)
		run()
	}
	text := out.text.String()
	found := 0
	for _, canary := range canaries(p, got) {
		found++
		if strings.Contains(text, canary) {
			t.Errorf("%q was shown", canary)
		}
	}
	if found < 40 || !strings.Contains(text, "carol@example.com") {
		t.Errorf("only %d secrets were looked for, in %d bytes", found, len(text))
	}
}

// canaries are all secrets that went over the wire.
func canaries(p *oidctest.Provider, got []Tokens) (all []string) {
	for _, r := range p.All() {
		for _, name := range []string{"code", "code_verifier", "refresh_token", "device_code", "password", "client_secret", "token"} {
			all = append(all, r.Form.Get(name))
		}
		if _, credentials, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
			all = append(all, credentials)
		}
	}
	for _, t := range got {
		all = append(all, t.IDToken.Reveal(), t.AccessToken.Reveal(), t.RefreshToken.Reveal())
	}
	kept := all[:0]
	for _, s := range append(all, "canary client secret") {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}
