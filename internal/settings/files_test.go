package settings

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	f := &Files{Home: "/home/u"}
	work, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"~":     "/home/u",
		"~/a":   "/home/u/a",
		"/a/~":  "/a/~",
		"a":     "/base/a",
		"../a":  "/a",
		"./~/b": "/base/~/b",
	} {
		if got, err := f.expand(path, "/base"); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	if got, err := f.expand("a", ""); got != filepath.Join(work, "a") || err != nil {
		t.Errorf("a: %q, %v", got, err)
	}
	if _, err := f.expand("~other/a", ""); err == nil {
		t.Error("~other was expanded")
	}
	if _, err := new(Files).expand("~/a", ""); err == nil {
		t.Error("~ was expanded without a home")
	}
}

func TestSystemFiles(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	f := SystemFiles()
	if runtime.GOOS == "linux" {
		if f.Policy != "/etc/kubecred/policy.yaml" || f.Machine != "/etc/kubecred/config.yaml" ||
			f.User != filepath.Join(home, ".config/kubecred/config.yaml") || f.Cache != filepath.Join(home, ".cache/kubecred") || f.Home != home {
			t.Errorf("%+v", f)
		}
	}
	// The policy's place does not depend on the environment.
	t.Setenv("HOME", "")
	t.Setenv("ProgramData", home)
	if f := SystemFiles(); strings.HasPrefix(f.Policy, home) || f.Policy == "" || f.Home != "" {
		t.Errorf("%+v", f)
	}
}

// Without a home, a cache folder must be named, unless nothing is kept.
func TestNoHome(t *testing.T) {
	p := newPlace(t)
	p.Home, p.User, p.Cache = "", "", ""
	mustRefuse(t, Input{Files: p.Files, Flags: usual(t)}, Missing, "token-cache-dir")
	mustRefuse(t, Input{Files: p.Files, Flags: usual(t, "--token-cache-dir=~/x")}, Invalid, "token-cache-dir")
	mustResolve(t, Input{Files: p.Files, Flags: usual(t, "--token-cache-storage=none")})
	mustResolve(t, Input{Files: p.Files, Flags: usual(t, "--token-cache-dir=/x")})
}

func TestReadRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, os.DevNull} {
		_, err := new(Files).read(path, 10, byAnyone)
		var e *Error
		if !errors.As(err, &e) || e.Problem != Unreadable {
			t.Errorf("%s: %v", path, err)
		}
	}
	exact := filepath.Join(dir, "exact")
	if err := os.WriteFile(exact, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := new(Files).read(exact, 10, byAnyone); err != nil || len(data) != 10 {
		t.Errorf("exactly the limit: %q, %v", data, err)
	}
	if _, err := new(Files).read(exact, 9, byAnyone); !errors.Is(err, errTooLarge) {
		t.Errorf("one more than the limit: %v", err)
	}
	if _, err := new(Files).read(filepath.Join(dir, "none"), 9, byAnyone); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestCA(t *testing.T) {
	p := newPlace(t)
	one, two := certificate(t), certificate(t)
	key := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	p.write(filepath.Join(p.Home, "one.pem"), "text before\n"+key+one+"text after").write(filepath.Join(p.Home, "key.pem"), key)
	p.write(filepath.Join(p.Home, "large.pem"), strings.Repeat("x", maxCA+1))
	encoded := base64.StdEncoding.EncodeToString([]byte(two))
	s := mustResolve(t, Input{Files: p.Files, Flags: usual(t, "--certificate-authority=~/one.pem", "--certificate-authority-data="+encoded)})
	if string(s.CAPEM) != one+two {
		t.Errorf("CA %q", s.CAPEM)
	}
	for flag, problem := range map[string]Problem{
		"--certificate-authority=~/none.pem":                   Unreadable,
		"--certificate-authority=~":                            Unreadable,
		"--certificate-authority=~/large.pem":                  Unreadable,
		"--certificate-authority=~/key.pem":                    Invalid,
		"--certificate-authority-data=" + canary + "!":         Invalid,
		"--certificate-authority-data=AAAA":                    Invalid,
		"--certificate-authority-data=" + encoded + "-" + "xx": Invalid,
	} {
		setting, _, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		mustRefuse(t, Input{Files: p.Files, Flags: usual(t, flag)}, problem, setting)
	}
	e := mustRefuse(t, Input{Files: p.Files, Flags: usual(t, "--certificate-authority=~/none.pem")}, Unreadable, "certificate-authority")
	if strings.Count(e.Error(), "none.pem") != 1 || !errors.Is(e, fs.ErrNotExist) && !strings.Contains(e.Error(), "no such file") {
		t.Errorf("the error reads %q", e)
	}
	if s := mustResolve(t, Input{Flags: usual(t, "--add-system-roots")}); s.AddSystemRoots || s.CAPEM != nil {
		t.Error("the system's roots are added to nothing")
	}
}
