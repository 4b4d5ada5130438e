package load

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Endpoint is a server of HTTP.
type Endpoint struct {
	URL  string
	host string
	tls  *tls.Config // nil: none
}

// NewEndpoint is the server at a URL. authority, in PEM, signed its certificate where it has one.
func NewEndpoint(at string, authority []byte) (Endpoint, error) {
	u, err := url.Parse(at)
	if err != nil {
		return Endpoint{}, err
	}
	e := Endpoint{URL: at, host: u.Host}
	if u.Scheme == "https" {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(authority)
		e.tls = &tls.Config{RootCAs: roots, ServerName: u.Hostname()}
	}
	return e, nil
}

// patience bounds one request.
const patience = 30 * time.Second

// Line is a connection that is kept, for one user at a time. net/http's own client would cost more than the
// servers that are measured.
type Line struct {
	conn    net.Conn
	answers *bufio.Reader
}

// Dial opens a line.
func (e Endpoint) Dial() (*Line, error) {
	conn, err := net.DialTimeout("tcp", e.host, patience)
	if err != nil {
		return nil, err
	}
	if e.tls != nil {
		secured := tls.Client(conn, e.tls)
		secured.SetDeadline(time.Now().Add(patience))
		if err := secured.Handshake(); err != nil {
			conn.Close()
			return nil, err
		}
		conn = secured
	}
	return &Line{conn, bufio.NewReader(conn)}, nil
}

// Lines opens some.
func (e Endpoint) Lines(n int) (lines []*Line, err error) {
	for range n {
		l, err := e.Dial()
		if err != nil {
			Close(lines)
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// Close closes lines.
func Close(lines []*Line) {
	for _, l := range lines {
		l.Close()
	}
}

// Close closes the line.
func (l *Line) Close() { l.conn.Close() }

// Ask sends a request and reads the answer.
func (l *Line) Ask(request []byte) (int, []byte, error) {
	l.conn.SetDeadline(time.Now().Add(patience))
	if _, err := l.conn.Write(request); err != nil {
		return 0, nil, err
	}
	response, err := http.ReadResponse(l.answers, nil)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// Once asks on a line of its own.
func (e Endpoint) Once(request []byte) (int, []byte, error) {
	l, err := e.Dial()
	if err != nil {
		return 0, nil, err
	}
	defer l.Close()
	return l.Ask(request)
}

func (e Endpoint) answers(path string) error {
	status, body, err := e.Once(e.Get(path))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", path, status, body)
	}
	return err
}

// Get is a request.
func (e Endpoint) Get(path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, e.host)
}

func (e Endpoint) post(path, kind, more, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s", path, e.host, kind, more, len(body), body)
}

func (e Endpoint) token(form url.Values) []byte {
	form.Set("client_id", client)
	return e.post("/token", "application/x-www-form-urlencoded", "", form.Encode())
}

// Login asks for tokens for a password.
func (e Endpoint) Login(name, password string) []byte {
	return e.token(url.Values{"grant_type": {"password"}, "scope": {"openid"}, "username": {name}, "password": {password}})
}

// Refresh asks for tokens for a refresh token.
func (e Endpoint) Refresh(token string) []byte {
	return e.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// Review asks whose a token is, in the words of an API server's webhook.
func (e Endpoint) Review(token string) []byte {
	body := fmt.Sprintf(`{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{"creationTimestamp":null},`+
		`"spec":{"token":%q,"audiences":["https://kubernetes.default.svc"]},"status":{"user":{}}}`, token)
	return e.post("/v1/clusters/"+cluster+"/tokenreview", "application/json", "Authorization: Bearer "+caller+"\r\n", body)
}

// Tokens are an answer to Login or Refresh.
type Tokens struct {
	Status  int
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
}

// Tokens asks and reads the answer.
func (l *Line) Tokens(request []byte) (t Tokens, err error) {
	status, body, err := l.Ask(request)
	if err == nil {
		err = json.Unmarshal(body, &t)
	}
	t.Status = status
	return t, err
}

// MustTokens is Tokens for what has to be granted, on a line of its own.
func (e Endpoint) MustTokens(request []byte) (t Tokens, err error) {
	l, err := e.Dial()
	if err != nil {
		return t, err
	}
	defer l.Close()
	if t, err = l.Tokens(request); err == nil && t.Status != http.StatusOK {
		err = fmt.Errorf("no tokens: %d %s", t.Status, t.Error)
	}
	return t, err
}
