package ldapexchange

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRequestGolden(t *testing.T) {
	got, err := CredentialRequest{CSR: "PEM", Lifetime: time.Hour, Cluster: "prod"}.Encode()
	const want = `{"apiVersion":"exchange.kubecred.dev/v1","kind":"CredentialRequest","spec":{"certificateSigningRequest":"PEM","expirationSeconds":3600,"cluster":"prod"}}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	back, err := ParseCredentialRequest(got)
	if err != nil || back != (CredentialRequest{"PEM", time.Hour, "prod"}) {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestAnswerGolden(t *testing.T) {
	got, err := EncodeCertificate("PEM", start.In(time.FixedZone("", 3600)))
	const want = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"expirationTimestamp":"2026-11-24T12:00:00Z","clientCertificateData":"PEM"}}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	const good = `{"apiVersion":"exchange.kubecred.dev/v1","kind":"CredentialRequest","spec":{"certificateSigningRequest":"PEM","cluster":"prod"}}`
	if _, err := ParseCredentialRequest([]byte(good)); err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, body := range map[string]string{
		"nothing":             "",
		"null":                "null",
		"a list":              "[" + good + "]",
		"half":                good[:len(good)-1],
		"two":                 good + good,
		"a tail":              good + "canary",
		"another version":     edit("dev/v1", "dev/v2"),
		"another kind":        edit("CredentialRequest", "canary"),
		"an unknown key":      edit(`"kind"`, `"canary":1,"kind"`),
		"other letters":       edit(`"kind"`, `"Kind"`),
		"twice":               edit(`"kind"`, `"kind":"CredentialRequest","kind"`),
		"twice within":        edit(`"cluster":"prod"`, `"cluster":"prod","cluster":"test"`),
		"in the wrong place":  edit(`"kind"`, `"cluster":"prod","kind"`),
		"no CSR":              edit(`"PEM"`, `""`),
		"a number":            edit(`"PEM"`, `7`),
		"a list of CSRs":      edit(`"PEM"`, `["PEM"]`),
		"a large CSR":         edit("PEM", strings.Repeat("x", maxCSR+1)),
		"no cluster":          edit(`"prod"`, `""`),
		"a path":              edit(`"prod"`, `"../canary"`),
		"a negative lifetime": edit(`"cluster"`, `"expirationSeconds":-1,"cluster"`),
		"an endless lifetime": edit(`"cluster"`, `"expirationSeconds":9223372036854775807,"cluster"`),
		"a fraction":          edit(`"cluster"`, `"expirationSeconds":1.5,"cluster"`),
		"too large":           good + strings.Repeat(" ", MaxRequest),
		"deep":                strings.Repeat(`{"spec":`, 5000),
		"deep lists":          strings.Repeat(`[`, 60000),
	} {
		r, err := ParseCredentialRequest([]byte(body))
		if !errors.Is(err, ErrRequest) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	for _, r := range []CredentialRequest{{}, {CSR: "x"}, {"x", -time.Second, "c"}, {"x", time.Millisecond, "c"}, {"x", MaxLifetime + time.Second, "c"}, {"x", 0, "-c"}, {"x", 0, ".."}} {
		if _, err := r.Encode(); !errors.Is(err, ErrRequest) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// Whatever is read can be written, and is then the same.
func FuzzCredentialRequest(f *testing.F) {
	f.Add([]byte(`{"apiVersion":"exchange.kubecred.dev/v1","kind":"CredentialRequest","spec":{"certificateSigningRequest":"PEM","expirationSeconds":60,"cluster":"prod"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseCredentialRequest(data)
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseCredentialRequest(again); err != nil || back != r {
			t.Errorf("%+v became %+v, %v", r, back, err)
		}
	})
}
