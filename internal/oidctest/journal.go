package oidctest

// The journal notes each request when it arrives, before any fault, and its
// status when it was answered.

import (
	"context"
	"net/http"
	"net/url"
	"sync"
)

// Request is one that arrived.
type Request struct {
	Endpoint Endpoint
	Method   string
	URL      *url.URL
	Header   http.Header
	// Form holds the query and the body.
	Form url.Values
	// Status is what was answered: 0 while it is not, and when the connection
	// was cut instead.
	Status int
}

// Grant is the request's grant_type.
func (r Request) Grant() string { return r.Form.Get("grant_type") }

type journal struct {
	mu       sync.Mutex
	requests []*Request
	changed  chan struct{} // closed and replaced at every arrival
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

func (j *journal) arrived(e Endpoint, r *http.Request) *Request {
	note := &Request{Endpoint: e, Method: r.Method, URL: r.URL, Header: r.Header.Clone(), Form: r.Form}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = append(j.requests, note)
	close(j.changed)
	j.changed = make(chan struct{})
	return note
}

func (j *journal) answered(note *Request, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	note.Status = status
}

// matching copies the requests that satisfy keep, and returns what is closed
// when there are more.
func (j *journal) matching(keep func(*Request) bool) ([]Request, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []Request
	for _, r := range j.requests {
		if keep(r) {
			found = append(found, *r)
		}
	}
	return found, j.changed
}

// Requests are those an endpoint received, oldest first.
func (p *Provider) Requests(e Endpoint) []Request {
	found, _ := p.journal.matching(func(r *Request) bool { return r.Endpoint == e })
	return found
}

// All are the requests of every endpoint, oldest first.
func (p *Provider) All() []Request {
	found, _ := p.journal.matching(func(*Request) bool { return true })
	return found
}

// Count is how many requests an endpoint received. Of a login with the page,
// Authorize counts the opening and SignIn the click.
func (p *Provider) Count(e Endpoint) int { return len(p.Requests(e)) }

// CountGrant is how many token requests of a grant arrived; of GrantDevice it
// is the polls.
func (p *Provider) CountGrant(grant string) int {
	found, _ := p.journal.matching(func(r *Request) bool { return r.Endpoint == Token && r.Grant() == grant })
	return len(found)
}

// Await returns once an endpoint has received n requests in all, or with the
// context's error.
func (p *Provider) Await(ctx context.Context, e Endpoint, n int) error {
	for {
		found, more := p.journal.matching(func(r *Request) bool { return r.Endpoint == e })
		if len(found) >= n {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
