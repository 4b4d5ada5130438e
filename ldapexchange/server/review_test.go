package server

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReviewNamesTheUser(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	for _, version := range []string{reviewV1, reviewBeta} {
		body, err := json.Marshal(map[string]any{"apiVersion": version, "kind": reviewKind, "metadata": map[string]any{"creationTimestamp": nil},
			"spec": map[string]any{"token": got.IDToken, "audiences": []string{"x", "y"}}, "status": map[string]any{"user": map[string]any{}}})
		if err != nil {
			t.Fatal(err)
		}
		answer := w.request("POST", "/v1/clusters/a/tokenreview", "application/json", string(body), "Authorization", "Bearer "+calling+"-a")
		status := answer.status(t)
		id, err := w.signer.Verify(got.IDToken)
		if err != nil {
			t.Fatal(err)
		}
		user := status.User
		if !status.Authenticated || user.Username != "alice" || user.UID != "id-alice" || !slices.Equal(user.Groups, []string{"admins", "dev"}) ||
			!slices.Equal(user.Extra[credentialID], []string{"JTI=" + id.ID}) || !slices.Equal(status.Audiences, []string{"x", "y"}) {
			t.Errorf("%s", answer.body)
		}
		if !strings.Contains(answer.body, `"apiVersion":"`+version+`"`) || answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v %s", answer.Header, answer.body)
		}
		if strings.Contains(answer.body, got.IDToken) {
			t.Error("the token was sent back")
		}
	}
	if line := w.lastLine("review"); line["cluster"] != "a" || line["user"] != "alice" || line["decision"] != "granted" || line["jti"] == nil {
		t.Errorf("audit: %v", line)
	}
}

// What cluster A was shown is good for cluster A, whichever form it is
// replayed in.
func TestReplay(t *testing.T) {
	w := newWorld(t)
	a := w.login().tokens(t)
	for name, token := range map[string]string{
		"the ID token at B":    a.IDToken,
		"the access token":     a.AccessToken,
		"the refresh token":    a.RefreshToken,
		"a token of no form":   "x",
		"nothing":              "",
		"a broken signature":   broken(a.IDToken),
		"without a signature":  a.IDToken[:strings.LastIndex(a.IDToken, ".")+1],
		"alg none":             "eyJhbGciOiJub25lIn0" + a.IDToken[strings.Index(a.IDToken, "."):],
		"another exchange's":   foreign(t, w),
		"the client's default": w.login("audience", "").tokens(t).IDToken,
	} {
		answer := w.reviewed("b", token)
		if answer.status(t).Authenticated || answer.body != `{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"authenticated":false}}`+"\n" {
			t.Errorf("%s at B: %s", name, answer.body)
		}
	}
	for name, token := range map[string]string{"access": a.AccessToken, "refresh": a.RefreshToken} {
		if w.reviewed("a", token).status(t).Authenticated {
			t.Errorf("the %s token is an ID token at A", name)
		}
	}
	for name, token := range map[string]string{"an ID token": a.IDToken, "a refresh token": a.RefreshToken} {
		if answer := w.certificate("b", "Bearer "+token); answer.StatusCode != 401 {
			t.Errorf("%s brings a certificate: %d %s", name, answer.StatusCode, answer.body)
		}
	}
	for name, token := range map[string]string{"an ID token": a.IDToken, "an access token": a.AccessToken} {
		if answer := w.refresh(token); answer.StatusCode != 400 {
			t.Errorf("%s refreshes: %d %s", name, answer.StatusCode, answer.body)
		}
	}
	if !w.reviewed("a", a.IDToken).status(t).Authenticated {
		t.Error("the token is not good where it should be")
	}
}

func broken(token string) string {
	i := len(token) - 4
	other := "A"
	if token[i] == 'A' {
		other = "B"
	}
	return token[:i] + other + token[i+1:]
}

