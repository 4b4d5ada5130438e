// Command bare is the least that could answer a TokenReview: net/http, and a handler that verifies the
// signature of the token in the body. It looks at nothing else, and answers with nothing.
//
// Its arguments are an address, the file of a public key, and, for TLS, those of a certificate and its key.
package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
)

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	if len(args) != 2 && len(args) != 4 {
		return errors.New("usage: bare ADDRESS KEY [CERTIFICATE KEY]")
	}
	data, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return errors.New("no key")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: args[0], Handler: handler(key)}
	if len(args) == 4 {
		return server.ListenAndServeTLS(args[2], args[3])
	}
	return server.ListenAndServe()
}

func handler(key crypto.PublicKey) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // to see whether it is there
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !right(key, token(body)) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
}

func token(body []byte) []byte {
	_, after, _ := bytes.Cut(body, []byte(`"token":"`))
	token, _, _ := bytes.Cut(after, []byte(`"`))
	return token
}

func right(key crypto.PublicKey, token []byte) bool {
	end := bytes.LastIndexByte(token, '.')
	if end < 0 {
		return false
	}
	signature, err := base64.RawURLEncoding.AppendDecode(nil, token[end+1:])
	if err != nil {
		return false
	}
	digest := sha256.Sum256(token[:end])
	switch key := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		return len(signature) == 64 && ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}
	return false
}
