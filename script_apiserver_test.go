package main

import (
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// apiServer is a cluster of a script's own, which says of everybody what it is
// told to.
type apiServer struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	body   string
	came   []string // METHOD PATH AUTHORIZATION
}

// cluster is what scripts say about an API server:
//
//	cluster                       start one: $SERVER, whose authority is in the file cluster.pem
//	cluster answer STATUS [FILE]  to everything, with the file's content
//	cluster asked N               so many requests arrived
//	cluster sent REGEXP           the last of them reads METHOD PATH AUTHORIZATION
func cluster(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	switch {
	case len(args) == 0:
		w.cluster = startCluster(ts)
		return
	case neg || len(args) < 2 || w.cluster == nil:
		ts.Fatalf("usage: cluster [answer STATUS [FILE] | asked N | sent REGEXP]")
	}
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	came := w.cluster.came
	switch args[0] {
	case "answer":
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		w.cluster.status, w.cluster.body = status, ""
		if len(args) > 2 {
			w.cluster.body = ts.ReadFile(args[2])
		}
	case "asked":
		if strconv.Itoa(len(came)) != args[1] {
			ts.Fatalf("%d requests, want %s: %q", len(came), args[1], came)
		}
	case "sent":
		if len(came) == 0 || !regexp.MustCompile(`\A(?:`+args[1]+`)\z`).MatchString(came[len(came)-1]) {
			ts.Fatalf("sent %q", came)
		}
	default:
		ts.Fatalf("no %q", args[0])
	}
}

func startCluster(ts *testscript.TestScript) *apiServer {
	s := &apiServer{status: http.StatusUnauthorized}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.came = append(s.came, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		w.WriteHeader(s.status)
		io.WriteString(w, s.body)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	ts.Defer(s.Close)
	ts.Setenv("SERVER", s.URL)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("cluster.pem"), authority, 0o600))
	return s
}
