package loopback

import (
	"net/url"
	"strings"
	"testing"
)

func TestParsePasted(t *testing.T) {
	stray, issuer, deny, paste := &StrayError{}, &IssuerError{}, &DeniedError{}, &PasteError{}
	good := "http://localhost:8000/?code=abc&state=" + testState
	long := strings.Repeat("c", 5000) // longer than a canonical terminal's line
	tests := []struct {
		name, text string
		required   bool
		code       string
		want       any
	}{
		{name: "code", text: "abc", code: "abc"},
		{name: "code with slashes and equal signs", text: "4/0AVG7fiQ=?x=1", code: "4/0AVG7fiQ=?x=1"},
		{name: "code with a line break and quotes", text: " \t'abc'\r\n", code: "abc"},
		{name: "long code", text: long, code: long},
		{name: "address", text: good, code: "abc"},
		{name: "address without a path", text: "http://localhost:8000?state=" + testState + "&code=abc", code: "abc"},
		{name: "address in quotes", text: "\"" + good + "\"\n", code: "abc"},
		{name: "address in brackets", text: "<" + good + ">", code: "abc"},
		{name: "address of a real page, https, capitals", text: "HTTPS://App.example/cb?state=" + testState + "&code=abc", code: "abc"},
		{name: "address without its scheme", text: "localhost:8000/?code=abc&state=" + testState, code: "abc"},
		{name: "another scheme", text: "com.example.app://cb?code=abc&state=" + testState, code: "abc"},
		{name: "query alone", text: "?code=abc&state=" + testState, code: "abc"},
		{name: "query without its question mark", text: "state=" + testState + "&code=abc", code: "abc"},
		{name: "fragment that some providers add", text: good + "#_=_", code: "abc"},
		{name: "escaped code", text: "http://localhost/?code=4%2F0A&state=" + testState, code: "4/0A"},
		{name: "long address", text: "http://localhost:8000/?code=" + long + "&state=" + testState, code: long},
		{name: "with its issuer", text: good + "&iss=" + url.QueryEscape(testIssuer), required: true, code: "abc"},

		{name: "no state", text: "http://localhost:8000/?code=abc", want: stray},
		{name: "other state", text: good + "x", want: stray},
		{name: "error", text: "http://localhost:8000/?error=access_denied&state=" + testState, want: deny},
		{name: "error without state", text: "http://localhost:8000/?error=access_denied", want: stray},
		{name: "another issuer", text: good + "&iss=https://evil.example", want: issuer},
		{name: "no issuer", text: good, required: true, want: issuer},
		{name: "repeated", text: good + "&code=def", want: stray},

		{name: "empty", text: "", want: paste},
		{name: "blank", text: " \r\n'\" ", want: paste},
		{name: "the address that was to be opened", text: "https://idp.example/auth?response_type=code&state=" + testState, want: paste},
		{name: "bare address", text: "http://localhost:8000/", want: paste},
		{name: "another scheme without an answer", text: "ftp://host/?x=1", want: paste},
		{name: "space inside", text: "abc def", want: paste},
		{name: "line break inside", text: good[:20] + "\n" + good[20:], want: paste},
		{name: "escape sequence", text: "abc\x1b[31m", want: paste},
		{name: "NUL", text: "abc\x00", want: paste},
		{name: "not ASCII", text: "café", want: paste},
		{name: "too long for a code", text: strings.Repeat("c", maxCode+1), want: paste},
		{name: "too long at all", text: strings.Repeat("c", maxPaste+1), want: paste},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, err := ParsePasted(tt.text, Expected{State: testState, Issuer: testIssuer, IssRequired: tt.required})
			check(t, code, err, tt.code, tt.want)
			if err != nil && len(tt.text) > 3 && strings.Contains(err.Error(), tt.text) {
				t.Errorf("the error repeats what was pasted: %v", err)
			}
		})
	}
}

func FuzzParsePasted(f *testing.F) {
	f.Add("http://localhost:8000/?code=abc&state="+testState, false)
	f.Add("'4/0A'\r\n", true)
	f.Add("://?error=", false)
	f.Fuzz(func(t *testing.T, text string, required bool) {
		code, err := ParsePasted(text, Expected{State: testState, Issuer: testIssuer, IssRequired: required})
		if (err == nil) == code.Empty() {
			t.Fatalf("either a code or an error: %q, %v", code.Reveal(), err)
		}
		if err == nil && !isCode(code.Reveal()) {
			t.Fatalf("accepted %q", code.Reveal())
		}
		if err == nil && strings.Contains(text, "://") && !strings.Contains(text, testState) {
			if lower := strings.ToLower(text); strings.HasPrefix(lower, "http") && strings.Contains(lower, "code=") {
				t.Fatalf("accepted an address without its state: %q", text)
			}
		}
	})
}
