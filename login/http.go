package login

// One way out: every request of this package goes through send, and every
// request that carries a credential through Client.post. Neither repeats a
// request (a refresh token sent twice trips reuse detection), and neither puts
// the server's words into an error.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/kubecred/kubecred/internal/httpclient"
)

// endpoint is where a request goes and what errors call it.
type endpoint struct{ name, url string }

// answer is a server's final word: no redirect, no overload, and a body within
// httpclient's bound.
type answer struct {
	endpoint    endpoint
	status      int
	contentType string
	body        []byte
}

func send(client *http.Client, to endpoint, req *http.Request) (answer, error) {
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, transportError(to, req, err)
	}
	defer resp.Body.Close()
	if httpclient.Overloaded(resp.StatusCode) {
		return answer{}, &NetworkError{Endpoint: to.name, Host: req.URL.Host, Status: resp.StatusCode}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, transportError(to, req, err)
	}
	return answer{to, resp.StatusCode, resp.Header.Get("Content-Type"), body}, nil
}

// transportError tells what a later try may mend from what it may not.
func transportError(to endpoint, req *http.Request, err error) error {
	if ctxErr := req.Context().Err(); errors.Is(ctxErr, context.Canceled) {
		return ctxErr
	}
	trouble, err := httpclient.Diagnose(err)
	switch trouble {
	case httpclient.Elsewhere:
		return &ProviderError{to.name, "it sent the request elsewhere", err}
	case httpclient.Untrusted:
		return &ProviderError{to.name, "its certificate is not trusted", err}
	case httpclient.Garbled:
		return &ProviderError{to.name, "it does not answer as a provider does", err}
	}
	return &NetworkError{Endpoint: to.name, Host: req.URL.Host, Err: err}
}

// get fetches a document that anyone may read.
func get(ctx context.Context, client *http.Client, from endpoint, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.url, nil)
	if err != nil {
		return &ProviderError{from.name, "its address cannot be used", nil}
	}
	req.Header.Set("Accept", "application/json")
	got, err := send(client, from, req)
	if err != nil {
		return err
	}
	if got.status != http.StatusOK {
		return &ProviderError{from.name, "it answered " + status(got.status), nil}
	}
	return got.decode(into)
}

// post sends form, with the client's authentication added, once.
func (c *Client) post(ctx context.Context, to endpoint, form url.Values) (answer, error) {
	header, err := c.authenticate(to, form)
	if err != nil {
		return answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, &ProviderError{to.name, "its address cannot be used", nil}
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	return send(c.cfg.HTTP, to, req)
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// decode reads a JSON body. Its error repeats nothing of it: encoding/json's
// own would.
func (a answer) decode(into any) error {
	err := json.Unmarshal(a.body, into)
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return &ProviderError{a.endpoint.name, fmt.Sprintf("%q in its answer has the wrong type", wrong.Field), nil}
	}
	if kind, _, _ := mime.ParseMediaType(a.contentType); kind == "text/html" {
		return &ProviderError{a.endpoint.name, "it answered with a web page; a proxy or the sign-in page of a network may stand in between", nil}
	}
	return &ProviderError{a.endpoint.name, "it answered with something else than JSON", nil}
}
