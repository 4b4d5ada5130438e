package selfreview

// The errors of this package: short, without a secret, and fit for a terminal.
// What a person can do about them is the command's to say.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/term"
)

// maxText bounds a server's words in an error, in runes.
const maxText = 300

var (
	// ErrNoCredential is a credential that cannot be shown to anyone. Nothing
	// was sent.
	ErrNoCredential = errors.New("there is no credential that could be sent")
	// ErrNotSent is a certificate that the server did not ask for. No request
	// was sent: it would have been anonymous.
	ErrNotSent = errors.New("the server asks for no client certificate, so the request would be anonymous, and was not sent")
)

// ClusterError is a cluster entry of which no request can be made. Nothing was
// sent.
type ClusterError struct{ Reason string }

func (e *ClusterError) Error() string { return "the cluster cannot be asked: " + e.Reason }

// NetworkError is a server that could not be reached, did not answer in time,
// or could not answer now (408, 429, 5xx). Trying again later may help.
type NetworkError struct {
	Host   string
	Proxy  string // host that the request went through; "" without one
	Status int    // of HTTP; 0 when there was no answer
	Err    error  // nil when there is a Status
}

func (e *NetworkError) Error() string {
	switch {
	case e.Err == nil:
		return fmt.Sprintf("the API server at %s answered %s", e.Host, status(e.Status))
	case e.Proxy != "":
		return fmt.Sprintf("the API server at %s cannot be reached through the proxy %s: %s", e.Host, e.Proxy, term.Clean(e.Err.Error(), maxText))
	}
	return fmt.Sprintf("the API server at %s cannot be reached: %s", e.Host, term.Clean(e.Err.Error(), maxText))
}

// Unwrap returns the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// ServerError is a server that is not trusted or does not answer as an API
// server does. Trying again does not help.
type ServerError struct {
	Host      string
	Untrusted bool   // its certificate; nothing was sent
	Reason    string // without the server's words
	Err       error  // the cause, where there is one
}

func (e *ServerError) Error() string {
	text := fmt.Sprintf("the API server at %s: %s", e.Host, e.Reason)
	if e.Err != nil {
		text += ": " + term.Clean(e.Err.Error(), maxText)
	}
	return text
}

// Unwrap returns the cause.
func (e *ServerError) Unwrap() error { return e.Err }

// RefusedError is a server's "no": 401 where it does not take the credential,
// 403 where it takes it and does not let its owner ask, or another status.
type RefusedError struct {
	Host   string
	Status int
	Text   string // the server's own words, cleaned; may be empty
}

func (e *RefusedError) Error() string {
	text := fmt.Sprintf("the API server at %s answered %s", e.Host, status(e.Status))
	if e.Text != "" && e.Text != http.StatusText(e.Status) {
		text += ": " + e.Text
	}
	return text
}

// status is "403 Forbidden", in our words and not the server's.
func status(code int) string {
	if text := http.StatusText(code); text != "" {
		return fmt.Sprintf("%d %s", code, text)
	}
	return fmt.Sprint(code)
}

// trouble says why a request has no answer.
func (c Cluster) trouble(req *http.Request, err error, shown *shown) error {
	host := req.URL.Host
	if ctxErr := req.Context().Err(); errors.Is(ctxErr, context.Canceled) {
		return ctxErr
	}
	kind, cause := httpclient.Diagnose(err)
	var alert *net.OpError
	switch {
	case shown.held:
		return ErrNotSent
	case kind == httpclient.Elsewhere:
		return &ServerError{Host: host, Reason: "it sent the request elsewhere", Err: cause}
	case kind == httpclient.Untrusted:
		return &ServerError{Host: host, Untrusted: true, Reason: "its certificate is not trusted", Err: cause}
	case kind == httpclient.Garbled:
		return &ServerError{Host: host, Reason: "it does not answer as an API server does", Err: cause}
	case errors.As(err, &alert) && alert.Op == "remote error": // a TLS alert, in crypto/tls's words
		return &ServerError{Host: host, Reason: "it ended the TLS handshake", Err: cause}
	}
	return &NetworkError{Host: host, Proxy: httpclient.ProxyHost(c.ProxyURL, req), Err: cause}
}
