package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestProfile(t *testing.T) {
	p := newPlace(t)
	ca := certificate(t)
	dir := filepath.Dir(p.User)
	p.write(filepath.Join(dir, "ca.pem"), ca).write(p.User, `
# comments stay out of the way
defaults: &defaults-are-not-a-key
`)
	mustRefuse(t, Input{Files: p.Files, Flags: args(t, "--profile=corp")}, Unknown, "")
	p.write(p.User, `
profiles:
  corp:
    oidc-issuer-url: https://issuer.example
    oidc-client-id: 0123
    oidc-client-auth-method: private_key_jwt
    oidc-assertion-key-file: key.pem
    oidc-assertion-key-id: k1
    certificate-authority: ca.pem
    add-system-roots: true
    oidc-extra-scope: &scopes [email, groups]
    oidc-auth-request-extra-params: {max_age: 3600, prompt: login}
    authentication-timeout-sec: 60
    password-command: [~/bin/password, "--for", kubernetes]
    browser-command: firefox
  other:
    oidc-extra-scope: *scopes
`)
	s := mustResolve(t, Input{Files: p.Files, Flags: args(t, "--profile=corp")})
	if s.ClientID != "0123" || s.AssertionKeyFile != filepath.Join(dir, "key.pem") || s.AssertionKeyID != "k1" || string(s.CAPEM) != ca || !s.AddSystemRoots {
		t.Errorf("resolved %q %q %q", s.ClientID, s.AssertionKeyFile, s.CAPEM)
	}
	if s.ExtraParams["max_age"] != "3600" || s.Timeout.Seconds() != 60 || s.BrowserCommand != "firefox" || s.Profile != "corp" {
		t.Errorf("resolved %v %v %q", s.ExtraParams, s.Timeout, s.BrowserCommand)
	}
	if want := []string{filepath.Join(p.Home, "bin/password"), "--for", "kubernetes"}; !slices.Equal(s.Password.Command, want) {
		t.Errorf("command %q", s.Password.Command)
	}
	if want := "profile corp in " + p.User; s.IssuerSource.String() != want {
		t.Errorf("source %q, want %q", s.IssuerSource, want)
	}
	if s := mustResolve(t, Input{Files: p.Files, Flags: usual(t, "--profile=other")}); len(s.Scopes) != 3 {
		t.Errorf("scopes %v", s.Scopes)
	}
}

// The person's file goes first; a profile comes whole from one of the two.
func TestProfileOfTheMachine(t *testing.T) {
	p := newPlace(t)
	p.write(p.Machine, "profiles: {a: {account: machine, username: machine}, b: {account: machine}}")
	p.write(p.User, "profiles: {a: {account: user}}")
	a := mustResolve(t, Input{Files: p.Files, Flags: usual(t, "--profile=a")})
	b := mustResolve(t, Input{Files: p.Files, Flags: usual(t, "--profile=b")})
	if a.Account != "user" || a.Username != "" || b.Account != "machine" {
		t.Errorf("a %q %q, b %q", a.Account, a.Username, b.Account)
	}
	e := mustRefuse(t, Input{Files: p.Files, Flags: usual(t, "--profile=c")}, Missing, "profile")
	if !strings.Contains(e.Error(), p.User) || !strings.Contains(e.Error(), p.Machine) || e.Source.Name != "--profile" {
		t.Errorf("the error reads %q", e)
	}
	mustRefuse(t, Input{Files: newPlace(t).Files, Flags: usual(t), Extension: []byte(`{"profile": "c"}`)}, Missing, "profile")
}

func TestProfileFileErrors(t *testing.T) {
	tests := map[string]struct {
		content string
		problem Problem
		says    string
	}{
		"unknown setting":   {"profiles:\n  p:\n    account: a\n    acount: b\n", Unknown, `line 4: unknown key "acount"`},
		"another profile":   {"profiles:\n  p: {}\n  q:\n    acount: b\n", Unknown, "line 4"},
		"unknown top":       {"profile:\n  p: {}\n", Unknown, `line 1: unknown key "profile"`},
		"a secret":          {"profiles:\n  p:\n    oidc-client-secret: " + canary + "\n", Unknown, `line 3: unknown key "oidc-client-secret"`},
		"a password":        {"profiles: {p: {password: " + canary + "}}\n", Unknown, `unknown key "password"`},
		"flag only":         {"profiles: {p: {force-refresh: true}}\n", Unknown, `unknown key "force-refresh"`},
		"twice":             {"profiles:\n  p: {}\n  p: {}\n", Invalid, `line 3: "p" is given twice`},
		"wrong toggle":      {"profiles:\n  p:\n    skip-open-browser: " + canary + "\n", Invalid, "line 3: expects true or false"},
		"wrong number":      {"profiles:\n  p:\n    authentication-timeout-sec: " + canary + "\n", Invalid, "line 3: expects a whole number"},
		"wrong list":        {"profiles:\n  p:\n    oidc-extra-scope: {a: " + canary + "}\n", Invalid, "line 3: expects a list"},
		"list in list":      {"profiles:\n  p:\n    oidc-extra-scope: [[a]]\n", Invalid, "line 3: expects a value"},
		"wrong pairs":       {"profiles:\n  p:\n    oidc-request-header: [" + canary + "]\n", Invalid, "line 3: expects keys and values"},
		"wrong text":        {"profiles:\n  p:\n    account: [a]\n", Invalid, "line 3: expects a value"},
		"null":              {"profiles:\n  p:\n    account:\n", Invalid, "line 3: expects a value"},
		"key is a list":     {"profiles:\n  ? [a]\n  : {}\n", Invalid, "a key is not a word"},
		"merge":             {"profiles:\n  a: &a {account: x}\n  p:\n    <<: *a\n", Unknown, `unknown key "<<"`},
		"cycle":             {"profiles: &a\n  p: *a\n", Unknown, `unknown key "p"`},
		"profiles null":     {"profiles:\n", Invalid, "line 1: expects keys and values"},
		"profiles list":     {"profiles: [p]\n", Invalid, "line 1: expects keys and values"},
		"not YAML":          {"profiles:\n\tp: " + canary + "\n", Invalid, "not valid YAML, near line 2"},
		"too large":         {strings.Repeat("#", maxPolicy+1), Unreadable, "is too large"},
		"anchors blowing":   {bomb(), Invalid, ""},
		"too many profiles": {manyProfiles(), Invalid, "more than 1000 keys"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.write(p.User, test.content)
			_, err := Resolve(Input{Files: p.Files, Flags: usual(t, "--profile=p")})
			var e *Error
			if !errors.As(err, &e) || e.Problem != test.problem {
				t.Fatalf("Resolve: %v", err)
			}
			if message := e.Error(); !strings.Contains(message, test.says) || !strings.Contains(message, p.User) || strings.Contains(message, canary) {
				t.Errorf("the error reads %q", message)
			}
		})
	}
}