// foreign is a token of cluster B's audience that somebody else signed.
func foreign(t *testing.T, w *world) string {
	token, err := (&fakeSigner{key: testKey(t), now: w.now}).Sign(Claims{Subject: "id-alice", Name: "alice", Audience: "cluster-b", Client: "kubernetes", ID: "x", IssuedAt: w.now(), Expiry: w.now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestReviewNeverAsksTheDirectory(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	asked := w.directory.asked
	w.directory.set(func(d *fakeDirectory) { d.err = ErrUnavailable })
	if !w.reviewed("a", got.IDToken).status(t).Authenticated {
		t.Error("a review depends on the directory")
	}
	if w.directory.asked != asked {
		t.Error("the directory was asked")
	}
}

func TestReviewKnowsRevocations(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	id, err := w.signer.Verify(got.IDToken)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*fakeState){
		"token":   func(s *fakeState) { s.revoked = map[string]bool{id.ID: true} },
		"session": func(s *fakeState) { s.revoked = map[string]bool{id.Session: true} },
		"user":    func(s *fakeState) { s.revoked = map[string]bool{"id-alice": true} },
		"epoch":   func(s *fakeState) { s.epoch = id.IssuedAt.Add(time.Second) },
	} {
		w.state.set(change)
		if w.reviewed("a", got.IDToken).status(t).Authenticated {
			t.Errorf("revoked by %s, and still good", name)
		}
		if w.lastLine("review")["reason"] != "revoked" {
			t.Errorf("audit: %v", w.lastLine("review"))
		}
		w.state.set(func(s *fakeState) { s.revoked, s.epoch = map[string]bool{}, time.Time{} })
	}
	w.pass(11 * time.Minute)
	if w.reviewed("a", got.IDToken).status(t).Authenticated {
		t.Error("expired, and still good")
	}
}

// Measured with the API server's webhook package: Retry-After makes it hang for
// half a minute.
func TestReviewWithoutAStore(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	w.state.set(func(s *fakeState) { s.err = errors.New("bbolt: disk full") })
	answer := w.reviewed("a", got.IDToken)
	answer.refused(t, 503, "temporarily_unavailable")
	if _, there := answer.Header["Retry-After"]; there || strings.Contains(answer.body, "bbolt") {
		t.Errorf("%v %s", answer.Header, answer.body)
	}
}

func TestReviewRefusesRequests(t *testing.T) {
	good := `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"x"}}`
	caller := []string{"Authorization", "Bearer " + calling + "-a"}
	tests := map[string]struct {
		method, path, kind, body string
		headers                  []string
		status                   int
	}{
		"GET":                     {"GET", "/v1/clusters/a/tokenreview", "", "", caller, 405},
		"no such cluster":         {"POST", "/v1/clusters/x/tokenreview", "application/json", good, caller, 404},
		"no caller":               {"POST", "/v1/clusters/a/tokenreview", "application/json", good, nil, 401},
		"another cluster's":       {"POST", "/v1/clusters/b/tokenreview", "application/json", good, caller, 401},
		"a wrong token":           {"POST", "/v1/clusters/a/tokenreview", "application/json", good, []string{"Authorization", "Bearer x"}, 401},
		"an empty token":          {"POST", "/v1/clusters/a/tokenreview", "application/json", good, []string{"Authorization", "Bearer "}, 401},
		"Basic":                   {"POST", "/v1/clusters/a/tokenreview", "application/json", good, []string{"Authorization", "Basic " + calling + "-a"}, 401},
		"two callers":             {"POST", "/v1/clusters/a/tokenreview", "application/json", good, append(slices.Clone(caller), caller...), 401},
		"a form":                  {"POST", "/v1/clusters/a/tokenreview", formType, good, caller, 415},
		"no type":                 {"POST", "/v1/clusters/a/tokenreview", "", good, caller, 415},
		"no JSON":                 {"POST", "/v1/clusters/a/tokenreview", "application/json", "{", caller, 400},
		"an empty body":           {"POST", "/v1/clusters/a/tokenreview", "application/json", "", caller, 400},
		"something behind":        {"POST", "/v1/clusters/a/tokenreview", "application/json", good + "{}", caller, 400},
		"a token that is none":    {"POST", "/v1/clusters/a/tokenreview", "application/json", strings.Replace(good, `"x"`, "7", 1), caller, 400},
		"another kind":            {"POST", "/v1/clusters/a/tokenreview", "application/json", strings.Replace(good, "TokenReview", "SubjectAccessReview", 1), caller, 400},
		"no kind":                 {"POST", "/v1/clusters/a/tokenreview", "application/json", `{"apiVersion":"authentication.k8s.io/v1","spec":{"token":"x"}}`, caller, 400},
		"another version":         {"POST", "/v1/clusters/a/tokenreview", "application/json", strings.Replace(good, "/v1", "/v2", 1), caller, 400},
		"deep JSON":               {"POST", "/v1/clusters/a/tokenreview", "application/json", strings.Repeat("[", 60000), caller, 400},
		"1 MB":                    {"POST", "/v1/clusters/a/tokenreview", "application/json", strings.Replace(good, `"x"`, `"`+strings.Repeat("x", 1<<20)+`"`, 1), caller, 413},
		"audiences without end":   {"POST", "/v1/clusters/a/tokenreview", "application/json", strings.Replace(good, `"x"`, `"x","audiences":[""`+strings.Repeat(`,""`, 100)+`]`, 1), caller, 400},
		"the path of a directory": {"POST", "/v1/clusters/a/b/tokenreview", "application/json", good, caller, 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			answer := w.request(test.method, test.path, test.kind, test.body, test.headers...)
			if answer.StatusCode != test.status || answer.Header.Get("Retry-After") != "" {
				t.Errorf("answered %d %s", answer.StatusCode, answer.body)
			}
			if strings.Contains(answer.body, "xxxx") || strings.Contains(answer.body, calling) {
				t.Errorf("repeats the request: %.200s", answer.body)
			}
		})
	}
}

// A cluster without any way for its caller to show who it is answers nobody,
// unless the insecure setting says so.
func TestReviewOfAnyCaller(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		w := newWorld(t, func(o *Options) {
			o.Clusters = []Cluster{{Name: "a", Audience: "cluster-a", InsecureAnyCaller: insecure}}
		})
		got := w.login().tokens(t)
		body := `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"` + got.IDToken + `"}}`
		answer := w.request("POST", "/v1/clusters/a/tokenreview", "application/json", body)
		if insecure && (!answer.status(t).Authenticated || answer.status(t).Audiences != nil) || !insecure && answer.StatusCode != 401 {
			t.Errorf("insecure %t: %d %s", insecure, answer.StatusCode, answer.body)
		}
		if shown := strings.Contains(w.request("GET", "/readyz", "", "").body, "insecure: anyone may ask"); shown != insecure {
			t.Errorf("insecure %t: readiness shows it: %t", insecure, shown)
		}
	}
}
