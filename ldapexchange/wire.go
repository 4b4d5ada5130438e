package ldapexchange

// What goes over the wire at /v1/credentials: a CredentialRequest there, an
// ExecCredential without a key back. Both sides read with these functions, so
// that there is one idea of what is well formed.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	// APIVersion and RequestKind name the request's form.
	APIVersion  = "exchange.kubecred.dev/v1"
	RequestKind = "CredentialRequest"
	// CredentialsPath is where the native profile asks, below the exchange's
	// address. Discovery calls it kubernetes_credentials_endpoint.
	CredentialsPath = "/v1/credentials"

	// MaxRequest bounds a request, in bytes.
	MaxRequest = 64 << 10
	maxCSR     = 32 << 10 // bytes of PEM
	maxCluster = 64       // bytes
	// MaxLifetime bounds what may be asked for. What is granted is the
	// exchange's to say.
	MaxLifetime = 365 * 24 * time.Hour

	execKind       = "ExecCredential"
	execAPIVersion = "client.authentication.k8s.io/v1"
)

// CredentialRequest asks for a certificate.
type CredentialRequest struct {
	// CSR is one PEM CERTIFICATE REQUEST. Only its key and its signature
	// count: who the certificate is for, the exchange knows.
	CSR string
	// Lifetime is how long the certificate should live, in whole seconds. Zero
	// leaves it to the exchange, which may grant less in any case.
	Lifetime time.Duration
	// Cluster is the name, at the exchange, of the cluster that it is for.
	Cluster string
}

type requestObject struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Spec       requestSpec `json:"spec"`
}

type requestSpec struct {
	CSR        string `json:"certificateSigningRequest"`
	Expiration int64  `json:"expirationSeconds,omitempty"`
	Cluster    string `json:"cluster"`
}

// ErrRequest is a request that is not well formed. Errors that wrap it are fit
// to be shown to whoever sent it.
var ErrRequest = errors.New("the request is not a CredentialRequest")

// Encode returns the request as JSON. Its errors wrap ErrRequest.
func (r CredentialRequest) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	return json.Marshal(requestObject{APIVersion, RequestKind, requestSpec{r.CSR, int64(r.Lifetime / time.Second), r.Cluster}})
}

// ParseCredentialRequest reads what Encode wrote, and nothing that is more or
// less: a key that is unknown, or written in other letters, or given twice, may
// be meant as something else. Its errors wrap ErrRequest.
func ParseCredentialRequest(data []byte) (CredentialRequest, error) {
	var o requestObject
	if len(data) > MaxRequest {
		return CredentialRequest{}, fmt.Errorf("%w: it is larger than %d bytes", ErrRequest, MaxRequest)
	}
	err := onlyKeys(data, "apiVersion", "kind", "spec", "certificateSigningRequest", "expirationSeconds", "cluster")
	if err != nil {
		return CredentialRequest{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields() // a known key in the wrong place
	if decoder.Decode(&o) != nil {
		return CredentialRequest{}, fmt.Errorf("%w: a value has the wrong type or stands in the wrong place", ErrRequest)
	}
	if o.APIVersion != APIVersion || o.Kind != RequestKind {
		return CredentialRequest{}, fmt.Errorf("%w: apiVersion must be %s and kind %s", ErrRequest, APIVersion, RequestKind)
	}
	const most = int64(MaxLifetime / time.Second)
	if o.Spec.Expiration < 0 || o.Spec.Expiration > most {
		return CredentialRequest{}, fmt.Errorf("%w: expirationSeconds must be between 0 and %d", ErrRequest, most)
	}
	r := CredentialRequest{o.Spec.CSR, time.Duration(o.Spec.Expiration) * time.Second, o.Spec.Cluster}
	return r, r.check()
}

func (r CredentialRequest) check() error {
	switch {
	case r.CSR == "" || len(r.CSR) > maxCSR:
		return fmt.Errorf("%w: certificateSigningRequest must have between 1 and %d bytes", ErrRequest, maxCSR)
	case !IsClusterName(r.Cluster):
		return fmt.Errorf("%w: cluster must be a name of up to %d letters, digits, dots, dashes and underscores", ErrRequest, maxCluster)
	case r.Lifetime < 0 || r.Lifetime > MaxLifetime || r.Lifetime%time.Second != 0:
		return fmt.Errorf("%w: the lifetime must be whole seconds, at most %s", ErrRequest, MaxLifetime)
	}
	return nil
}

// IsClusterName reports whether s can name a cluster: it stands in a path.
func IsClusterName(s string) bool {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_", r)
	}
	return s != "" && len(s) <= maxCluster && !strings.HasPrefix(s, ".") && !strings.HasPrefix(s, "-") &&
		!strings.ContainsFunc(s, func(r rune) bool { return !plain(r) })
}

// EncodeCertificate returns the answer to a CredentialRequest: a v1
// ExecCredential with the chain, leaf first, and without a key.
func EncodeCertificate(chainPEM string, expiry time.Time) ([]byte, error) {
	var o execObject
	o.APIVersion, o.Kind = execAPIVersion, execKind
	o.Status.Certificate, o.Status.Expiry = chainPEM, expiry.UTC().Format(time.RFC3339)
	return json.Marshal(o)
}

// execObject is the part of an ExecCredential that counts here.
type execObject struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Status     execStatus `json:"status"`
}

