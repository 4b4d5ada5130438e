package exchange

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"

	authv1 "k8s.io/api/authentication/v1"
)

// Door stands between an API server and the exchange's reviews. It counts them by token, and can be out of order.
type Door struct {
	URL string

	server *httptest.Server
	proxy  *httputil.ReverseProxy

	mu      sync.Mutex
	reviews map[string]int
	state   State
}

// State is how a door answers.
type State int

// The states of a door.
const (
	Open        State = iota
	Unavailable       // 503, as an exchange answers whose state cannot be read
	Dead              // the connection ends without an answer, as when the exchange is killed
)

// OpenDoor opens a door to the exchange, with the same certificate.
func (x *Exchange) OpenDoor() (*Door, error) {
	to, err := url.Parse(x.Issuer)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.LoadX509KeyPair(x.path("tls.crt"), x.path("tls.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(x.CA)
	d := &Door{reviews: map[string]int{}, proxy: &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:    &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	d.server = httptest.NewUnstartedServer(d)
	d.server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	d.server.StartTLS()
	d.URL = d.server.URL
	return d, nil
}

// Close ends it.
func (d *Door) Close() { d.server.Close() }

// Set changes how it answers.
func (d *Door) Set(s State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = s
}

// Reviews is how often it was asked about a token, answered or not.
func (d *Door) Reviews(token string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reviews[token]
}

// ServeHTTP implements http.Handler.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch d.count(body) {
	case Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case Dead:
		panic(http.ErrAbortHandler)
	default:
		d.proxy.ServeHTTP(w, r)
	}
}

func (d *Door) count(body []byte) State {
	var review authv1.TokenReview
	_ = json.Unmarshal(body, &review) // what is no review is about no token
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reviews[review.Spec.Token]++
	return d.state
}
