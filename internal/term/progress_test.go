package term

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// signalWriter tells of each write.
type signalWriter struct {
	bytes.Buffer
	wrote chan struct{}
}

func (w *signalWriter) Write(p []byte) (int, error) {
	defer func() { w.wrote <- struct{}{} }()
	return w.Buffer.Write(p)
}

func TestProgress(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	out := &signalWriter{wrote: make(chan struct{}, 100)}
	visible := true
	p := &progress{
		out: out, what: "Waiting for \x1b[31mthe browser", until: now.Add(61 * time.Second),
		now: func() time.Time { return now }, visible: func() bool { return visible }, width: func() int { return 80 },
	}
	ticks := make(chan time.Time)
	stop := p.run(ticks)
	tick := func(d time.Duration) string {
		now = now.Add(d)
		ticks <- now
		<-out.wrote
		return screen(out.String())[0]
	}
	<-out.wrote
	if got := screen(out.String())[0]; got != "Waiting for [31mthe browser (1:01 left, Ctrl-C cancels)" {
		t.Errorf("%q", got)
	}
	if got := tick(2 * time.Second); !strings.Contains(got, "(0:59 left") {
		t.Errorf("%q", got)
	}
	if got := tick(time.Hour); !strings.Contains(got, "(0:00 left") {
		t.Errorf("after the deadline: %q", got)
	}
	stop()
	stop()
	if got := screen(out.String()); len(got) != 1 || got[0] != "" {
		t.Errorf("left behind: %q", got)
	}
}

func TestProgressFitsTheLine(t *testing.T) {
	var out bytes.Buffer
	p := &progress{
		out: &out, what: strings.Repeat("long ", 50),
		visible: func() bool { return true }, width: func() int { return 40 },
	}
	p.draw()
	if got := columns(screen(out.String())[0]); got > 39 {
		t.Errorf("%d columns would wrap", got)
	}
}

func TestProgressHides(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out, what: "x", visible: func() bool { return false }, width: func() int { return 40 }}
	p.draw()
	p.erase()
	if out.Len() > 0 {
		t.Errorf("%q", out.String())
	}
}

func TestWaitingIsSilentWithoutATerminal(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = write
	defer func() { os.Stderr = old }()
	if StderrIsTerminal() || Width() != 0 {
		t.Error("a pipe counts as a terminal")
	}
	Waiting("x", time.Time{})()
	write.Close()
	var got bytes.Buffer
	if n, _ := got.ReadFrom(read); n != 0 {
		t.Errorf("%q", got.String())
	}
}