type execStatus struct {
	Expiry      string `json:"expirationTimestamp,omitempty"`
	Token       string `json:"token,omitempty"`
	Certificate string `json:"clientCertificateData,omitempty"`
	Key         string `json:"clientKeyData,omitempty"`
}

// Errors of reading an exchange's answer. None repeats any of it.
var (
	errNotExec    = errors.New("it holds no ExecCredential")
	errForeignKey = errors.New("it holds a private key, which should have been made here")
	errEnd        = errors.New("its expirationTimestamp is not a time")
)

// parseExec reads an ExecCredential of any version. Keys that it does not know
// are the exchange's business.
func parseExec(data []byte) (s execStatus, end time.Time, err error) {
	var o execObject
	if json.Unmarshal(data, &o) != nil || o.Kind != execKind || !strings.HasPrefix(o.APIVersion, "client.authentication.k8s.io/v1") {
		return execStatus{}, time.Time{}, errNotExec
	}
	if o.Status.Key != "" {
		return execStatus{}, time.Time{}, errForeignKey
	}
	if o.Status.Expiry != "" {
		if end, err = time.Parse(time.RFC3339, o.Status.Expiry); err != nil {
			return execStatus{}, time.Time{}, errEnd
		}
	}
	return o.Status, end, nil
}

// onlyKeys holds that data is one JSON value whose objects have no other keys
// than these, to the letter, and none twice. encoding/json takes the last of
// two, and takes "KIND" for kind.
func onlyKeys(data []byte, allowed ...string) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := walk(decoder, allowed); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}

var errNotJSON = errors.New("it is not JSON")

// walk reads one value, which holds no lists.
func walk(decoder *json.Decoder, allowed []string) error {
	token, err := decoder.Token()
	if err != nil {
		return errNotJSON
	}
	switch token {
	case json.Delim('['):
		return errors.New("it holds a list")
	case json.Delim('{'):
		return walkObject(decoder, allowed)
	}
	return nil
}

func walkObject(decoder *json.Decoder, allowed []string) error {
	var seen []string
	for decoder.More() {
		name, err := decoder.Token()
		key, isText := name.(string)
		switch {
		case err != nil || !isText:
			return errNotJSON
		case !slices.Contains(allowed, key):
			return errors.New("it has an unknown key")
		case slices.Contains(seen, key):
			return fmt.Errorf("%s is given twice", key)
		}
		seen = append(seen, key)
		if err := walk(decoder, allowed); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil { // the closing one
		return errNotJSON
	}
	return nil
}
