package settings

import (
	"errors"
	"strings"
	"testing"
)

const importedID = "0123456789abcdef0123456789abcdef"

// An imported credential is known by its ID alone. What variables say of an
// issuer and its secrets is about other entries.
func TestImportedGoesAlone(t *testing.T) {
	s := mustResolve(t, Input{Flags: args(t, "--imported="+importedID)})
	want := "kubecred identity 1\n8:imported\n1\n32:" + importedID + "\n"
	if got := string(s.Identity()); got != want || s.Imported != importedID {
		t.Errorf("imported %q, identity %q", s.Imported, got)
	}
	busy := mustResolve(t, Input{
		Kubeconfig: args(t, "--imported="+importedID),
		Variable: env("KUBECRED_OIDC_ISSUER_URL", "https://issuer.example", "KUBECRED_OIDC_CLIENT_ID", "c",
			"KUBECRED_OIDC_CLIENT_SECRET", "s", "KUBECRED_USERNAME", "alice", "KUBECRED_PASSWORD", "p"),
		Extension: []byte(`{"audience":"a","scopes":["groups"]}`),
	})
	if string(busy.Identity()) != want || busy.IssuerURL != "" || !busy.ClientSecret.Empty() {
		t.Errorf("variables had a word in %q", busy.Identity())
	}
	if label := s.Label(); strings.Contains(label, importedID) {
		t.Errorf("the log would hold the whole ID: %s", label)
	}
}

// Flags that name an issuer are stronger than a kubeconfig that names an ID.
func TestIssuerBesideWeakerImported(t *testing.T) {
	s := mustResolve(t, Input{Flags: usual(t), Kubeconfig: args(t, "--imported="+importedID)})
	if s.Imported != "" || s.IssuerURL == "" {
		t.Errorf("imported %q, issuer %q", s.Imported, s.IssuerURL)
	}
}

func TestImportedIsRefused(t *testing.T) {
	for _, wrong := range [][]string{
		{"--imported=short"}, {"--imported=" + strings.ToUpper(importedID)}, {"--imported=../../" + importedID[6:]},
		{"--imported=" + importedID, "--oidc-issuer-url=https://issuer.example"},
		{"--imported=" + importedID, "--exchange-url=https://exchange.example"},
		{"--imported=" + importedID, "--oidc-client-id=c"},
		{"--imported=" + importedID, "--audience=a"},
		{"--imported=" + importedID, "--certificate-authority-data=YQ=="},
	} {
		_, err := Resolve(Input{Flags: args(t, wrong...), Files: newPlace(t).Files})
		var e *Error
		if !errors.As(err, &e) || e.Problem != Invalid {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	_, err := Resolve(Input{Flags: args(t, "--account=a"), Kubeconfig: args(t, "--imported="+importedID), Files: newPlace(t).Files})
	if err == nil {
		t.Error("a stronger source names an account")
	}
}

// A client's secret is bound to its issuer, its client and whom it trusts, and
// to nothing else.
func TestClientIdentity(t *testing.T) {
	usual := []string{"--oidc-issuer-url=https://issuer.example", "--oidc-client-id=kubernetes"}
	of := func(more ...string) string {
		return string(mustResolve(t, Input{Flags: args(t, append(usual, more...)...)}).ClientIdentity())
	}
	for _, same := range []string{"--oidc-extra-scope=email", "--account=alice", "--audience=a", "--grant-type=device-code"} {
		if of(same) != of() {
			t.Errorf("%s changes it", same)
		}
	}
	for _, other := range []string{"--insecure-skip-tls-verify", "--oidc-issuer-url=https://other.example", "--oidc-client-id=other", "--oidc-request-header=X-A=b"} {
		if of(other) == of() {
			t.Errorf("%s does not change it", other)
		}
	}
}
