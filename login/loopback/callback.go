package loopback

// How the login ended, and how the browser learns of it: once, and only after
// the caller knows.

import (
	"crypto/rand"
	"net/http"
	"sync"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/term"
)

// Callback is an answer that belongs to this login. The browser waits for
// Succeed or Fail; whichever is called first counts. Neither blocks: the page
// is delivered before Close returns.
type Callback struct {
	// Code is the authorization code.
	Code secret.Text

	result  *result
	openURL string
}

// Succeed shows that the person is signed in. It MUST be called only after the
// token was verified. account is who signed in, and may be empty.
func (c *Callback) Succeed(account string) {
	c.result.settle(verdict{page: successPage(term.Clean(account, maxShown)), location: c.openURL})
}

// Fail shows that the login failed. reason is a sentence without secrets; it
// may come from the provider.
func (c *Callback) Fail(reason string) {
	c.result.settle(verdict{page: failurePage(term.Clean(reason, maxShown))})
}

// result is how the login ended, for the page that waits for it.
type result struct {
	path    string        // unguessable, so that only this login's browser finds it
	known   chan struct{} // closed when there is a verdict
	shown   chan struct{} // closed when a browser has it
	settled sync.Once
	showed  sync.Once
	verdict verdict
}

type verdict struct {
	page     page
	location string // where the browser is sent instead; may be empty
}

func newResult() *result {
	return &result{path: "/done/" + rand.Text(), known: make(chan struct{}), shown: make(chan struct{})}
}

// settle reports whether v is the verdict: the first one is.
func (r *result) settle(v verdict) bool {
	first := false
	r.settled.Do(func() {
		first = true
		r.verdict = v
		close(r.known)
	})
	return first
}

func (v verdict) write(w http.ResponseWriter) {
	if v.location == "" {
		v.page.write(w)
		return
	}
	w.Header().Set("Location", v.location)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
}
