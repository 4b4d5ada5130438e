package cmd

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/exchangetest"
	"github.com/kubecred/kubecred/internal/oidctest"
)

// apiServer notes with what each request came, and answers as it is told.
type apiServer struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	body   string
	came   []string // METHOD PATH AUTHORIZATION
}

func startAPI(t *testing.T, user string) *apiServer {
	t.Helper()
	s := &apiServer{status: http.StatusCreated, body: review(user)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.came = append(s.came, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		w.WriteHeader(s.status)
		io.WriteString(w, s.body)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func review(user string) string {
	return `{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1","status":{"userInfo":` + user + `}}`
}

func (s *apiServer) answers(status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.body = status, body
}

func (s *apiServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.came)
}

func (s *apiServer) ca() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// kubeconfigFor is a kubeconfig whose context leads to the server, with more in
// its cluster and its user.
func (p *place) kubeconfigFor(s *apiServer, cluster, user string, args ...string) {
	p.t.Helper()
	p.write(s.ca(), ".kube", "ca.pem")
	args = append([]string{"get-token", "--oidc-issuer-url=" + p.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID}, args...)
	quoted, err := json.Marshal(args)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(fmt.Sprintf(`current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: me}}
clusters:
- {name: c, cluster: {server: %q, certificate-authority: ca.pem%s}}
users:
- {name: me, user: {%s exec: {command: kubecred, args: %s}}}
`, s.URL, cluster, user, quoted), ".kube", "config")
}

func (o outcome) matches(lines ...string) outcome {
	o.t.Helper()
	for _, line := range lines {
		if !regexp.MustCompile(`(?m)^` + line + ` *$`).MatchString(o.stdout) {
			o.t.Errorf("%s: no line %s in\n%s", o.command, line, o.stdout)
		}
	}
	return o
}

const groupScopes = "--oidc-extra-scope=email,groups,profile"

func TestWhoami(t *testing.T) {
	p := newPlace(t)
	s := startAPI(t, `{"username":"x"}`)
	p.kubeconfigFor(s, "", "", groupScopes)
	p.run("login").ok()
	before := len(p.provider.All())
	p.run("whoami").ok().matches(
		`context +prod`,
		`credential +id token, until \d\d:\d\d \(59 minutes\), renews \(entry [0-9a-f]{12}\)`,
		`iss +`+p.provider.Issuer, `sub +user-1`, `email +alice@example\.com`, `groups +2: developers, .*`, `aud +kubecred`,
		`exp +20.* \(in 59 minutes\)`,
	)
	var got whoamiReport
	p.run("whoami", "-o", "json").ok().decode(&got)
	if got.Context != "prod" || got.Kind != "id token" || !got.Renews || got.Token.Issuer != p.provider.Issuer || got.Token.GroupCount != 2 ||
		got.Token.Names[0] != (nameClaim{"sub", "user-1"}) || got.Token.Audience[0] != oidctest.ClientID || got.Server != nil || got.Certificate != nil ||
		got.Expires == nil || !got.Token.Expires.Equal(*got.Expires) {
		t.Errorf("%+v %+v", got, got.Token)
	}
	p.passed = 2 * time.Hour
	p.run("whoami").ok().matches(`credential +id token, expired 20.*`)
	if len(s.requests()) > 0 || len(p.provider.All()) != before {
		t.Error("whoami sent something")
	}
}

func TestWhoamiBesideTheServer(t *testing.T) {
	p := newPlace(t)
	s := startAPI(t, `{"username":"oidc:user-1","groups":["oidc:developers","from-a-webhook","system:authenticated"],"extra":{"authentication.kubernetes.io/credential-id":["JTI=another\u001b[2J"]}}`)
	p.kubeconfigFor(s, "", "as: root, as-uid: u-1, as-groups: [a, b],", groupScopes)
	p.run("login").ok()
	got := p.run("whoami", "--server").ok().matches(
		`kubectl would act as root, UID u-1, groups a, b \(user me of the kubeconfig\); whoami asks as yourself\.`,
		`The cluster c at https://.* takes you for:`,
		` +TOKEN +SERVER`, `user name +user-1 \(sub\) +oidc:user-1`, `extra authentication\.kubernetes\.io/credential-id: JTI=another\[2J`,
		`groups +developers +oidc:developers`, ` +\S+ +-`, ` +- +from-a-webhook`, ` +- +system:authenticated`,
		`- The cluster puts oidc: before the user name \(.*`, `- The cluster puts oidc: before groups \(.*`,
		`- The server left a group out: .*`, `- No claim holds a group of the server's: .*`, `- The server adds system:authenticated to everybody whom it knows\.`,
	)
	if strings.Contains(got.stdout, "\x1b") {
		t.Errorf("%q", got.stdout)
	}
	var report whoamiReport
	p.run("whoami", "--server", "-o", "json").ok().decode(&report)
	if report.Server.Username != "oidc:user-1" || report.Server.GroupCount != 3 || len(report.Server.Differences) < 5 || report.ActsAs.User != "root" || report.Server.Unchecked {
		t.Errorf("%+v", report.Server)
	}
	token := p.at("get-token", groupScopes).ok().token()
	want := "POST /apis/authentication.k8s.io/v1/selfsubjectreviews Bearer " + token
	if came := s.requests(); len(came) != 2 || came[0] != want || came[1] != want {
		t.Errorf("sent %q", came)
	}
}

// A server's "no" is shown beside what the token says, and is a failure.
func TestWhoamiRefused(t *testing.T) {
	p := newPlace(t)
	s := startAPI(t, "")
	p.kubeconfigFor(s, "", "", groupScopes)
	p.run("login").ok()
	for _, test := range []struct {
		status           int
		body, text, hint string
	}{
		{401, `{"kind":"Status","message":"Unauthorized"}`, "answered 401 Unauthorized", "AuthenticationConfiguration"},
		{403, `{"kind":"Status","message":"User \"oidc:alice\" cannot create resource"}`, `cannot create resource`, "system:basic-user"},
		{403, `{"kind":"Status","message":"User \"system:anonymous\" cannot create"}`, "system:anonymous", "lost on the way"},
		{404, "404", "answered 404 Not Found", "older than Kubernetes 1.28"},
		{431, "", "answered 431", "too large"},
		{418, "", "answered 418", "in front of it"},
	} {
		s.answers(test.status, test.body)
		got := p.run("whoami", "--server").matches(`iss +`+p.provider.Issuer, fmt.Sprintf(`The cluster c at https://\S+ answered %d .*\.`, test.status))
		if suspects := strings.Contains(got.stdout, "iss is "+p.provider.Issuer); suspects != (test.status == 401) {
			t.Errorf("%d: suspects %v", test.status, suspects)
		}
		got.stdout = ""
		got.fails(exitDenied, test.text).hints(test.hint)
	}
	s.answers(401, "")
	var report whoamiReport
	p.run("whoami", "--server", "-o", "json").decode(&report)
	if report.Server.Status != 401 || len(report.Server.Suspects) == 0 {
		t.Errorf("%+v", report.Server)
	}
}

// What is in the way says nothing on stdout.
func TestWhoamiWithoutAnAnswer(t *testing.T) {
	p := newPlace(t)
	s := startAPI(t, `{"username":"x"}`)
	other := startAPI(t, "")
	p.kubeconfigFor(s, "", "")
	p.run("login").ok()
	p.kubeconfigFor(s, ", tls-server-name: other.example", "")
	p.run("whoami", "--server").fails(exitDenied, "certificate is not trusted").hints("nothing was sent")
	p.kubeconfigFor(s, ", proxy-url: 'http://user:canary@127.0.0.1:1'", "")
	got := p.run("whoami", "--server").fails(exitNetwork, "through the proxy 127.0.0.1:1").hints("proxy-url")
	if strings.Contains(got.stderr, "canary") {
		t.Error(got.stderr)
	}
	p.kubeconfigFor(s, ", certificate-authority-data: bm9uZQ==", "")
	p.run("whoami", "--server").fails(exitConfig, "no PEM certificate").hints("certificate-authority")
	p.kubeconfigFor(other, "", "")
	other.answers(503, "")
	p.run("whoami", "--server").fails(exitNetwork, "503 Service Unavailable").hints("try again")
	other.answers(200, "<html>")
	p.run("whoami", "--server").fails(exitDenied, "no JSON object").hints("sign-in page")
	other.Close()
	p.run("whoami", "--server").fails(exitNetwork, "cannot be reached").hints("says nothing about the credential")
	p.write("not a CA file", ".kube", "ca.pem")
	p.run("whoami", "--server").fails(exitConfig, "no PEM certificate")
	p.write(strings.Replace(p.read(".kube", "config"), "ca.pem", "canary.pem", 1), ".kube", "config")
	p.run("whoami", "--server").fails(exitConfig, "authority cannot be read").hints("certificate-authority")
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests reached a server that is not to be trusted", n)
	}
}

func TestWhoamiUnchecked(t *testing.T) {
	p := newPlace(t)
	s := startAPI(t, `{"username":"x"}`)
	p.kubeconfigFor(s, "", "")
	p.run("login").ok()
	p.write(strings.Replace(p.read(".kube", "config"), "certificate-authority: ca.pem", "insecure-skip-tls-verify: true", 1), ".kube", "config")
	p.run("whoami", "--server").ok().prints("certificate was not checked")
}

// Without a credential that lives nobody is asked: no request arrives at all.
func TestWhoamiAsksNobodyWithoutACredential(t *testing.T) {
	p := newPlace(t)
	s := startAPI(t, `{"username":"system:anonymous"}`)
	p.kubeconfigFor(s, "", "")
	for _, args := range [][]string{{"whoami"}, {"whoami", "--server"}, {"whoami", "--server", "-o", "json"}} {
		p.run(args...).fails(exitLoginNeeded, "without one a server would see system:anonymous").hints("kubecred login --entry ")
	}
	p.at("whoami").fails(exitLoginNeeded, "system:anonymous").hints("kubecred login --")
	p.run("whoami", "--token-cache-storage=none").fails(exitLoginNeeded, "system:anonymous").hints("keeps nothing")
	p.run("login").ok()
	p.passed = 2 * time.Hour
	p.run("whoami", "--server").fails(exitLoginNeeded, "expired 20").hints("kubecred login --entry ")
	p.passed = 0
	p.damage()
	p.run("whoami", "--server").fails(exitLoginNeeded, "system:anonymous")
	if came := s.requests(); len(came) > 0 {
		t.Errorf("%q arrived", came)
	}
	p.counts(oidctest.GrantPassword, 1)
	p.counts(oidctest.GrantRefresh, 0)
}

// A credential goes where kubectl would send it, and nowhere else.
func TestWhoamiSendsNothingElsewhere(t *testing.T) {
	p := newPlace(t)
	s := startAPI(t, `{"username":"x"}`)
	p.kubeconfigFor(s, "", "")
	p.run("login").ok()
	p.run("login", "--oidc-extra-scope=email").ok()
	for _, args := range [][]string{{"--user=me"}, {"--oidc-issuer-url=" + p.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID}} {
		p.run(append([]string{"whoami", "--server"}, args...)...).fails(exitConfig, "needs a context").hints("--context")
	}
	p.run("whoami", "--server", "--oidc-extra-scope=email").fails(exitConfig, "would not send").hints("leave")
	p.run("whoami", "--oidc-extra-scope=email").ok()
	p.run("whoami", "--server", "--context=nowhere").fails(exitConfig, "nowhere")
	p.run("whoami", "-o", "yaml", "--server").fails(exitConfig, "text or json")
	if came := s.requests(); len(came) > 0 {
		t.Errorf("%q arrived", came)
	}
	entry := regexp.MustCompile(`[0-9a-f]{12}`).FindString(p.run("whoami").ok().stdout)
	p.run("whoami", "--server", "--entry", entry).ok()
}

// Certificates: what they say, and that one which the server does not ask for
// makes no request.
func TestWhoamiOfACertificate(t *testing.T) {
	p := newPlace(t)
	x := exchangetest.Start(t)
	s := startAPI(t, `{"username":"system:anonymous"}`)
	p.write(s.ca(), ".kube", "ca.pem")
	p.env["KUBECRED_PASSWORD"] = x.Provider.Issuer + " alice's password"
	p.write(fmt.Sprintf(`current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: me}}
clusters:
- {name: c, cluster: {server: %q, certificate-authority: ca.pem}}
users:
- {name: me, user: {exec: {command: kubecred, args: [get-token, --exchange-url=%s, --credential=certificate, --exchange-cluster=prod]}}}
`, s.URL, x.Provider.Issuer), ".kube", "config")
	p.run("login").ok()
	p.run("whoami").ok().matches(`credential +certificate for prod, until .*`, `CN +user-1`, `O +1: prod`, `issuer +CN=exchangetest`, `serial +[0-9a-f]+`, `not after +20.*`, `SHA-256 +[0-9a-f]{64}`)
	var got whoamiReport
	p.run("whoami", "-o", "json").ok().decode(&got)
	if c := got.Certificate; got.Token != nil || c.CommonName != "user-1" || c.Organizations[0] != "prod" || c.UID != "" || c.NotAfter.IsZero() {
		t.Errorf("%+v", got)
	}
	p.run("whoami", "--server").fails(exitDenied, "would be anonymous").hints("in front of the API server")
	if came := s.requests(); len(came) > 0 {
		t.Errorf("%q arrived", came)
	}
}

// Many groups, hostile texts: a screen stays one.
func TestWhoamiOfManyGroups(t *testing.T) {
	var groups []string
	for i := range 1200 {
		groups = append(groups, fmt.Sprintf("group-%04d\u202e\x1b[31m", i))
	}
	p := newPlace(t, oidctest.WithUser(oidctest.User{Sub: "user-9\x1b]0;title\a", PreferredUsername: "alice", Password: "alice's password", Groups: groups}))
	var seen []string
	for _, group := range groups {
		seen = append(seen, "oidc:"+group)
	}
	list, err := json.Marshal(seen)
	if err != nil {
		t.Fatal(err)
	}
	s := startAPI(t, `{"username":"`+p.provider.Issuer+`#user-9\u001b]0;title\u0007","groups":`+string(list)+`}`)
	p.kubeconfigFor(s, "", "", groupScopes)
	p.run("login").ok()
	got := p.run("whoami", "--server").ok().prints("… (1185 more)").prints("1200: group-0000").prints("own, as no prefix is set")
	if strings.ContainsAny(got.stdout, "\x1b\a") || strings.Contains(got.stdout, "\u202e") || strings.Count(got.stdout, "\n") > 60 {
		t.Errorf("%d lines: %q", strings.Count(got.stdout, "\n"), got.stdout)
	}
	var report whoamiReport
	p.run("whoami", "--server", "-o", "json").ok().decode(&report)
	if report.Token.GroupCount != 1200 || len(report.Token.Groups) != maxListed || report.Server.GroupCount != 1200 {
		t.Errorf("%d of %d groups", len(report.Token.Groups), report.Token.GroupCount)
	}
}
