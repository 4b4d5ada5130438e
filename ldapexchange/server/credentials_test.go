package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/ldapexchange"
)

const request = `{"apiVersion":"exchange.kubecred.dev/v1","kind":"CredentialRequest","spec":{"certificateSigningRequest":"PEM","expirationSeconds":900,"cluster":"%s"}}`

func (w *world) certificate(cluster string, authorization ...string) answerOf {
	w.t.Helper()
	var headers []string
	for _, a := range authorization {
		headers = append(headers, "Authorization", a)
	}
	return w.request("POST", "/v1/credentials", "application/json", fmt.Sprintf(request, cluster), headers...)
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func TestCertificate(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Names = Names{Lowercase: true, UserPrefix: "corp:", GroupPrefix: "corp:"} })
	access := w.login().tokens(t).AccessToken
	for name, authorization := range map[string]string{"Basic": basic("alice", password), "Bearer": "Bearer " + access, "bearer": "bearer " + access} {
		answer := w.certificate("a", authorization)
		var got struct {
			APIVersion, Kind string
			Status           map[string]string
		}
		if err := json.Unmarshal([]byte(answer.body), &got); err != nil || answer.StatusCode != 200 {
			t.Fatalf("%s: %d %s", name, answer.StatusCode, answer.body)
		}
		if got.APIVersion != "client.authentication.k8s.io/v1" || got.Kind != "ExecCredential" || len(got.Status) != 2 ||
			!strings.HasPrefix(got.Status["clientCertificateData"], "-----BEGIN CERTIFICATE") || got.Status["expirationTimestamp"] != "2026-11-24T12:15:00Z" {
			t.Errorf("%s: %s", name, answer.body)
		}
		if s := w.ca.subject; s.Name != "corp:alice" || s.UID != "id-alice" || fmt.Sprint(s.Groups) != "[corp:admins corp:dev]" {
			t.Errorf("%s: issued for %+v", name, s)
		}
		if line := w.lastLine("certificate"); line["serial"] != "4711" || line["user"] != "corp:alice" || line["cluster"] != "a" {
			t.Errorf("%s: audit %v", name, line)
		}
	}
}

func TestCertificateLives(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Clusters[1].CertificateLife = 5 * time.Minute })
	w.state.life = 30 * time.Minute
	got := w.login().tokens(t)
	ask := func(cluster string, seconds int) time.Duration {
		body := fmt.Sprintf(strings.Replace(request, "900", "%d", 1), seconds, cluster)
		if a := w.request("POST", "/v1/credentials", "application/json", body, "Authorization", "Bearer "+got.AccessToken); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		return w.ca.life
	}
	w.pass(5 * time.Minute)
	for _, test := range []struct {
		cluster string
		seconds int
		want    time.Duration
	}{
		{"a", 900, 15 * time.Minute},  // as asked
		{"a", 3000, 25 * time.Minute}, // the session's end
		{"a", 0, 25 * time.Minute},    // what there is
		{"b", 900, 5 * time.Minute},   // the cluster's cap
		{"b", 1 << 20, 5 * time.Minute} /* and again */} {
		if life := ask(test.cluster, test.seconds); life != test.want {
			t.Errorf("%d s at %s: %s", test.seconds, test.cluster, life)
		}
	}
}

func TestCertificateRefuses(t *testing.T) {
	good := fmt.Sprintf(request, "a")
	alice := basic("alice", password)
	tests := map[string]struct {
		method, path, kind, body, authorization string
		status                                  int
	}{
		"GET":                   {"GET", "/v1/credentials", "", "", alice, 405},
		"a query":               {"POST", "/v1/credentials?username=alice", "application/json", good, alice, 400},
		"a form":                {"POST", "/v1/credentials", formType, good, alice, 415},
		"no JSON":               {"POST", "/v1/credentials", "application/json", "{", alice, 400},
		"something behind":      {"POST", "/v1/credentials", "application/json", good + "{}", alice, 400},
		"an unknown key":        {"POST", "/v1/credentials", "application/json", strings.Replace(good, `"spec"`, `"x":1,"spec"`, 1), alice, 400},
		"a key twice":           {"POST", "/v1/credentials", "application/json", strings.Replace(good, `"kind"`, `"kind":"x","kind"`, 1), alice, 400},
		"another version":       {"POST", "/v1/credentials", "application/json", strings.Replace(good, "dev/v1", "dev/v2", 1), alice, 400},
		"a negative life":       {"POST", "/v1/credentials", "application/json", strings.Replace(good, "900", "-1", 1), alice, 400},
		"1 MB":                  {"POST", "/v1/credentials", "application/json", strings.Replace(good, "PEM", strings.Repeat("P", 1<<20), 1), alice, 413},
		"no such cluster":       {"POST", "/v1/credentials", "application/json", fmt.Sprintf(request, "x"), alice, 400},
		"no authority there":    {"POST", "/v1/credentials", "application/json", fmt.Sprintf(request, "tokens"), alice, 400},
		"nobody":                {"POST", "/v1/credentials", "application/json", good, "", 401},
		"another scheme":        {"POST", "/v1/credentials", "application/json", good, "Digest x", 401},
		"no base64":             {"POST", "/v1/credentials", "application/json", good, "Basic !", 401},
		"no colon":              {"POST", "/v1/credentials", "application/json", good, "Basic " + base64.StdEncoding.EncodeToString([]byte("alice")), 401},
		"an empty password":     {"POST", "/v1/credentials", "application/json", good, basic("alice", ""), 401},
		"a trimmed password":    {"POST", "/v1/credentials", "application/json", good, basic("alice", strings.TrimSpace(password)), 401},
		"an unknown name":       {"POST", "/v1/credentials", "application/json", good, basic("nobody", password), 401},
		"a caller's token":      {"POST", "/v1/credentials", "application/json", good, "Bearer " + calling + "-a", 401},
		"an empty bearer token": {"POST", "/v1/credentials", "application/json", good, "Bearer ", 401},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			answer := w.request(test.method, test.path, test.kind, test.body, "Authorization", test.authorization)
			if answer.StatusCode != test.status {
				t.Errorf("answered %d %s", answer.StatusCode, answer.body)
			}
			if (answer.StatusCode == 401) != (answer.Header.Get("WWW-Authenticate") != "") {
				t.Errorf("401 and WWW-Authenticate go together: %v", answer.Header)
			}
			if w.ca.subject.Name != "" {
				t.Error("the authority was asked")
			}
		})
	}
}

