package loopback

// What a request gets. Cheap checks come first: host, path, method and what
// the browser says about itself. Whoever fails one is told so, and the login
// goes on waiting.

import (
	"crypto/sha256"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
)

func (l *Listener) handle(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	onResult := r.URL.Path == l.result.path
	if status, reason := l.screen(r, onResult); status != 0 {
		l.stray(w, status, reason)
		return
	}
	if onResult {
		l.showResult(w, r)
		return
	}
	query, status, reason := parameters(w, r)
	if status != 0 {
		l.stray(w, status, reason)
		return
	}
	l.receive(w, query)
}

// screen returns 0 for a request that may be the browser's, brought here by
// the provider or by the redirect to the result.
func (l *Listener) screen(r *http.Request, onResult bool) (status int, reason string) {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	switch {
	case !l.knowsHost(r.Host):
		// DNS rebinding: a foreign name that was made to point here.
		return http.StatusForbidden, "The request is for another host."
	case !onResult && r.URL.Path != l.path():
		return http.StatusNotFound, "There is nothing at this path."
	case r.Method != http.MethodGet && (r.Method != http.MethodPost || !l.options.FormPost || onResult):
		return http.StatusMethodNotAllowed, "This kind of request is not accepted."
	case (mode != "" && mode != "navigate") || (dest != "" && dest != "document"):
		// A script's fetch, a frame or an image, but not a person's tab.
		return http.StatusForbidden, "Only a browser tab may come here."
	}
	return 0, ""
}

func (l *Listener) knowsHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return httpclient.IsLoopback(host) || strings.EqualFold(strings.Trim(host, "[]"), l.redirect.Hostname())
}

// path is the redirect URL's, which a browser requests as "/" when it is empty.
func (l *Listener) path() string {
	if l.redirect.Path == "" {
		return "/"
	}
	return l.redirect.Path
}

// parameters reads the answer from where its kind of request carries it; a
// form post's query does not count (OAuth 2.0 Form Post Response Mode).
func parameters(w http.ResponseWriter, r *http.Request) (query url.Values, status int, reason string) {
	if r.Method == http.MethodGet {
		return r.URL.Query(), 0, ""
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" {
		return nil, http.StatusUnsupportedMediaType, "The answer is not a form."
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge, "The answer is too large."
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, http.StatusRequestTimeout, "The answer came too slowly."
	case err != nil:
		return nil, http.StatusBadRequest, "The answer cannot be read."
	}
	return r.PostForm, 0, ""
}

// receive takes the answer if it is this login's, and takes its parameters out
// of the address bar and the history: the browser is sent to the result.
func (l *Listener) receive(w http.ResponseWriter, query url.Values) {
	code, err := ParseCallback(query, l.options.Expected)
	if stray := (*StrayError)(nil); errors.As(err, &stray) {
		l.stray(w, http.StatusBadRequest, sentence(stray.Reason))
		return
	}
	if !l.take(query) {
		repeatedPage().write(w)
		return
	}
	a := answer{err: err}
	if err == nil {
		a.callback = &Callback{Code: code, result: l.result, openURL: l.options.OpenURLAfter}
	} else {
		l.result.settle(verdict{page: failurePage(sentence(err.Error()))})
	}
	select {
	case l.answers <- a:
	default: // the browser sent the same answer again
	}
	w.Header().Set("Location", l.result.path)
	w.WriteHeader(http.StatusSeeOther)
}

// take reports whether the answer is the first, or the first once more: a
// browser repeats a request whose connection broke.
func (l *Listener) take(query url.Values) bool {
	fingerprint := sha256.Sum256([]byte(query.Encode()))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken == nil {
		l.taken = &fingerprint
	}
	return *l.taken == fingerprint
}

// showResult waits for the verdict. It is reached by this login's browser
// alone, so its connection is not closed for others.
func (l *Listener) showResult(w http.ResponseWriter, r *http.Request) {
	l.crowd.keep(r)
	control := http.NewResponseController(w)
	// The request is read; its deadline would now end its context.
	_ = control.SetReadDeadline(time.Time{})
	patience := time.NewTimer(l.limits.patience)
	defer patience.Stop()
	select {
	case <-l.result.known:
	case <-patience.C:
		pendingPage().write(w)
		return
	case <-r.Context().Done():
		return
	}
	_ = control.SetWriteDeadline(time.Now().Add(l.limits.write))
	w.Header().Set("Connection", "close")
	l.result.verdict.write(w)
	if control.Flush() == nil {
		l.result.showed.Do(func() { close(l.result.shown) })
	}
}

func (l *Listener) stray(w http.ResponseWriter, status int, reason string) {
	if l.options.Log != nil {
		l.options.Log.Info("a stray request on the loopback listener", "status", status, "reason", reason)
	}
	strayPage(status, reason).write(w)
}

// sentence makes an error's text one that stands alone on a page.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + strings.TrimRight(text[1:], ".") + "."
}
