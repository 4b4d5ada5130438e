package httpclient

import (
	"errors"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	good := []string{
		"https://issuer.example",
		"https://issuer.example:8443/realms/a?x=y",
		"http://localhost:8000",
		"http://127.0.0.1:18000/",
		"http://[::1]:8000/",
		"http://LOCALHOST.",
	}
	for _, raw := range good {
		if _, err := ParseURL(raw); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	}
	bad := []string{
		"", "issuer.example", "//issuer.example", "https:issuer.example", "https://", "https:///path",
		"http://issuer.example", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
		"http://0.0.0.0", "http://2130706433",
		"ftp://issuer.example", "file:///etc/passwd", "javascript:alert(1)", "-flag", "--help",
		"https://canary:canary@issuer.example", "https://issuer.example#canary",
		"https://issuer.example/\n", "https://issuer.example/\x1b[31m", "https://issuer.example/a b",
		`https://issuer.example\@evil.example`, "https://issuer.example/\u0085",
		"https://issuer.example/%zz", "https://" + strings.Repeat("a", maxURL),
	}
	for _, raw := range bad {
		u, err := ParseURL(raw)
		var refused *URLError
		if !errors.As(err, &refused) || u != nil {
			t.Errorf("%.80q is accepted: %v, %v", raw, u, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%q is repeated in %q", raw, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("https://issuer.example/a?b=c")
	f.Add("http://[::1%25eth0]:80/")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := ParseURL(raw)
		if err != nil {
			return
		}
		if u.User != nil || u.Host == "" || (u.Scheme != "https" && !IsLoopback(u.Hostname())) {
			t.Errorf("%q became %v", raw, u)
		}
		if strings.HasPrefix(u.String(), "-") {
			t.Errorf("%q would be read as an option", u)
		}
	})
}
