package consent

import (
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func parse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestConsent(t *testing.T) {
	h := Hosts{filepath.Join(t.TempDir(), "config", "hosts")}
	given := func(raw string) bool {
		ok, err := h.Given(parse(t, raw))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if given("https://issuer.example") {
		t.Error("consent without a file")
	}
	if err := h.Give(parse(t, "https://issuer.example/realms/a/")); err != nil {
		t.Fatal(err)
	}
	if err := h.Give(parse(t, "https://other.example:8443")); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"https://issuer.example/realms/a", "https://ISSUER.example:443/realms/a/", "https://other.example:8443"} {
		if !given(raw) {
			t.Errorf("no consent for %s", raw)
		}
	}
	for _, raw := range []string{
		"https://issuer.example", "https://issuer.example/realms/b", "https://issuer.example/realms/a/b",
		"http://issuer.example/realms/a", "https://issuer.example:444/realms/a", "https://other.example",
		"https://issuer.example.evil.example/realms/a", "https://evil.example/https://issuer.example:443/realms/a",
	} {
		if given(raw) {
			t.Errorf("consent for %s", raw)
		}
	}
	if runtime.GOOS != "windows" {
		if info, err := os.Stat(h.Path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	if data, _ := os.ReadFile(h.Path); strings.Count(string(data), "#") != 1 {
		t.Errorf("the file reads\n%s", data)
	}
}

// A line that the person removes or comments out is consent withdrawn.
func TestConsentWithdrawn(t *testing.T) {
	h := Hosts{filepath.Join(t.TempDir(), "hosts")}
	if err := os.WriteFile(h.Path, []byte("#https://issuer.example:443\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, err := h.Given(parse(t, "https://issuer.example")); ok || err != nil {
		t.Errorf("Given = %v, %v", ok, err)
	}
}

func TestUnreadableFileGivesNoConsent(t *testing.T) {
	h := Hosts{t.TempDir()} // a folder
	if ok, err := h.Given(parse(t, "https://issuer.example")); ok || err == nil {
		t.Errorf("Given = %v, %v", ok, err)
	}
}
