package cmd

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

const listSeparator = string(os.PathListSeparator)

func TestLogin(t *testing.T) {
	p := newPlace(t)
	got := p.at("login", "--oidc-extra-scope=email").ok()
	if !strings.HasPrefix(got.stdout, "Signed in as alice@example.com at "+p.provider.Issuer+", until ") || !strings.HasSuffix(got.stdout, " (59 minutes).\n") {
		t.Errorf("%q", got.stdout)
	}
	p.at("login", "--oidc-extra-scope=email").ok().prints("Already signed in as alice@example.com")
	p.at("login", "--oidc-extra-scope=email", "--force-refresh").ok().prints("Signed in as alice")
	p.counts(oidctest.GrantPassword, 1)
	p.counts(oidctest.GrantRefresh, 1)
	p.at("login", "--oidc-extra-scope=email", "--switch").ok().prints("Signed in as alice")
	p.counts(oidctest.GrantPassword, 2)
	p.passed += time.Hour
	p.at("login", "--oidc-extra-scope=email").ok().prints("Signed in as alice") // renewed
	p.counts(oidctest.GrantPassword, 2)
}

// --switch lets the provider ask which account; --account hints at one, and a
// token for someone else is refused and not kept.
func TestAccounts(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.env["KUBECRED_USERNAME"], p.env["KUBECRED_PASSWORD"] = "", ""
	flags := append(browserFlags(t), "--oidc-extra-scope=email")
	authorized := func() (prompt, hint string) {
		all := p.provider.Requests(oidctest.Authorize)
		form := all[len(all)-1].Form
		return form.Get("prompt"), form.Get("login_hint")
	}
	p.at("login", append(flags, "--account=bob@example.com")...).ok().prints("Signed in as bob@example.com")
	if prompt, hint := authorized(); prompt != "" || hint != "bob@example.com" {
		t.Errorf("prompt %q, hint %q", prompt, hint)
	}
	p.at("login", append(flags, "--switch")...).ok().prints("Signed in as alice@example.com")
	if prompt, hint := authorized(); prompt != "select_account" || hint != "" {
		t.Errorf("prompt %q, hint %q", prompt, hint)
	}
	p.provider.Apply(oidctest.SignInAs("alice"))
	p.at("login", append(flags, "--account=bob@example.com", "--switch")...).
		fails(exitDenied, "the provider signed in alice@example.com, not bob@example.com").hints("kubecred login --switch lets you choose bob@example.com")
	p.at("login", append(flags, "--account=carol@example.com")...).fails(exitDenied, "not carol@example.com")
	var status statusReport
	p.run("status", "-o", "json").ok().decode(&status)
	if len(status.Entries) != 2 { // bob's first one stays
		t.Errorf("%+v", status.Entries)
	}
}

// A login that could not be stored is not begun.
func TestLoginThatCannotBeStored(t *testing.T) {
	p := newPlace(t)
	p.write("not a folder", ".cache")
	p.at("login").fails(exitCache, "").hints("--token-cache-dir")
	if n := len(p.provider.All()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// --account and what it excludes.
func TestAccountOfNobody(t *testing.T) {
	p := newPlace(t, oidctest.Confidential("client_secret_basic", "s"))
	p.at("login", "--account=alice@example.com", "--grant-type=client-credentials", "--oidc-client-secret=s", "--username=").
		fails(exitConfig, "signs nobody in")
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                      "0 seconds",
		119 * time.Second:      "119 seconds",
		2 * time.Minute:        "2 minutes",
		119*time.Minute + 59e9: "119 minutes",
		2 * time.Hour:          "2 hours",
		47 * time.Hour:         "47 hours",
		48 * time.Hour:         "2 days",
		-time.Second:           "-1 seconds",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestUntil(t *testing.T) {
	p := newPlace(t)
	a := p.app(nil, nil)
	for left, want := range map[time.Duration]string{
		time.Hour + time.Minute: "(61 minutes)",
		50 * time.Hour:          "(2 days)",
		-time.Hour:              "expired ",
	} {
		if got := a.until(p.now().Add(left + time.Second/2)); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", left, got, want)
		}
	}
	if got := a.until(time.Time{}); got != "without an end" {
		t.Errorf("never: %q", got)
	}
}