// bomb is the billion laughs.
func bomb() string {
	lines := []string{"a0: &a0 [x,x,x,x,x,x,x,x,x,x]"}
	for i := 1; i < 10; i++ {
		prev := "*a" + string(rune('0'+i-1))
		lines = append(lines, "a"+string(rune('0'+i))+": &a"+string(rune('0'+i))+" ["+strings.Repeat(prev+",", 9)+prev+"]")
	}
	return "profiles:\n  p:\n    oidc-extra-scope: *a9\n" + strings.Join(lines, "\n") + "\n"
}

func manyProfiles() string {
	var b strings.Builder
	b.WriteString("profiles:\n")
	for i := range maxEntries + 1 {
		b.WriteString("  p" + strings.Repeat("x", i%40) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + ": {}\n")
	}
	return b.String()
}

// An empty file of the person's own is no mistake, only no profile.
func TestEmptyConfiguration(t *testing.T) {
	for _, content := range []string{"", "# later\n", "---\n"} {
		p := newPlace(t)
		p.write(p.User, content)
		mustRefuse(t, Input{Files: p.Files, Flags: usual(t, "--profile=p")}, Missing, "profile")
	}
}

// The file may name programs to run, so it must be the person's own.
func TestConfigurationThatSomeoneElseWrote(t *testing.T) {
	p := newPlace(t)
	p.write(p.User, "profiles: {p: {}}").write(p.Machine, "profiles: {m: {}}")
	p.check = func(_ *os.File, _ fs.FileInfo, by writer) error {
		return map[writer]error{byUser: errors.New("by the user"), byAdministrator: errors.New("by root")}[by]
	}
	e := mustRefuse(t, Input{Files: p.Files, Flags: usual(t, "--profile=p")}, Untrusted, "")
	if !strings.HasSuffix(e.Error(), p.User+": by the user") {
		t.Errorf("the error reads %q", e)
	}
	p.User = ""
	if e := mustRefuse(t, Input{Files: p.Files, Flags: usual(t, "--profile=m")}, Untrusted, ""); !strings.HasSuffix(e.Error(), "by root") {
		t.Errorf("the error reads %q", e)
	}
}

// Without a profile the configuration file is not opened.
func TestNoProfileNoFile(t *testing.T) {
	p := newPlace(t)
	var opened []string
	p.open = func(path string) (*os.File, error) {
		opened = append(opened, path)
		return nil, fs.ErrNotExist
	}
	mustResolve(t, Input{Files: p.Files, Flags: usual(t)})
	if !slices.Equal(opened, []string{p.Policy}) {
		t.Errorf("opened %v, want the policy alone", opened)
	}
}

func TestExtension(t *testing.T) {
	for raw, want := range map[string]Problem{
		``:                            "",
		`null`:                        "",
		`{}`:                          "",
		`{"audience":"","scopes":[]}`: "",
		`[]`:                          Invalid,
		`"x"`:                         Invalid,
		`{"audience":1}`:              Invalid,
		`{"scopes":"a"}`:              Invalid,
		`{"scopes":[1]}`:              Invalid,
		`{"profile":["x"]}`:           Invalid,
		`{"Audience":"x"}`:            Unknown,
		`{"audience":"x","more":1}`:   Unknown,
		`{"audience":"x"}{}`:          Invalid,
		`{`:                           Invalid,
	} {
		_, err := Resolve(Input{Files: newPlace(t).Files, Flags: usual(t), Extension: []byte(raw)})
		var e *Error
		if errors.As(err, &e) != (want != "") || (e != nil && (e.Problem != want || e.Source.Kind != FromCluster)) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	huge := `{"audience":"` + strings.Repeat("x", maxExtension) + `"}`
	_, err := Resolve(Input{Files: newPlace(t).Files, Flags: usual(t), Extension: []byte(huge)})
	if err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("Resolve: %v", err)
	}
	scopes := `{"scopes":["` + strings.Repeat(`x","`, 70) + `x"]}`
	mustRefuse(t, Input{Flags: usual(t), Extension: []byte(scopes)}, Invalid, "oidc-extra-scope")
}
