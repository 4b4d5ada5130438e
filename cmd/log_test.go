package cmd

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/secret"
)

// An exec block of a hostile kubeconfig may set KUBECRED_LOG: it names a new
// file or a log of ours, ends in .log, and is no link.
func TestLogFile(t *testing.T) {
	p := newPlace(t)
	theirs := p.write("theirs\n", "theirs.log")
	p.write("", "empty.log")
	p.write(logHeader+"{}\n", "ours.log")
	if err := os.Mkdir(p.path("folder.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string]string{
		"new.log":             "",
		"empty.log":           "",
		"ours.log":            "",
		"new.txt":             "ends in .log",
		".bashrc":             "ends in .log",
		"log":                 "ends in .log",
		"new.log/":            "ends in .log",
		"theirs.log":          "not a log of kubecred",
		"folder.log":          "KUBECRED_LOG",
		"no/such/folder.log":  "KUBECRED_LOG",
		"\x1b[31mcontrol.txt": "ends in .log",
	} {
		log, done, err := openLog(p.path()+string(os.PathSeparator)+name, false, nil)
		if (err == nil) != (wants == "") || err != nil && !strings.Contains(err.Error(), wants) {
			t.Errorf("%q: %v, want %q", name, err, wants)
		}
		if err != nil {
			continue
		}
		log.Info("one")
		done()
		text := p.read(name)
		if !strings.HasPrefix(text, logHeader) || strings.Count(text, logHeader) != 1 || !strings.HasSuffix(text, "\n") || !strings.Contains(text, `"msg":"one"`) {
			t.Errorf("%s holds %q", name, text)
		}
	}
	if data, err := os.ReadFile(theirs); err != nil || string(data) != "theirs\n" {
		t.Errorf("theirs.log holds %q, %v", data, err)
	}
}

func TestLogFileIsNoLink(t *testing.T) {
	onUnix(t)
	p := newPlace(t)
	p.write(logHeader, "ours.log")
	for link, to := range map[string]string{"link.log": "ours.log", "dangling.log": "new.log", "device.log": os.DevNull} {
		if err := os.Symlink(to, p.path(link)); err != nil {
			t.Fatal(err)
		}
		if _, done, err := openLog(p.path(link), false, nil); err == nil {
			done()
			t.Errorf("%s was followed", link)
		}
	}
	if _, err := os.Stat(p.path("new.log")); err == nil {
		t.Error("a file was made through a link")
	}
}

func TestLogFileIsPrivate(t *testing.T) {
	onUnix(t)
	p := newPlace(t)
	shared := p.write(logHeader, "shared.log")
	if err := os.Chmod(shared, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, done, err := openLog(shared, false, nil); err == nil {
		done()
		t.Error("a log that others can read was used")
	}
	_, done, err := openLog(p.path("new.log"), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	done()
	if info, err := os.Stat(p.path("new.log")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A log that grew in one run goes on in the next, and a second process's lines
// do not mix with the first's.
func TestLogGrows(t *testing.T) {
	p := newPlace(t)
	for range 3 {
		_, done, err := openLog(p.path("a.log"), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
	}
	a, doneA, errA := openLog(p.path("a.log"), false, nil)
	b, doneB, errB := openLog(p.path("a.log"), false, nil)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	defer doneA()
	defer doneB()
	a.Info("from a")
	b.Info("from b")
	a.Info("from a again")
	text := p.read("a.log")
	if strings.Count(text, "\n") != 4 || strings.Count(text, logHeader) != 1 {
		t.Errorf("the log holds %q", text)
	}
}

func TestLogDestinations(t *testing.T) {
	var out bytes.Buffer
	log, done, err := openLog("", false, &out)
	if err != nil {
		t.Fatal(err)
	}
	log.Error("nowhere")
	done()
	if out.Len() > 0 {
		t.Errorf("without -v: %q", out.String())
	}
	p := newPlace(t)
	log, done, err = openLog(p.path("x.log"), true, &out)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("both")
	done()
	if !strings.Contains(out.String(), "both") || !strings.Contains(p.read("x.log"), "both") {
		t.Errorf("-v: %q", out.String())
	}
}

// The last line of defence: what looks like a token or a key does not pass,
// whatever it is packed in.
func TestStrikeTokens(t *testing.T) {
	const jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"
	const key = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----"
	type holder struct{ Token string }
	var out bytes.Buffer
	log, done, err := openLog("", true, &out)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	log.Info("m", "text", jwt, "error", errors.New("got "+jwt), "bytes", []string{jwt}, "struct", holder{jwt},
		"pointer", &holder{jwt}, slog.Group("group", "inner", jwt), "map", map[string]any{"x": jwt},
		"key", key, "secret", secret.New(jwt), "bearer", "Bearer "+jwt)
	log.With("kept", jwt).WithGroup("g").Info("m", "text", jwt)
	if strings.Contains(out.String(), "eyJ") || strings.Contains(out.String(), "PRIVATE") {
		t.Errorf("the log holds %s", out.String())
	}
	out.Reset()
	log.Info(jwt)
	if strings.Contains(out.String(), "eyJ") {
		t.Errorf("the message itself: %s", out.String())
	}
	log.Info("m", "host", "issuer.example", "ms", 7)
	if !strings.Contains(out.String(), `"host":"issuer.example","ms":7`) {
		t.Errorf("too much was struck out: %s", out.String())
	}
}

// A mistake about the log is a mistake of the configuration, with a hint.
func TestLogMistake(t *testing.T) {
	p := newPlace(t)
	p.env["KUBECRED_LOG"] = p.path("log.txt")
	for _, command := range []string{"get-token", "login", "logout"} {
		p.at(command).fails(exitConfig, "KUBECRED_LOG must name a file that ends in .log")
	}
	if n := len(p.provider.All()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
	if runtime.GOOS == "linux" {
		p.env["KUBECRED_LOG"] = "/proc/self/no.log"
		p.at("get-token").fails(exitConfig, "KUBECRED_LOG: ")
	}
}
