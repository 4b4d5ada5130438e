package oidctest

// A Fault stands in front of an endpoint: it sees the request after the
// journal has noted it, and serves it, something else, or nothing.

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
)

// Fault answers in the place of an endpoint; serve is the endpoint itself.
type Fault func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)

// Break puts a fault before an endpoint, in the place of an earlier one.
func Break(e Endpoint, f Fault) Option {
	return func(c *Config) {
		if c.faults == nil {
			c.faults = map[Endpoint]Fault{}
		}
		c.faults[e] = f
	}
}

// Mend takes the fault of an endpoint away.
func Mend(e Endpoint) Option { return func(c *Config) { delete(c.faults, e) } }

// Nth lets a fault have the n-th request from now on, and no other. Make it
// anew for each use: it counts.
func Nth(n int, f Fault) Fault {
	return counted(f, func(i int) bool { return i == n })
}

// First lets a fault have the first n requests from now on.
func First(n int, f Fault) Fault {
	return counted(f, func(i int) bool { return i <= n })
}

// After lets a fault have every request after the next n.
func After(n int, f Fault) Fault {
	return counted(f, func(i int) bool { return i > n })
}

func counted(f Fault, when func(int) bool) Fault {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if when(int(count.Add(1))) {
			f(w, r, serve)
			return
		}
		serve(w, r)
	}
}

// ForGrant lets a fault have the token requests of one grant. A counting fault
// inside it counts those alone.
func ForGrant(grant string, f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if r.PostForm.Get("grant_type") == grant {
			f(w, r, serve)
			return
		}
		serve(w, r)
	}
}

// Status answers with a status and an HTML page, as proxies do. Retry-After is
// in seconds; none is sent where it is 0.
func Status(status, retryAfter int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		if retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		w.Write([]byte("<html><body><h1>" + http.StatusText(status) + "</h1></body></html>"))
	}
}

// Body answers with any text under any type.
func Body(status int, contentType, text string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		w.Write([]byte(text))
	}
}

// Refuse answers with an OAuth error, and with further members when there are
// some: {"interval": 7} beside slow_down.
func Refuse(status int, code, description string, more map[string]any) Fault {
	body := map[string]any{"error": code, "error_description": description}
	for name, value := range more {
		body[name] = value
	}
	text, err := json.Marshal(body)
	if err != nil {
		text = []byte(err.Error())
	}
	return Body(status, "application/json", string(text))
}

// NotJSON answers 200 with a page, as a captive portal does.
func NotJSON() Fault {
	return Body(http.StatusOK, "text/html", "<html><body>Welcome to the hotel network</body></html>")
}

// RedirectTo sends the client elsewhere with status 307, which repeats a POST
// with its body.
func RedirectTo(location string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// Cut closes the connection without a word and without serving.
func Cut() Fault {
	return func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
		abort()
	}
}

// abort closes the connection, or the stream in HTTP/2, without an answer. To
// panic with this value is net/http's own way to do so.
func abort() { panic(http.ErrAbortHandler) }

// LostResponse serves the request and then closes the connection: what it did
// is done, and the client does not know.
func LostResponse() Fault {
	return func(_ http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(httptest.NewRecorder(), r)
		abort()
	}
}

// HalfResponse serves the request, sends half of the answer and closes the
// connection.
func HalfResponse() Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		whole := httptest.NewRecorder()
		serve(whole, r)
		sendHalf(w, whole)
		abort()
	}
}

// sendHalf sends an answer's head and half of its body.
func sendHalf(w http.ResponseWriter, whole *httptest.ResponseRecorder) {
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	w.Write(whole.Body.Next(whole.Body.Len() / 2))
	http.NewResponseController(w).Flush()
}

// Hang waits until release is closed and then serves; a nil channel waits until
// the client has gone away.
func Hang(release <-chan struct{}) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		select {
		case <-release:
			serve(w, r)
		case <-r.Context().Done():
		}
	}
}

// Stall serves half of an answer and then nothing more until the client has
// gone away.
func Stall() Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		whole := httptest.NewRecorder()
		serve(whole, r)
		sendHalf(w, whole)
		<-r.Context().Done()
	}
}

// endlessLimit saves the machine from a client that reads for ever, in bytes.
const endlessLimit = 64 << 20

// Endless begins a JSON string and does not end it. After 64 MiB it gives up
// and cuts the connection.
func Endless() Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"issuer":"`))
		chunk := []byte(strings.Repeat("a", 32<<10))
		for sent := 0; sent < endlessLimit && r.Context().Err() == nil; sent += len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		abort()
	}
}
