package server

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// disk takes what is written while it has room.
type disk struct {
	syncBuffer
	full atomic.Bool
}

func (d *disk) Write(p []byte) (int, error) {
	if d.full.Load() {
		return 0, errors.New("no space left on device")
	}
	return d.syncBuffer.Write(p)
}

func TestAuditThatIsNotWrittenIsNoticed(t *testing.T) {
	var d disk
	onDisk := func(o *Options) { o.Audit = slog.New(slog.NewJSONHandler(&d, nil)) }
	w := newWorld(t, onDisk)
	ready := func(name string, status int, text string) {
		t.Helper()
		w.pass(checkKept)
		if answer := w.request("GET", "/readyz", "", ""); answer.StatusCode != status || !strings.Contains(answer.body, text) {
			t.Errorf("%s: %d %q", name, answer.StatusCode, answer.body)
		}
	}
	d.full.Store(true)
	ready("nothing is lost yet", http.StatusOK, "[+]audit ok\n")
	w.login().tokens(t)
	w.login("password", "wrong")
	ready("a full disk", http.StatusServiceUnavailable, "[-]audit failed\n")
	w.server.Audit().Info("operator", "operation", "revoke all")
	if text := w.request("GET", "/metrics", "", "").body; !strings.Contains(text, "kubecred_exchange_audit_lines_lost_total 3\n") {
		t.Error("the metric counts otherwise")
	}
	for _, want := range []string{"line.event=password", "line.subject=id-alice", "line.reason=credentials", `line.operation="revoke all"`, "no space left"} {
		if !strings.Contains(w.told.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	// A reload does not make up for what is missing.
	o := w.server.o
	onDisk(&o)
	o.Checks, o.Replaces = nil, w.server
	next, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.handler = next.Handler()
	ready("after a reload", http.StatusServiceUnavailable, "[-]audit failed\n")
	d.full.Store(false)
	ready("room again", http.StatusOK, "[+]audit ok\n")
	ready("room still", http.StatusOK, "[+]audit ok\n")
	if text := d.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"msg":"audit","decision":"resumed","missing":3`) {
		t.Errorf("%s", text)
	}
}
