package browser

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

const target = "https://idp.example/auth?client_id=x&state=abc"

func TestHarden(t *testing.T) {
	for raw, want := range map[string]string{
		target:                            target,
		"http://localhost:8000/a":         "http://localhost:8000/a",
		"http://[::1]:8000":               "http://[::1]:8000",
		"HTTPS://IdP.example":             "https://IdP.example",
		"https://h/a%2Fb?x=%26&y=~@,+":    "https://h/a%2Fb?x=%26&y=~@,+",
		"https://h/$(calc)?x=`id`;y='\"":  "https://h/%24%28calc%29?x=%60id%60%3By=%27%22",
		"https://h/a|b>c<d^e{f}g*h!i[j]k": "https://h/a%7Cb%3Ec%3Cd%5Ee%7Bf%7Dg%2Ah%21i%5Bj%5Dk",
		"https://h/é?ü=1":                 "https://h/%C3%A9?%C3%BC=1",
	} {
		if got, err := harden(raw); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", raw, got, err, want)
		}
	}
}

// CVE-2025-6514: an authorization endpoint that the provider names is hostile.
func TestRefusedURLs(t *testing.T) {
	for _, raw := range []string{
		"", "-a", "--help", "idp.example", "/etc/passwd", "//idp.example/",
		"http://idp.example/", "ftp://idp.example/", "file:///etc/passwd", "javascript:alert(1)", "data:text/html,x",
		"ms-word:ofe|u|https://x", "https:idp.example", "https://", "https:///x",
		"https://user:canary@idp.example/", "https://$(calc.exe).evil.example/", "https://a\"b/", "https://a'b/", "https://a&calc/",
		"https://idp.example/a b", "https://idp.example/\x1b[31m", "https://idp.example/\n", "https://idp.example/\u0085",
		"https://idp.example\\@evil.example/", "https://idp.example/#canary", " https://idp.example/",
		"https://idp.example/" + strings.Repeat("x", 10000),
	} {
		var refused *URLError
		err := open(t.Context(), raw, "", launcher{
			programs: func(url string) [][]string { t.Errorf("%q would be opened", url); return nil },
		})
		if !errors.As(err, &refused) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func FuzzHarden(f *testing.F) {
	f.Add(target)
	f.Add("https://$(x)/`y`?'\"=;|")
	f.Add("http://[::1%25lo]:80/\xff")
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := harden(raw)
		if err != nil {
			return
		}
		if !strings.HasPrefix(got, "https://") && !strings.HasPrefix(got, "http://") {
			t.Fatalf("%q became %q", raw, got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"'`$();|<>\\^{}!*", r) }); i >= 0 {
			t.Fatalf("%q became %q, unsafe at %d", raw, got, i)
		}
		before, err1 := url.Parse(raw)
		after, err2 := url.Parse(got)
		if err1 != nil || err2 != nil || before.Path != after.Path || !strings.EqualFold(before.Host, after.Host) {
			t.Fatalf("%q became another place, %q", raw, got)
		}
		if again, err := harden(got); err != nil || again != got {
			t.Fatalf("hardening twice differs: %q, then %q, %v", got, again, err)
		}
	})
}

// fake is a launcher whose programs end as the test says.
type fake struct {
	ends    map[string]error // what a program ends with; one that is missing never ends
	refused map[string]error
	started [][]string
	names   []string
}

func (f *fake) launcher() launcher {
	return launcher{
		grace: 50 * time.Millisecond,
		programs: func(url string) [][]string {
			var list [][]string
			for _, name := range f.names {
				list = append(list, []string{name, url})
			}
			return list
		},
		start: func(argv []string) (<-chan error, error) {
			f.started = append(f.started, argv)
			if err := f.refused[argv[0]]; err != nil {
				return nil, err
			}
			ended := make(chan error, 1)
			if err, ok := f.ends[argv[0]]; ok {
				ended <- err
			}
			return ended, nil
		},
	}
}

