package selfreview

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/kubecred/kubecred/internal/term"
)

// What a server may answer instead of a review, and what is made of it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, tls.NoClientCert)
	const words = `the words \u001b[2J of a server`
	status := func(message string) string { return `{"kind":"Status","apiVersion":"v1","message":"` + message + `"}` }
	for _, test := range []struct {
		code int
		body string
		text string
		as   any
	}{
		{401, status("Unauthorized"), "answered 401 Unauthorized", new(*RefusedError)},
		{401, "<html>canary", "answered 401 Unauthorized", new(*RefusedError)},
		{403, status(words), "answered 403 Forbidden: the words [2J of a server", new(*RefusedError)},
		{404, "404 page not found", "answered 404 Not Found", new(*RefusedError)},
		{431, "", "answered 431 Request Header Fields Too Large", new(*RefusedError)},
		{429, status("canary"), "answered 429 Too Many Requests", new(*NetworkError)},
		{503, "canary", "answered 503 Service Unavailable", new(*NetworkError)},
		{302, "", "sent the request elsewhere", new(*ServerError)},
		{200, "<html>canary", "no JSON object", new(*ServerError)},
		{201, "", "no JSON object", new(*ServerError)},
		{201, "null", "no JSON object", new(*ServerError)},
		{201, strings.Repeat(" ", 2<<20), "larger than 1048576 bytes", new(*ServerError)},
	} {
		s.answers(test.code, test.body)
		_, err := Ask(t.Context(), s.cluster(), token("t"))
		if err == nil || !strings.Contains(err.Error(), test.text) || !errors.As(err, test.as) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%d %.40q: %v", test.code, test.body, err)
		}
	}
	for _, r := range s.requests() {
		if r.URL.Path != path || r.Header.Get("Authorization") != "Bearer t" {
			t.Errorf("asked %s", r.URL)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	good := answerOf("alice")
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	for name, test := range map[string]struct {
		answer string
		want   error
	}{
		"good":                  {good, nil},
		"no UID":                {edit(`"uid":"u-1",`, ""), nil},
		"no groups":             {edit(`["oidc:dev","system:authenticated"]`, "null"), nil},
		"more fields":           {edit(`"uid"`, `"more":{},"uid"`), nil},
		"a list":                {"[]", errNoJSON},
		"more after it":         {good + "{}", errNoJSON},
		"another kind":          {edit("SelfSubjectReview", "TokenReview"), errKind},
		"another version":       {edit("k8s.io/v1", "k8s.io/v1beta1"), errKind},
		"another case":          {edit("username", "Username"), errNoUser},
		"an empty name":         {answerOf(""), errNoUser},
		"a number for a name":   {edit(`"alice"`, "1"), errNoUser},
		"no status":             {edit("status", "statuses"), errNoUser},
		"a number for a UID":    {edit(`"u-1"`, "1"), errShape},
		"groups that are text":  {edit(`["oidc:dev","system:authenticated"]`, `"a"`), errShape},
		"a group that is none":  {edit(`"oidc:dev"`, "null"), errShape},
		"extra that is a list":  {edit(`{"authentication.kubernetes.io/credential-id":["JTI=1"]}`, "[]"), errShape},
		"extra with plain text": {edit(`["JTI=1"]`, `"JTI=1"`), errShape},
		"too many groups":       {edit(`"oidc:dev"`, strings.Repeat(`"",`, maxGroups)+`""`), errTooMany},
	} {
		if got, err := parse([]byte(test.answer)); !errors.Is(err, test.want) || err == nil && got.Name != "alice" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Whatever arrives, nothing that is read is beyond its bounds, and what becomes
// an error can be shown.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(answerOf("alice")), http.StatusCreated)
	f.Add([]byte(`{"kind":"Status","message":"no\u202e\u001b[2J"}`), http.StatusForbidden)
	f.Add([]byte(`{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1","status":{"userInfo":{"username":"a","extra":{"k":[1]}}}}`), 201)
	f.Fuzz(func(t *testing.T, body []byte, code int) {
		user, err := parse(body)
		if err == nil && user.Name == "" {
			t.Error("a user without a name")
		}
		if len(user.Groups) > maxGroups || len(user.Extra) > maxExtra {
			t.Error("beyond the bounds")
		}
		for _, err := range []error{err, refusal("host", code, body)} {
			if err == nil {
				continue
			}
			text := err.Error()
			if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || term.Clean(text, 2*maxText) != text {
				t.Errorf("%q", text)
			}
		}
	})
}
