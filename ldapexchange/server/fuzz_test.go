package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func FuzzForm(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a=b&a=c", "a=%00", "a=%zz", "a;b", "=", "&&", "grant_type=password&username=%C3%A4&password=+%2B"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, ok := parseForm(body)
		if !ok {
			return
		}
		// What was taken says one thing only, and every other reader of forms
		// says the same.
		again := url.Values{}
		for name, value := range got {
			again.Set(name, value)
		}
		twice, ok := parseForm([]byte(again.Encode()))
		if !ok || len(twice) != len(got) {
			t.Fatalf("%q: %v and %v", body, got, twice)
		}
		for name, value := range got {
			if twice[name] != value {
				t.Fatalf("%q: %v and %v", body, got, twice)
			}
		}
	})
}

func FuzzReview(f *testing.F) {
	for _, seed := range []string{
		`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"x"}}`,
		`{"apiVersion":"authentication.k8s.io/v1beta1","kind":"TokenReview","spec":{"token":"x","audiences":["y"]}}`,
		`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview"}`, `[]`, `null`, `{"spec":null}`, `{"KIND":"TokenReview"}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		asked, ok := parseReview(body)
		if ok && (asked.Kind != reviewKind || asked.APIVersion != reviewV1 && asked.APIVersion != reviewBeta || !json.Valid(body)) {
			t.Fatalf("%q is taken", body)
		}
	})
}

// Whatever comes to any route, the answer is one of ours.
func FuzzRoutes(f *testing.F) {
	w := newWorld(f)
	got := w.login().tokens(f)
	paths := []string{"/token", "/revoke", "/v1/credentials", "/v1/clusters/a/tokenreview"}
	for i := range paths {
		f.Add(i, formType, "Bearer "+got.AccessToken, []byte("grant_type=password&client_id=kubernetes&scope=openid&username=alice&password=x"))
		f.Add(i, "application/json", "Bearer "+calling+"-a", []byte(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"`+got.IDToken+`"}}`))
		f.Add(i, "application/json", "Basic YWxpY2U6eA==", []byte(strings.ReplaceAll(request, "%s", "a")))
	}
	f.Fuzz(func(t *testing.T, path int, kind, authorization string, body []byte) {
		r := httptest.NewRequest("POST", paths[uint(path)%uint(len(paths))], strings.NewReader(string(body)))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", authorization)
		recorded := httptest.NewRecorder()
		w.handler.ServeHTTP(recorded, r)
		if recorded.Code >= 500 || recorded.Code == 0 {
			t.Fatalf("answered %d %s", recorded.Code, recorded.Body)
		}
		if recorded.Body.Len() > 0 && !json.Valid(recorded.Body.Bytes()) {
			t.Fatalf("answered %s", recorded.Body)
		}
	})
}

func FuzzClientAddress(f *testing.F) {
	f.Add("10.0.0.1:1", "198.51.100.1, 10.0.0.2")
	f.Add("[fd00::1%1]:1", ",,")
	f.Add("10.0.0.1:1", "203.0.113.7:4711, [fd00::1%1]:443")
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		got := clientAddress(r, trusted)
		at, err := netip.ParseAddrPort(peer)
		if err == nil && !within(at.Addr().Unmap().WithZone(""), trusted) && got != at.Addr().Unmap().WithZone("") {
			t.Fatalf("%s believes %q", peer, forwarded)
		}
	})
}
