package ldapexchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// The three forms of the answer, and the end of the token in each.
func TestBasicAnswers(t *testing.T) {
	hour := start.Add(time.Hour)
	signed := jwt(map[string]any{"exp": hour.Unix(), "sub": "alice"})
	for name, test := range map[string]struct {
		status int
		body   string
		token  string
		expiry time.Time
	}{
		"a bare token (Kubi)":       {201, signed + "\n", signed, hour},
		"a bare token without end":  {200, jwt(map[string]any{}), jwt(map[string]any{}), start.Add(unknownLife)},
		"an end in the year 292277": {200, jwt(map[string]any{"exp": 1e30}), jwt(map[string]any{"exp": 1e30}), start.Add(unknownLife)},
		"ExecCredential (kube-ldap)": {200, `{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","metadata":{},"status":{"token":"` + signed + `","expirationTimestamp":"2026-11-24T12:30:00Z"}}`,
			signed, start.Add(30 * time.Minute)},
		"ExecCredential that ends after its token": {200, `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"` + signed + `","expirationTimestamp":"2026-11-24T20:00:00+01:00"}}`,
			signed, hour},
		"token":        {200, ` {"token":"` + signed + `"}`, signed, hour},
		"opaque token": {201, `{"token":"opaque"}`, "opaque", start.Add(unknownLife)},
	} {
		x := serve(t, says(test.status, test.body))
		got, err := x.Basic(t.Context(), mustProof(t, "alice", "pw"))
		if err != nil || got.Text.Reveal() != test.token || !got.Expiry.Equal(test.expiry) {
			t.Errorf("%s: %q until %v, %v", name, got.Text.Reveal(), got.Expiry, err)
		}
		if r := x.requests[0]; len(x.requests) != 1 || r.Method != http.MethodGet || r.URL.Path != "/" {
			t.Errorf("%s: %s %s, %d requests", name, r.Method, r.URL, len(x.requests))
		}
	}
}

func TestBasicAnswersThatAreNone(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":             "",
		"a sign-in page":      "<html>canary</html>",
		"two parts":           "eyJh.eyJi",
		"an empty signature":  "eyJh.eyJi.",
		"a word":              "canary",
		"a token with spaces": `{"token":"a canary"}`,
		"no token":            `{"access":"canary"}`,
		"a number":            `{"token":7}`,
		"half an object":      `{"token":"canary"`,
		"an empty credential": `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{}}`,
		"another kind":        `{"apiVersion":"v1","kind":"Secret","token":"canary"}`,
		"another version":     `{"apiVersion":"example.com/v1","kind":"ExecCredential","status":{"token":"canary"}}`,
		"no time":             `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"canary","expirationTimestamp":"canary"}}`,
		"a private key":       `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"canary","clientCertificateData":"c","clientKeyData":"canary"}}`,
		"an ended token":      jwt(map[string]any{"exp": start.Unix()}),
	} {
		_, err := serve(t, says(200, body)).Basic(t.Context(), mustProof(t, "alice", "pw"))
		if e := wantError[*AnswerError](t, err); strings.Contains(e.Error(), "canary") {
			t.Errorf("%s: %v", name, e)
		}
	}
	_, err := serve(t, says(204, "")).Basic(t.Context(), mustProof(t, "alice", "pw"))
	wantError[*AnswerError](t, err)
}

// A wrong password is told from an outage, and from any other "no". None is
// tried again, and none repeats what was sent.
func TestRefusals(t *testing.T) {
	const password = "canary +%"
	proof := mustProof(t, "alice", password)
	echoed := fmt.Sprintf(`{"error":"access_denied","error_description":"the password %s of %s"}`, password, proof.hidden[0].Reveal())
	for name, test := range map[string]struct {
		status int
		body   string
		as     any // nil: ErrCredentials
		says   string
	}{
		"wrong password":    {401, "", nil, "did not accept"},
		"expired":           {401, `{"error":"invalid_grant","error_description":"the password has expired"}`, nil, "or the password: the password has expired"},
		"locked":            {403, `{"error_description":"the account is\u001b[31m locked"}`, new(*RefusedError), "403 Forbidden: the account is"},
		"a Status":          {403, `{"kind":"Status","message":"no such cluster"}`, new(*RefusedError), ": no such cluster"},
		"an echo":           {400, echoed, new(*RefusedError), "400 Bad Request"},
		"not found":         {404, "<html>canary</html>", new(*RefusedError), "404 Not Found"},
		"too many":          {429, "", new(*NetworkError), "429"},
		"directory is away": {503, `{"error":"temporarily_unavailable"}`, new(*NetworkError), "503"},
		"a broken server":   {500, "canary", new(*NetworkError), "500"},
	} {
		x := serve(t, says(test.status, test.body))
		_, err := x.Basic(t.Context(), proof)
		if test.as == nil && !errors.Is(err, ErrCredentials) || test.as != nil && (!errors.As(err, test.as) || errors.Is(err, ErrCredentials)) {
			t.Errorf("%s: %v (%T)", name, err, err)
		}
		if text := err.Error(); !strings.Contains(text, test.says) || strings.Contains(text, "canary") || strings.Contains(text, "\x1b") {
			t.Errorf("%s: %q", name, text)
		}
		if len(x.requests) != 1 {
			t.Errorf("%s: %d requests", name, len(x.requests))
		}
	}
}

