package execcred

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 500, time.UTC)

const (
	certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	key         = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
)

// The golden files are what the clients' documentation shows; a change here is
// a change of protocol.
func TestEncodeGolden(t *testing.T) {
	chain := certificate + strings.Replace(certificate, "AAAA", "BBBB", 1)
	tests := map[string]struct {
		version    APIVersion
		credential Credential
	}{
		"token-v1.json":         {V1, Credential{Token: "t.o<k>&en", Expiry: now.Add(time.Hour)}},
		"token-v1beta1.json":    {V1Beta1, Credential{Token: "token", Expiry: now.Add(time.Hour).In(time.FixedZone("x", 3600))}},
		"token-no-expiry.json":  {V1, Credential{Token: "token"}},
		"certificate.json":      {V1, Credential{ClientCertificate: chain, ClientKey: key, Expiry: now.Add(time.Hour)}},
		"token-and-pair.json":   {V1, Credential{Token: "token", ClientCertificate: certificate, ClientKey: key}},
		"expires-in-5s-v1.json": {V1, Credential{Token: "token", Expiry: now.Add(5 * time.Second)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Encode(test.version, test.credential, now)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	tests := []struct {
		name string
		c    Credential
		want error
	}{
		{"nothing", Credential{}, ErrEmpty},
		{"a certificate without its key", Credential{Token: "t", ClientCertificate: certificate}, ErrHalfPair},
		{"a key without its certificate", Credential{ClientKey: key}, ErrHalfPair},
		{"a token with a newline", Credential{Token: "to\nken"}, ErrToken},
		{"a token with its own Bearer", Credential{Token: "Bearer token"}, ErrToken},
		{"a token beyond ASCII", Credential{Token: "tökën"}, ErrToken},
		{"a certificate that is none", Credential{ClientCertificate: "x", ClientKey: key}, ErrCertificate},
		{"text after the certificate", Credential{ClientCertificate: certificate + "x", ClientKey: key}, ErrCertificate},
		{"a key among the certificates", Credential{ClientCertificate: certificate + key, ClientKey: key}, ErrCertificate},
		{"a key that is none", Credential{ClientCertificate: certificate, ClientKey: certificate}, ErrKey},
		{"two keys", Credential{ClientCertificate: certificate, ClientKey: key + key}, ErrKey},
		{"past", Credential{Token: "t", Expiry: now.Add(-time.Second)}, ErrExpired},
		{"now", Credential{Token: "t", Expiry: now}, ErrExpired},
		{"within the second", Credential{Token: "t", Expiry: now.Add(100 * time.Millisecond)}, ErrExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := Encode(V1, test.c, now)
			if !errors.Is(err, test.want) || out != nil {
				t.Errorf("Encode = %q, %v; want %v", out, err, test.want)
			}
		})
	}
}

// For every remaining lifetime the timestamp is in the future and not after
// the real end (int128/kubelogin has no leeway at all).
func TestExpiryIsEarlyAndNeverPast(t *testing.T) {
	for left := 2 * time.Second; left < 2*time.Hour; left += 977 * time.Millisecond {
		out, err := Encode(V1, Credential{Token: "t", Expiry: now.Add(left)}, now)
		if err != nil {
			t.Fatalf("%v left: %v", left, err)
		}
		var got struct {
			Status struct {
				ExpirationTimestamp time.Time
			}
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		at := got.Status.ExpirationTimestamp
		if !at.After(now) || at.After(now.Add(left)) || now.Add(left).Sub(at) > earlier+time.Second {
			t.Fatalf("%v left: timestamp %v", left, at.Sub(now))
		}
	}
}

func TestCredentialDoesNotPrint(t *testing.T) {
	c := Credential{Token: "canary", ClientKey: "canary"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c); strings.Contains(got, "canary") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
