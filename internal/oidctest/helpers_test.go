package oidctest

// A client for the tests, written against the standards and not against the
// package.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// The pair of RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

const callback = "http://localhost:8000"

func TestMain(m *testing.M) {
	if IsBrowser() {
		os.Exit(BrowserMain(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// manualClock is a time that moves when told.
type manualClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *manualClock { return &manualClock{now: time.Now()} }

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// values are form values from pairs; "" as a value leaves the name out.
func values(base url.Values, pairs ...string) url.Values {
	v := url.Values{}
	for name, list := range base {
		v[name] = list
	}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v
}

// authRequestForm is a right authorization request.
func authRequestForm() url.Values {
	return url.Values{
		"response_type":         {"code"},
		"client_id":             {ClientID},
		"redirect_uri":          {callback},
		"scope":                 {"openid email profile groups offline_access"},
		"state":                 {"the state +/&"},
		"nonce":                 {"the nonce"},
		"code_challenge":        {challenge},
		"code_challenge_method": {"S256"},
	}
}

// callbackOf signs in with the browser and returns the callback's parameters.
func callbackOf(t *testing.T, p *Provider, request url.Values) url.Values {
	t.Helper()
	address, err := Browser{CAPEM: p.CAPEM()}.Callback(t.Context(), p.endpoint(pathAuthorize)+"?"+request.Encode())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// answered is a JSON answer.
type answered struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answered) text(member string) string {
	s, _ := a.body[member].(string)
	return s
}

// post sends a form.
func post(t *testing.T, p *Provider, path string, form url.Values, header ...string) answered {
	t.Helper()
	a, err := tryPost(t.Context(), p, path, form, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tryPost(ctx context.Context, p *Provider, path string, form url.Values, header ...string) (answered, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.endpoint(path), strings.NewReader(form.Encode()))
	if err != nil {
		return answered{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return send(p, r)
}

func send(p *Provider, r *http.Request) (answered, error) {
	resp, err := p.Client().Do(r)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	a := answered{status: resp.StatusCode, header: resp.Header}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		err = json.NewDecoder(resp.Body).Decode(&a.body)
	}
	return a, err
}

// get fetches JSON.
func get(t *testing.T, p *Provider, path string, header ...string) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.endpoint(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := send(p, r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// codeForm is a right token request for a code.
func codeForm(code string) url.Values {
	return url.Values{
		"grant_type":    {GrantCode},
		"client_id":     {ClientID},
		"code":          {code},
		"redirect_uri":  {callback},
		"code_verifier": {verifier},
	}
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {GrantRefresh}, "client_id": {ClientID}, "refresh_token": {token}}
}

// signedIn logs in and returns the token answer.
func signedIn(t *testing.T, p *Provider) answered {
	t.Helper()
	a := post(t, p, pathToken, codeForm(callbackOf(t, p, authRequestForm()).Get("code")))
	if a.status != http.StatusOK {
		t.Fatalf("the login failed: %d %v", a.status, a.body)
	}
	return a
}

// claimsIn reads a JWT without verifying it.
func claimsIn(t *testing.T, jwt string) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", jwt)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// wantRefusal checks an OAuth error.
func wantRefusal(t *testing.T, a answered, status int, code string) {
	t.Helper()
	if a.status != status || a.text("error") != code {
		t.Errorf("got %d %v, want %d %s", a.status, a.body, status, code)
	}
}
