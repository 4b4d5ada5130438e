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

func policyPlace(t *testing.T, content string) place {
	t.Helper()
	p := newPlace(t)
	return p.write(p.Policy, content)
}

func TestPolicyIssuers(t *testing.T) {
	p := policyPlace(t, `issuers: ["https://issuer.example", "https://kc.example/realms/a", "https://*.corp.example", "https://*.port.example:8443"]`)
	tests := map[string]bool{
		"https://issuer.example":               true,
		"https://kc.example/realms/a":          true,
		"https://a.corp.example":               true,
		"https://a.b.corp.example/realms/x":    true,
		"https://A.Corp.Example":               true,
		"https://a.port.example:8443":          true,
		"https://issuer.example/":              false,
		"https://issuer.example:443":           false,
		"https://kc.example/realms/ab":         false,
		"https://kc.example/realms/a/../b":     false,
		"https://corp.example":                 false,
		"https://evilcorp.example":             false,
		"https://.corp.example":                false,
		"https://a.corp.example.evil.example":  false,
		"https://evil.example/a.corp.example":  false,
		"https://a.corp.example:8443":          false,
		"https://a.port.example":               false,
		"http://localhost":                     false,
		"https://evil.example/?x=corp.example": false,
	}
	for issuer, allowed := range tests {
		in := Input{Files: p.Files, Flags: args(t, "--oidc-issuer-url="+issuer, clientFlag)}
		if allowed {
			mustResolve(t, in)
			continue
		}
		_, err := Resolve(in)
		var e *Error
		if !errors.As(err, &e) || (e.Problem != Denied && e.Problem != Invalid) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
	e := mustRefuse(t, Input{Files: p.Files, Flags: args(t, "--oidc-issuer-url=https://evil.example", clientFlag)}, Denied, "oidc-issuer-url")
	if !strings.Contains(e.Error(), p.Policy) {
		t.Errorf("the error does not name the policy: %v", e)
	}
}

func TestPolicyDenies(t *testing.T) {
	p := policyPlace(t, "deny-grants: [device-code, password]\ndeny-browser-command: true\ndeny-insecure: true\n")
	for setting, flag := range map[string]string{
		"grant-type":               "--grant-type=device-code",
		"username":                 "--username=u",
		"browser-command":          "--browser-command=firefox",
		"insecure-skip-tls-verify": "--insecure-skip-tls-verify",
		"oidc-pkce-method":         "--oidc-pkce-method=no",
	} {
		mustRefuse(t, Input{Files: p.Files, Flags: usual(t, flag)}, Denied, setting)
		mustResolve(t, Input{Flags: usual(t, flag)})
	}
	s := mustResolve(t, Input{Files: p.Files, Flags: usual(t)})
	if !slices.Equal(s.DeniedGrants, []Grant{GrantDeviceCode, GrantPassword}) || !s.Denies(GrantPassword) || s.Denies(GrantAuthCode) {
		t.Errorf("denied %v", s.DeniedGrants)
	}
}

func TestPolicyForces(t *testing.T) {
	ca := certificate(t)
	p := policyPlace(t, "token-cache-storage: keyring\nkernel-keyring: off\ncertificate-authority: [ca.pem]\nadd-system-roots: true\nproxy: http://proxy.example:3128\n")
	p.write(filepath.Join(filepath.Dir(p.Policy), "ca.pem"), ca)
	s := mustResolve(t, Input{Files: p.Files, Flags: usual(t, "--token-cache-storage=none", "--kernel-keyring=on", "--certificate-authority=/does/not/exist", "--certificate-authority-data=!")})
	if s.Storage != "keyring" || s.KernelKeyring != "off" || string(s.CAPEM) != ca || !s.AddSystemRoots || s.Proxy != "http://proxy.example:3128" {
		t.Errorf("storage %s, kernel %s, CA %q, proxy %s", s.Storage, s.KernelKeyring, s.CAPEM, s.Proxy)
	}
	mustRefuse(t, Input{Files: p.Files, Flags: usual(t, "--insecure-skip-tls-verify")}, Denied, "insecure-skip-tls-verify")
	// disk is our file, in the policy as in a flag.
	p.write(p.Policy, "token-cache-storage: disk\n")
	if s := mustResolve(t, Input{Files: p.Files, Flags: usual(t)}); s.Storage != "file" || s.AddSystemRoots {
		t.Errorf("storage %s", s.Storage)
	}
}

// A policy that is not wholly understood ends the program, whatever is asked.
// A policy counts in every form in which an editor may leave it.
func TestPolicyForms(t *testing.T) {
	for name, content := range map[string]string{
		"plain":           "deny-insecure: true\n",
		"byte order mark": "\ufeffdeny-insecure: true\n",
		"Windows lines":   "# ours\r\ndeny-insecure: true\r\n",
		"no last line":    "deny-insecure: true",
		"JSON":            "{\n\t\"deny-insecure\": true\n}\n",
		"marked":          "%YAML 1.1\n---\ndeny-insecure: true\n...\n",
	} {
		p := policyPlace(t, content)
		_, err := Resolve(Input{Files: p.Files, Flags: usual(t, "--insecure-skip-tls-verify")})
		var e *Error
		if !errors.As(err, &e) || e.Problem != Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPolicyFailsClosed(t *testing.T) {
	tests := map[string]struct {
		content string
		problem Problem
		says    string
	}{
		"empty":            {"", Invalid, "is empty"},
		"comment":          {"# nothing\n", Invalid, "is empty"},
		"null":             {"---\n", Invalid, "is empty"},
		"unknown key":      {"issuers: ['https://a.example']\nisuers: []\n", Unknown, `line 2: unknown key "isuers"`},
		"key twice":        {"deny-insecure: true\ndeny-insecure: false\n", Invalid, `line 2: "deny-insecure" is given twice`},
		"not YAML":         {"issuers: [\n\n", Invalid, "not valid YAML"},
		"two documents":    {"deny-insecure: true\n---\ndeny-insecure: false\n", Invalid, "not valid YAML"},
		"empty second one": {"deny-insecure: true\n---\n", Invalid, "not valid YAML"},
		"a broken tail":    {"deny-insecure: true\n...\n[\n", Invalid, "not valid YAML"},
		"brackets":         {strings.Repeat("[", maxPolicy/2) + strings.Repeat("]", maxPolicy/2), Invalid, "not valid YAML"},
		"a list":           {"- issuers\n", Invalid, "line 1: expects keys and values"},
		"no issuers":       {"issuers: []\n", Invalid, "line 1: expects at least one"},
		"null issuers":     {"\nissuers:\n", Invalid, "line 2: expects"},
		"http issuer":      {"issuers:\n- https://a.example\n- http://b.example\n", Invalid, "line 3: "},
		"all hosts":        {"issuers: ['https://*']\n", Invalid, "line 1:"},
		"all of a TLD":     {"issuers: ['https://*.com']\n", Invalid, "at least two labels"},
		"inner star":       {"issuers: ['https://*.*.example.com']\n", Invalid, "line 1:"},
		"star elsewhere":   {"issuers: ['https://a*.example.com']\n", Invalid, "line 1: a pattern looks like"},
		"pattern and path": {"issuers: ['https://*.a.example/x']\n", Invalid, "a pattern has no path"},
		"unknown grant":    {"deny-grants: [devicecode]\n", Invalid, "line 1: not a grant"},
		"auto":             {"deny-grants: [auto]\n", Invalid, "not a grant"},
		"storage":          {"token-cache-storage: safe\n", Invalid, "line 1: must be"},
		"kernel":           {"kernel-keyring: never\n", Invalid, "line 1: must be auto, on or off"},
		"proxy secret":     {"proxy: http://u:" + canary + "@proxy.example\n", Invalid, "line 1: expects none or"},
		"yes":              {"deny-insecure: yes\n", Invalid, "line 1: expects true or false"},
		"quoted true":      {"deny-insecure: [true]\n", Invalid, "line 1: expects true or false"},
		"nested":           {"proxy: {a: b}\n", Invalid, "line 1: expects a value"},
		"too large":        {"# " + strings.Repeat("x", maxPolicy), Unreadable, "is too large"},
		"too many issuers": {"issuers:\n" + strings.Repeat("- https://a.example\n", maxEntries+1), Invalid, "more than 1000 elements"},
		"missing CA":       {"certificate-authority: /does/not/exist.pem\n", Unreadable, "/does/not/exist.pem"},
		"word":             {canary, Invalid, "line 1: expects keys and values"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := policyPlace(t, test.content)
			_, err := Resolve(Input{Files: p.Files, Flags: usual(t), Loose: true})
			var e *Error
			if !errors.As(err, &e) || e.Problem != test.problem {
				t.Fatalf("Resolve: %v", err)
			}
			if message := e.Error(); !strings.Contains(message, test.says) || !strings.Contains(message, p.Policy) || strings.Contains(message, canary) {
				t.Errorf("the error reads %q", message)
			}
		})
	}
}

func TestPolicyThatSomeoneElseWrote(t *testing.T) {
	p := policyPlace(t, "deny-insecure: true\n")
	asked := writer(0)
	p.check = func(_ *os.File, _ fs.FileInfo, by writer) error {
		asked = by
		return errors.New("is not owned by root")
	}
	e := mustRefuse(t, Input{Files: p.Files, Flags: usual(t)}, Untrusted, "")
	if asked != byAdministrator || e.Error() != p.Policy+": is not owned by root" {
		t.Errorf("by %v: %v", asked, e)
	}
}

// The file that the policy names as CA is held to the policy's own rule.
func TestPolicyCAThatSomeoneElseWrote(t *testing.T) {
	p := policyPlace(t, "certificate-authority: ca.pem\n")
	ca := filepath.Join(filepath.Dir(p.Policy), "ca.pem")
	p.write(ca, certificate(t))
	p.check = func(f *os.File, _ fs.FileInfo, by writer) error {
		if f.Name() == ca && by == byAdministrator {
			return errors.New("is not owned by root")
		}
		return nil
	}
	mustRefuse(t, Input{Files: p.Files, Flags: usual(t)}, Untrusted, "certificate-authority")
}

// A policy that is there and cannot be read counts as one that says no.
func TestPolicyThatCannotBeRead(t *testing.T) {
	p := newPlace(t)
	if err := os.MkdirAll(p.Policy, 0o700); err != nil { // a folder
		t.Fatal(err)
	}
	mustRefuse(t, Input{Files: p.Files, Flags: usual(t)}, Unreadable, "")
	p = newPlace(t)
	p.write(filepath.Dir(p.Policy), "a file where the folder should be")
	mustRefuse(t, Input{Files: p.Files, Flags: usual(t)}, Unreadable, "")
	p.open = func(string) (*os.File, error) {
		return nil, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}
	}
	if e := mustRefuse(t, Input{Files: p.Files, Flags: usual(t)}, Unreadable, ""); e.Error() != p.Policy+": permission denied" {
		t.Errorf("the error reads %q", e)
	}
}
