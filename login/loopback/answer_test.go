package loopback

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/secret"
)

func TestParseCallback(t *testing.T) {
	stray, issuer, deny := &StrayError{}, &IssuerError{}, &DeniedError{}
	ours := "state=" + testState
	iss := "&iss=" + url.QueryEscape(testIssuer)
	tests := []struct {
		name, query string
		required    bool
		code        string
		want        any // the type of the error
	}{
		{name: "code", query: ours + "&code=abc", code: "abc"},
		{name: "code with everything allowed", query: ours + "&code=4%2F0A+~%21", code: "4/0A ~!"},
		{name: "unknown parameters, even twice", query: ours + "&code=abc&session_state=1&session_state=2&x", code: "abc"},
		{name: "issuer", query: ours + "&code=abc" + iss, required: true, code: "abc"},
		{name: "issuer, not promised", query: ours + "&code=abc" + iss, code: "abc"},

		{name: "nothing", query: "", want: stray},
		{name: "no state", query: "code=abc", want: stray},
		{name: "empty state", query: "code=abc&state=", want: stray},
		{name: "other state", query: "code=abc&state=" + testState + "x", want: stray},
		{name: "state in other case", query: "code=abc&state=" + strings.ToUpper(testState), want: stray},
		// int128/kubelogin ends the login on this one.
		{name: "error without state", query: "error=x", want: stray},
		{name: "error with another state", query: "error=access_denied&state=guess", want: stray},
		{name: "state alone", query: ours, want: stray},
		{name: "empty code", query: ours + "&code=", want: stray},
		{name: "code and error", query: ours + "&code=abc&error=access_denied", want: stray},
		{name: "two codes", query: ours + "&code=abc&code=def", want: stray},
		{name: "two states", query: ours + "&code=abc&" + ours, want: stray},
		{name: "two issuers", query: ours + "&code=abc" + iss + iss, want: stray},
		{name: "control character in the code", query: ours + "&code=a%0Ab", want: stray},
		{name: "not ASCII in the code", query: ours + "&code=%C3%A9", want: stray},
		{name: "invalid UTF-8 in the code", query: ours + "&code=%FF", want: stray},
		{name: "huge code", query: ours + "&code=" + strings.Repeat("a", maxCode+1), want: stray},
		{name: "longest code", query: ours + "&code=" + strings.Repeat("a", maxCode), code: strings.Repeat("a", maxCode)},

		{name: "issuer missing", query: ours + "&code=abc", required: true, want: issuer},
		{name: "issuer missing on an error", query: ours + "&error=access_denied", required: true, want: issuer},
		{name: "another issuer", query: ours + "&code=abc&iss=https%3A%2F%2Fevil.example", want: issuer},
		{name: "another issuer on an error", query: ours + "&error=access_denied&iss=x", want: issuer},
		{name: "issuer with a slash", query: ours + "&code=abc" + iss + "%2F", want: issuer},
		{name: "empty issuer", query: ours + "&code=abc&iss=", want: issuer},

		{name: "denied", query: ours + "&error=access_denied", want: deny},
		{name: "denied by the right issuer", query: ours + "&error=access_denied" + iss, required: true, want: deny},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			query, err := url.ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			code, err := ParseCallback(query, Expected{State: testState, Issuer: testIssuer, IssRequired: tt.required})
			check(t, code, err, tt.code, tt.want)
		})
	}
}

// check compares the outcome; want is a pointer to the type of the error.
func check(t *testing.T, code secret.Text, err error, wantCode string, want any) {
	t.Helper()
	if code.Reveal() != wantCode {
		t.Errorf("code %q, want %q", code.Reveal(), wantCode)
	}
	if got, want := fmt.Sprintf("%T", err), fmt.Sprintf("%T", want); got != want {
		t.Errorf("error %s (%v), want %s", got, err, want)
	}
}

func TestEmptyStateMatchesNothing(t *testing.T) {
	for _, query := range []url.Values{{"code": {"c"}}, {"code": {"c"}, "state": {""}}} {
		if _, err := ParseCallback(query, Expected{}); !errors.As(err, new(*StrayError)) {
			t.Errorf("%v: %v", query, err)
		}
	}
}

func TestDeniedTextsAreCleaned(t *testing.T) {
	query := url.Values{
		"state":             {testState},
		"error":             {"access_denied\x1b[31m" + strings.Repeat("x", 200)},
		"error_description": {"no\r\nerror: forged\u202e" + strings.Repeat("y", 5000)},
	}
	_, err := ParseCallback(query, Expected{State: testState})
	var denied *DeniedError
	if !errors.As(err, &denied) {
		t.Fatal(err)
	}
	if strings.ContainsAny(err.Error(), "\x1b\r\n\u202e") || len(err.Error()) > 500 {
		t.Errorf("not fit for a terminal: %q", err.Error())
	}
	if !strings.HasPrefix(denied.Code, "access_denied") || !strings.HasPrefix(denied.Description, "no error: forged") {
		t.Errorf("%+v", denied)
	}
}

func TestErrorsRepeatNoSecret(t *testing.T) {
	query := url.Values{"state": {"canary-state"}, "code": {"canary-code"}}
	_, err := ParseCallback(query, Expected{State: testState})
	if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), testState) {
		t.Error(err)
	}
}

func FuzzParseCallback(f *testing.F) {
	f.Add("state="+testState+"&code=abc", true)
	f.Add("state="+testState+"&error=access_denied&error_description=%1b&iss=x", false)
	f.Add("code=a&code=b&state=", false)
	f.Fuzz(func(t *testing.T, raw string, required bool) {
		query, _ := url.ParseQuery(raw)
		code, err := ParseCallback(query, Expected{State: testState, Issuer: testIssuer, IssRequired: required})
		if (err == nil) == code.Empty() {
			t.Fatalf("either a code or an error: %q, %v", code.Reveal(), err)
		}
		if err == nil && (query.Get("state") != testState || query.Has("error") && query.Get("error") != "") {
			t.Fatalf("accepted %q", raw)
		}
		if err == nil && required && query.Get("iss") != testIssuer {
			t.Fatalf("accepted %q without its issuer", raw)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("the error is not fit for a terminal: %q", err)
		}
	})
}
