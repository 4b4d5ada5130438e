package server

import (
	"context"
	"net"
	"net/http"
	"testing"
)

// After a reload the figures go on, and who drains does not begin anew.
func TestAServerFollowsAnother(t *testing.T) {
	first := newWorld(t)
	first.login().tokens(t)
	second := newWorld(t, func(o *Options) { o.Replaces = first.server })
	second.login().tokens(t)
	if second.server.Registry() != first.server.Registry() {
		t.Error("the metrics began anew")
	}
	first.server.draining.Store(true)
	if answer := second.request("GET", "/readyz", "", ""); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ready while it drains: %d", answer.StatusCode)
	}
	if second.server.o.Replaces != nil {
		t.Error("every server that ever was is kept")
	}
}

func TestServeTakesAHandler(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- w.server.Serve(ctx, l, ServeOptions{InsecurePlainHTTP: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
		})})
	}()
	answer, err := http.Get("http://" + l.Addr().String() + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusTeapot {
		t.Errorf("answered %d", answer.StatusCode)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
