package ldapexchange

// The requests of both profiles. Each is sent once.

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/term"
)

// Client speaks with one exchange.
type Client struct {
	// URL is the exchange's address. The basic profile asks there, the native
	// one at CredentialsPath below it.
	URL string
	// HTTP MUST come from internal/httpclient, which bounds bodies and time,
	// and refuses every redirect that would carry a credential.
	HTTP *http.Client
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

const (
	maxName     = 1024 // bytes of a user name
	maxPassword = 4096 // bytes
)

// Proof is what a request says who asks by.
type Proof struct {
	authorization secret.Text
	hidden        [2]secret.Text // what no error may repeat
	password      bool
}

// Password is HTTP Basic (RFC 7617), in UTF-8 and with nothing trimmed. An
// empty password is an anonymous bind to many directories, and a name ends at
// its first colon; such input is refused. Its error is an *InputError.
func Password(name string, password secret.Text) (Proof, error) {
	switch held := password.Reveal(); {
	case name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return Proof{}, &InputError{"the user name is empty, too long, or holds a control character"}
	case strings.Contains(name, ":"):
		return Proof{}, &InputError{"a user name with a colon cannot be sent to this exchange (RFC 7617, section 2)"}
	case held == "":
		return Proof{}, &InputError{"the password is empty"}
	case len(held) > maxPassword || strings.Contains(held, "\x00"):
		return Proof{}, &InputError{"the password is too long, or holds a NUL"}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(name + ":" + password.Reveal()))
	return Proof{secret.New("Basic " + encoded), [2]secret.Text{secret.New(encoded), password}, true}, nil
}

// Bearer is an access token that the exchange gave (RFC 6750).
func Bearer(token secret.Text) Proof {
	return Proof{secret.New("Bearer " + token.Reveal()), [2]secret.Text{token}, false}
}

// Token is what the basic profile brings.
type Token struct {
	Text   secret.Text
	Expiry time.Time // the earliest that is known, and never zero
}

// Basic asks by the basic profile. Errors: ErrCredentials, *RefusedError,
// *NetworkError, *AnswerError.
func (c *Client) Basic(ctx context.Context, by Proof) (Token, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return Token{}, &AnswerError{Reason: "its address cannot be used"}
	}
	body, err := c.send(req, by)
	if err != nil {
		return Token{}, err
	}
	return readToken(body, c.now())
}

// Certify asks for a certificate at an endpoint: that of CredentialsURL, or
// the one that discovery names. Errors: those of Basic, and ErrRequest.
func (c *Client) Certify(ctx context.Context, endpoint string, by Proof, key Key, cluster string) (Certificate, error) {
	csr, err := key.CSR()
	if err != nil {
		return Certificate{}, err
	}
	data, err := CredentialRequest{CSR: csr, Cluster: cluster}.Encode()
	if err != nil {
		return Certificate{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(data))
	if err != nil {
		return Certificate{}, &AnswerError{Reason: "its address cannot be used"}
	}
	req.Header.Set("Content-Type", "application/json")
	body, err := c.send(req, by)
	if err != nil {
		return Certificate{}, err
	}
	return readCertificate(body, key, c.now())
}

// CredentialsURL is where the native profile asks.
func (c *Client) CredentialsURL() string { return strings.TrimSuffix(c.URL, "/") + CredentialsPath }

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// send returns the body of a good answer.
func (c *Client) send(req *http.Request, by Proof) ([]byte, error) {
	req.Header.Set("Authorization", by.authorization.Reveal())
	req.Header.Set("Accept", "application/json, text/plain;q=0.9")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, transportError(req, err)
	}
	defer resp.Body.Close()
	if httpclient.Overloaded(resp.StatusCode) {
		return nil, &NetworkError{Host: req.URL.Host, Status: resp.StatusCode}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, transportError(req, err)
	}
	switch code := resp.StatusCode; {
	case code == http.StatusOK || code == http.StatusCreated:
		return body, nil
	case code == http.StatusUnauthorized && by.password:
		return nil, wrong(words(body, by.hidden))
	case code >= 400:
		return nil, &RefusedError{code, words(body, by.hidden)}
	default:
		return nil, &AnswerError{Reason: "it is " + status(code)}
	}
}

// wrong is ErrCredentials with the exchange's words, which may say that the
// password has expired.
func wrong(said string) error {
	if said == "" {
		return ErrCredentials
	}
	return fmt.Errorf("%w: %s", ErrCredentials, said)
}

func transportError(req *http.Request, err error) error {
	if ended := req.Context().Err(); errors.Is(ended, context.Canceled) {
		return ended
	}
	trouble, err := httpclient.Diagnose(err)
	switch trouble {
	case httpclient.Elsewhere:
		return &AnswerError{"it sent the request elsewhere", err}
	case httpclient.Untrusted:
		return &AnswerError{"its certificate is not trusted", err}
	case httpclient.Garbled:
		return &AnswerError{"it does not answer as an exchange does", err}
	}
	return &NetworkError{Host: req.URL.Host, Err: err}
}

// words are what an exchange says of its refusal: OAuth's error_description or
// error, or a Kubernetes Status's message. What repeats a secret is dropped.
func words(body []byte, hidden [2]secret.Text) string {
	var said struct {
		Description string `json:"error_description"`
		Error       string `json:"error"`
		Message     string `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	text := cmp.Or(said.Description, said.Message, said.Error)
	for _, h := range hidden {
		if held := h.Reveal(); held != "" && (strings.Contains(text, held) || strings.Contains(text, url.QueryEscape(held))) {
			return ""
		}
	}
	return term.Clean(text, maxText)
}
