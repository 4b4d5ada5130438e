package server

// Forms: in the body alone, each parameter once (RFC 6749, sections 3.2 and
// 4.3.2; no password in a URL).

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"net/url"

	"github.com/kubecred/kubecred/internal/secret"
)

// form is what was sent. A parameter without a value counts as left out
// (RFC 6749, section 3.1).
type form map[string]string

// maxParameters is more than any request of ours has.
const maxParameters = 32

func (c *call) form() (form, *refusal) {
	if c.r.URL.RawQuery != "" || c.r.URL.ForceQuery {
		return nil, malformed("parameters belong into the body, not into the URL")
	}
	body, r := c.body("application/x-www-form-urlencoded")
	if r != nil {
		return nil, r
	}
	f, ok := parseForm(body)
	if !ok {
		return nil, malformed("the form is malformed, or a parameter is there twice")
	}
	for _, name := range []string{"password", "refresh_token", "token", "client_secret"} {
		c.hide(f[name])
	}
	return f, nil
}

// body reads a body of one type, within MaxBody.
func (c *call) body(contentType string) ([]byte, *refusal) {
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != contentType {
		return nil, &refusal{status: http.StatusUnsupportedMediaType, code: "invalid_request", description: "the body must be " + contentType, reason: "malformed"}
	}
	var body bytes.Buffer
	if announced := c.r.ContentLength; announced > 0 && announced <= c.s.o.MaxBody {
		body.Grow(int(announced) + bytes.MinRead)
	}
	_, err := body.ReadFrom(c.r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge(large.Limit)
	case err != nil:
		return nil, malformed("the body ended early")
	}
	c.works()
	return body.Bytes(), nil
}

func parseForm(body []byte) (form, bool) {
	values, err := url.ParseQuery(string(body))
	if err != nil || len(values) > maxParameters {
		return nil, false
	}
	f := form{}
	for name, given := range values {
		if len(given) > 1 {
			return nil, false
		}
		f[name] = given[0]
	}
	return f, true
}

// hide remembers a secret of the request, so that no error's text shows it.
func (c *call) hide(value string) secret.Text {
	text := secret.New(value)
	if len(value) >= 4 { // what is shorter is in every text
		c.secrets = append(c.secrets, text)
	}
	return text
}