func TestCertificateOfTwoHeaders(t *testing.T) {
	w := newWorld(t)
	if answer := w.certificate("a", basic("alice", password), basic("bob", password)); answer.StatusCode != 401 {
		t.Errorf("answered %d", answer.StatusCode)
	}
}

// The client's allow-list holds for certificates too.
func TestCertificateOfAnotherClient(t *testing.T) {
	w := newWorld(t)
	got := w.login("client_id", "only-a").tokens(t)
	w.certificate("b", "Bearer "+got.AccessToken).refused(t, 403, "invalid_target")
	if answer := w.certificate("a", "Bearer "+got.AccessToken); answer.StatusCode != 200 {
		t.Errorf("%d %s", answer.StatusCode, answer.body)
	}
}

func TestCertificateAsksAgain(t *testing.T) {
	tests := map[string]struct {
		change func(*world)
		status int
		code   string
	}{
		"gone":            {func(w *world) { delete(w.directory.people, "alice") }, 401, "invalid_token"},
		"disabled":        {func(w *world) { w.directory.err = &AccountError{AccountDisabled} }, 403, "access_denied"},
		"directory down":  {func(w *world) { w.directory.err = ErrUnavailable }, 503, "temporarily_unavailable"},
		"state down":      {func(w *world) { w.state.err = ErrUnavailable }, 503, "temporarily_unavailable"},
		"session revoked": {func(w *world) { w.state.sessions = map[string]Session{} }, 401, "invalid_token"},
		"user revoked":    {func(w *world) { w.state.revoked["id-alice"] = true }, 401, "invalid_token"},
		"token expired":   {func(w *world) { w.pass(11 * time.Minute) }, 401, "invalid_token"},
		"bad request":     {func(w *world) { w.ca.err = fmt.Errorf("%w: its key is too short", ErrCSR) }, 400, "invalid_request"},
		"broken key":      {func(w *world) { w.ca.err = errors.New("signing: canary-key") }, 500, "server_error"},
		"system:":         {func(w *world) { w.directory.people["alice"] = Identity{ID: "id-alice", Name: "system:admin"} }, 403, "access_denied"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			access := w.login().tokens(t).AccessToken
			test.change(w)
			answer := w.certificate("a", "Bearer "+access)
			answer.refused(t, test.status, test.code)
			if strings.Contains(answer.body, "canary") {
				t.Errorf("tells %s", answer.body)
			}
		})
	}
}

// 401 makes a client forget the password; an account's trouble must not.
func TestCertificateOfALockedAccount(t *testing.T) {
	w := newWorld(t)
	w.directory.err = &AccountError{AccountLocked}
	w.certificate("a", basic("alice", password)).refused(t, 403, "access_denied")
	w.directory.err = nil
	w.certificate("a", basic("alice", "wrong")).refused(t, 401, "invalid_grant")
}

// The client reads what the server writes.
func TestWireIsShared(t *testing.T) {
	body, err := ldapexchange.CredentialRequest{CSR: "PEM", Lifetime: 15 * time.Minute, Cluster: "a"}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	answer := w.request("POST", "/v1/credentials", "application/json; charset=utf-8", string(body), "Authorization", basic("alice", password))
	if answer.StatusCode != 200 || w.ca.life != 15*time.Minute {
		t.Errorf("%d %s", answer.StatusCode, answer.body)
	}
}