func TestOpenTriesInOrder(t *testing.T) {
	failure := errors.New("exit status 3")
	tests := []struct {
		name    string
		fake    fake
		command string
		started string
		want    error
	}{
		{"the first opens", fake{names: []string{"a", "b"}, ends: map[string]error{"a": nil}}, "", "a", nil},
		{"the first goes on running", fake{names: []string{"a", "b"}}, "", "a", nil},
		{"the second after a failure", fake{names: []string{"a", "b"}, ends: map[string]error{"a": failure, "b": nil}}, "", "a b", nil},
		{"the second when the first cannot start", fake{names: []string{"a", "b"}, refused: map[string]error{"a": failure}}, "", "a b", nil},
		{"all fail", fake{names: []string{"a", "b"}, ends: map[string]error{"a": nil, "b": nil}, refused: map[string]error{"a": failure, "b": failure}}, "", "a b", failure},
		{"none is there", fake{}, "", "", ErrNone},
		{"the command", fake{names: []string{"a"}, ends: map[string]error{"my browser": nil}}, "my browser", "my browser", nil},
		{"the command fails: no other is tried", fake{names: []string{"a"}, ends: map[string]error{"c": failure}}, "c", "c", failure},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := open(t.Context(), target, tt.command, tt.fake.launcher())
			if !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			var names []string
			for _, argv := range tt.fake.started {
				names = append(names, argv[0])
				if !reflect.DeepEqual(argv[1:], []string{target}) {
					t.Errorf("arguments %q", argv[1:])
				}
			}
			if got := strings.Join(names, " "); got != tt.started {
				t.Errorf("started %q, want %q", got, tt.started)
			}
			if err != nil && strings.Contains(err.Error(), "state=") {
				t.Errorf("the error repeats the URL: %v", err)
			}
		})
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := fake{names: []string{"a"}}
	l := f.launcher()
	l.grace = time.Hour
	start := l.start
	l.start = func(argv []string) (<-chan error, error) { cancel(); return start(argv) }
	if err := open(ctx, target, "", l); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := open(ctx, target, "", l); !errors.Is(err, context.Canceled) || len(f.started) != 1 {
		t.Errorf("started after the end: %v, %v", f.started, err)
	}
}

func TestOurSettingsStayWithUs(t *testing.T) {
	t.Setenv("KUBECRED_OIDC_CLIENT_SECRET", "canary")
	t.Setenv("KUBERNETES_EXEC_INFO", "canary")
	t.Setenv("DISPLAY", ":7")
	env := strings.Join(environment(), "\n")
	if strings.Contains(env, "canary") || !strings.Contains(env, "DISPLAY=:7") {
		t.Error(env)
	}
}

func TestLook(t *testing.T) {
	const osrelease, interop = "/proc/sys/kernel/osrelease", "/proc/sys/fs/binfmt_misc/WSLInterop"
	wsl := map[string]string{osrelease: "5.15.0-microsoft-standard-WSL2\n", interop: "enabled\n"}
	tests := []struct {
		name, goos string
		env, files map[string]string
		want       Surroundings
	}{
		{"linux, nothing", "linux", nil, nil, Surroundings{}},
		{"linux, X11", "linux", map[string]string{"DISPLAY": ":0"}, nil, Surroundings{Display: true}},
		{"linux, Wayland", "linux", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, nil, Surroundings{Display: true}},
		{"linux, ssh", "linux", map[string]string{"SSH_CONNECTION": "a b c d"}, nil, Surroundings{SSH: true}},
		{"linux, ssh tty", "linux", map[string]string{"SSH_TTY": "/dev/pts/0"}, nil, Surroundings{SSH: true}},
		{"linux, ssh with X11", "linux", map[string]string{"SSH_CLIENT": "a", "DISPLAY": "localhost:10.0"}, nil, Surroundings{SSH: true, Display: true}},
		{"VS Code Remote", "linux", map[string]string{"BROWSER": "/x/browser.sh", "SSH_CONNECTION": "a"}, nil, Surroundings{Browser: true, SSH: true}},
		{"WSL", "linux", nil, wsl, Surroundings{WSL: true}},
		{"WSL, late", "linux", nil, map[string]string{osrelease: "4.4.0-19041-Microsoft", interop + "-late": "enabled"}, Surroundings{WSL: true}},
		{"WSL by its variable", "linux", map[string]string{"WSL_INTEROP": "/run/WSL/1"}, map[string]string{osrelease: wsl[osrelease]}, Surroundings{WSL: true}},
		{"container on WSL's kernel", "linux", nil, map[string]string{osrelease: wsl[osrelease]}, Surroundings{}},
		{"variable alone", "linux", map[string]string{"WSL_INTEROP": "/run/WSL/1"}, nil, Surroundings{}},
		{"macOS", "darwin", nil, nil, Surroundings{Display: true}},
		{"macOS over ssh", "darwin", map[string]string{"SSH_CONNECTION": "a"}, nil, Surroundings{SSH: true}},
		{"Windows", "windows", map[string]string{"BROWSER": "x"}, nil, Surroundings{Display: true}},
		{"Windows over ssh", "windows", map[string]string{"SSH_CONNECTION": "a"}, nil, Surroundings{SSH: true}},
		{"freebsd", "freebsd", map[string]string{"DISPLAY": ":0"}, wsl, Surroundings{Display: true}},
	}
	for _, tt := range tests {
		from := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
		if got := look(tt.goos, from(tt.env), from(tt.files)); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
