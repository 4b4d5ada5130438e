package server

// What a review costs beside its signature: the same requests over the same
// kind of connection, to the server and to a handler that does nothing else
// than verify. The goal is 0.7 of its requests a second, on one core:
//
//	go test -run '^$' -bench Review -cpu 1 ./ldapexchange/server

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// plainSigner verifies as a signer of tokens should: by the library's own
// primitives, and reading JSON once.
type plainSigner struct {
	key crypto.Signer
	now func() time.Time
}

func (s plainSigner) Sign(c Claims) (string, error) {
	payload, err := json.Marshal(wireClaims{issuer, c.Subject, []string{c.Audience, c.Client}, c.Expiry.Unix(), c.IssuedAt.Unix(), c.ID, c.Client, c.Name, c.Groups, c.Session})
	if err != nil {
		return "", err
	}
	signed := "eyJ0eXAiOiJKV1QifQ." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(signed))
	if key, ok := s.key.(*rsa.PrivateKey); ok {
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		return signed + "." + base64.RawURLEncoding.EncodeToString(signature), err
	}
	r, sv, err := ecdsa.Sign(rand.Reader, s.key.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	sv.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// right verifies a signature and nothing else.
func (s plainSigner) right(token string) bool {
	end := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil {
		return false
	}
	digest := sha256.Sum256([]byte(token[:end]))
	if key, ok := s.key.Public().(*rsa.PublicKey); ok {
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return ecdsa.Verify(s.key.Public().(*ecdsa.PublicKey), digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

func (s plainSigner) Verify(token string) (Claims, error) {
	if !s.right(token) {
		return Claims{}, errors.New("the signature is wrong")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return Claims{}, err
	}
	var w wireClaims
	if err := json.Unmarshal(payload, &w); err != nil {
		return Claims{}, err
	}
	return Claims{Subject: w.Subject, Name: w.Name, Groups: w.Groups, Audience: w.Audience[0], Client: w.Client, Session: w.Session,
		ID: w.ID, IssuedAt: time.Unix(w.IssuedAt, 0), Expiry: time.Unix(w.Expiry, 0)}, nil
}

func (plainSigner) JWKS() []byte         { return nil }
func (plainSigner) Algorithms() []string { return nil }

func BenchmarkReview(b *testing.B) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"ES256": testKey(b), "RS256": rsaKey} {
		audit, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			b.Fatal(err)
		}
		defer audit.Close()
		signer := plainSigner{key: key}
		w := newWorld(b, func(o *Options) {
			signer.now = o.now
			o.Signer, o.Log, o.Audit = signer, nil, slog.New(slog.NewJSONHandler(audit, nil))
		})
		token := w.login().tokens(b).IDToken
		bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil || !signer.right(token) {
				w.WriteHeader(http.StatusBadRequest)
			}
		})
		b.Run(name+"/bare", func(b *testing.B) { ask(b, bare, token) })
		b.Run(name+"/server", func(b *testing.B) { ask(b, w.handler, token) })
	}
}

// ask sends reviews over one connection.
func ask(b *testing.B, handler http.Handler, token string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	defer server.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	body := `{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{"creationTimestamp":null},"spec":{"token":"` + token + `","audiences":["https://kubernetes.default.svc"]},"status":{"user":{}}}`
	request := fmt.Appendf(nil, "POST /v1/clusters/a/tokenreview HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s-a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", calling, len(body), body)
	answers := bufio.NewReader(conn)
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 || n > 0 && n < 200 {
			b.Fatal(resp.Status, n, err)
		}
		resp.Body.Close()
	}
}