// What is typed is what is sent: spaces at the ends, colons, UTF-8.
func TestPasswordIsSentAsItIs(t *testing.T) {
	for _, password := range []string{" spaces ", "a:b:c", ":", "pässwörd 🔑", "tab\tand\nline", strings.Repeat("x", maxPassword)} {
		x := serve(t, says(401, ""))
		_, err := x.Basic(t.Context(), mustProof(t, "älice@corp", password))
		name, got, ok := x.requests[0].BasicAuth()
		if !errors.Is(err, ErrCredentials) || !ok || name != "älice@corp" || got != password {
			t.Errorf("%q: got %q, %q, %v", password, name, got, err)
		}
	}
}

// Nothing is sent where HTTP Basic or a directory would read it otherwise.
func TestInputThatIsNotSent(t *testing.T) {
	for _, test := range []struct{ name, password string }{
		{"alice:x", "canary"}, {"", "canary"}, {"al\x00ice", "canary"}, {"al\nice", "canary"}, {"\xff", "canary"}, {strings.Repeat("a", maxName+1), "canary"},
		{"alice", ""}, {"alice", "canary\x00"}, {"alice", "canary" + strings.Repeat("x", maxPassword)},
	} {
		_, err := Password(test.name, secret.New(test.password))
		if e := wantError[*InputError](t, err); strings.Contains(e.Error(), "canary") {
			t.Errorf("%q: %v", test.name, e)
		}
	}
}

// A credential goes nowhere else than it was addressed to.
func TestRedirectsAreRefused(t *testing.T) {
	elsewhere := serve(t, says(200, jwt(map[string]any{})))
	for _, code := range []int{301, 302, 303, 307, 308} {
		x := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/", code)
		})
		_, err := x.Basic(t.Context(), mustProof(t, "alice", "pw"))
		wantError[*AnswerError](t, err)
		for _, by := range []Proof{mustProof(t, "alice", "pw"), Bearer(secret.New("access"))} {
			_, err = x.Certify(t.Context(), x.CredentialsURL(), by, mustKey(t), "prod")
			wantError[*AnswerError](t, err)
		}
	}
	if len(elsewhere.requests) != 0 {
		t.Errorf("%d requests arrived elsewhere", len(elsewhere.requests))
	}
}

func TestServersThatBreak(t *testing.T) {
	proof := mustProof(t, "alice", "pw")
	cut := serve(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	_, err := cut.Basic(t.Context(), proof)
	wantError[*NetworkError](t, err)
	if n := cut.count(); n != 1 {
		t.Errorf("%d requests", n)
	}
	half := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("eyJ"))
	})
	_, err = half.Basic(t.Context(), proof)
	wantError[*NetworkError](t, err)
	endless := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for chunk := make([]byte, 64<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	_, err = endless.Basic(t.Context(), proof)
	wantError[*AnswerError](t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = half.Basic(ctx, proof); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	half.URL = "http://127.0.0.1:1"
	if _, err = half.Basic(t.Context(), proof); !strings.Contains(wantError[*NetworkError](t, err).Error(), "127.0.0.1:1") {
		t.Errorf("error %v", err)
	}
}

func TestProofIsNotShown(t *testing.T) {
	for _, p := range []Proof{mustProof(t, "alice", "canary"), Bearer(secret.New("canary"))} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, p); strings.Contains(text, "canary") || strings.Contains(text, "YWxpY2U6") {
				t.Errorf("%s shows %s", verb, text)
			}
		}
	}
}

func FuzzReadToken(f *testing.F) {
	f.Add([]byte(jwt(map[string]any{"exp": start.Unix() + 60})))
	f.Add([]byte(`{"token":"a"}`))
	f.Add([]byte(`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"a","expirationTimestamp":"2026-11-24T12:30:00Z"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readToken(body, start)
		if err != nil {
			return
		}
		if text := got.Text.Reveal(); text == "" || strings.ContainsAny(text, " \n\r\x00") || !got.Expiry.After(start) {
			t.Errorf("%q became %q until %v", body, text, got.Expiry)
		}
	})
}
