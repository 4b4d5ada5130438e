package settings

// What each value must look like. Everything is bounded, and nothing holds
// control characters: values reach terminals, headers and URLs. The functions
// say what is wrong without repeating the value.

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kubecred/kubecred/internal/httpclient"
)

const (
	maxText    = 8192 // bytes, of one value
	maxListed  = 64   // elements of a list, and name=value pairs
	maxScope   = 512  // bytes
	maxSeconds = 24 * 60 * 60

	outOfBand = "urn:ietf:wg:oauth:2.0:oob"
)

// checkText holds for every value that is shown or sent.
func checkText(s string) error {
	switch {
	case len(s) > maxText:
		return fmt.Errorf("is longer than %d bytes", maxText)
	case !utf8.ValidString(s):
		return errors.New("is not valid UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }):
		return errors.New("holds a control character")
	}
	return nil
}

// checkIssuer accepts what OpenID Connect Discovery 1.0 calls an issuer
// (section 3): https, no query, no fragment; and http on loopback, for trying
// things out.
func checkIssuer(s string) error {
	u, err := httpclient.ParseURL(s)
	if err != nil {
		return err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return errors.New("the URL of an issuer has no query")
	}
	// A person is asked whether they trust its host: one letter of another
	// alphabet would make it look like a host they know.
	if strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		return errors.New("the URL of an issuer is plain ASCII; write other letters in punycode")
	}
	return nil
}

// checkRedirect accepts what providers register for programs: a URL with a
// host, whichever it is, since the provider compares it with its own list; or
// the name that says "show the code".
func checkRedirect(s string) error {
	if s == "" || s == outOfBand {
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case checkText(s) != nil || err != nil || strings.Contains(s, " "):
		return errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return errors.New("must be an http or https URL, or " + outOfBand)
	case u.User != nil || u.Fragment != "":
		return errors.New("must have neither user information nor a fragment")
	}
	return nil
}

// checkListen accepts loopback only: whoever can reach the listener can try to
// end a sign-in.
func checkListen(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("is not HOST:PORT")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("has no port between 0 and 65535")
	}
	if !httpclient.IsLoopback(host) {
		return errors.New("is not a loopback address")
	}
	return nil
}

// checkScope holds RFC 6749, appendix A.4.
func checkScope(s string) error {
	if len(s) > maxScope {
		return fmt.Errorf("is longer than %d bytes", maxScope)
	}
	for _, b := range []byte(s) {
		if b < 0x21 || b > 0x7e || b == '"' || b == '\\' {
			return errors.New("holds a character that a scope may not have")
		}
	}
	return nil
}

// checkParam refuses what the protocol itself sends: overriding state, nonce
// or PKCE would take the protection away that they are for.
func checkParam(name, value string) error {
	switch strings.ToLower(name) {
	case "":
		return errors.New("a parameter has no name")
	case "scope":
		return errors.New("scope may not be given here; --oidc-extra-scope adds scopes")
	case "state", "nonce", "code_challenge", "code_challenge_method", "code_verifier",
		"client_id", "client_secret", "client_assertion", "client_assertion_type",
		"redirect_uri", "response_type", "response_mode", "request", "request_uri",
		"grant_type", "code", "device_code", "refresh_token", "username", "password":
		return errors.New(printable(name, 64) + " belongs to the protocol and may not be given here")
	}
	return errors.Join(checkText(name), checkText(value))
}

// checkHeader refuses what would change a request's meaning or its client's
// authentication.
func checkHeader(name, value string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isTokenRune(r) }) {
		return errors.New("a header's name holds a character that it may not have")
	}
	switch canonical := http.CanonicalHeaderKey(name); canonical {
	case "Authorization", "Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding",
		"Connection", "Keep-Alive", "Upgrade", "Te", "Trailer", "Proxy-Authorization", "Proxy-Connection":
		return errors.New(canonical + " may not be set")
	}
	return checkText(value)
}

// isTokenRune holds RFC 9110, section 5.6.2.
func isTokenRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' ||
		r < utf8.RuneSelf && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func grant(s string) (Grant, error) {
	g := Grant(s)
	known := []Grant{GrantAuto, GrantAuthCode, GrantAuthCodeKeyboard, GrantPassword, GrantDeviceCode, GrantClientCredentials}
	if !slices.Contains(known, g) {
		return "", errors.New("must be auto, authcode, authcode-keyboard, password, device-code or client-credentials")
	}
	return g, nil
}

// storage reads the cache's name for a storage; disk is int128/kubelogin's.
func storage(s string) (string, error) {
	switch s {
	case "disk":
		return "file", nil
	case "auto", "keyring", "file", "none":
		return s, nil
	}
	return "", errors.New("must be auto, keyring, file, disk or none")
}

func kernelKeyring(s string) (string, error) {
	if s != "auto" && s != "on" && s != "off" {
		return "", errors.New("must be auto, on or off")
	}
	return s, nil
}

func authMethod(s string) (string, error) {
	switch s {
	case "auto":
		return "", nil
	case "none", "client_secret_basic", "client_secret_post", "private_key_jwt":
		return s, nil
	}
	return "", errors.New("must be auto, none, client_secret_basic, client_secret_post or private_key_jwt")
}

// execVersion accepts kubectl's spelling too, with the group in front.
func execVersion(s string) (string, error) {
	version := strings.TrimPrefix(s, "client.authentication.k8s.io/")
	if version != "v1" && version != "v1beta1" {
		return "", errors.New("must be v1 or v1beta1")
	}
	return version, nil
}

func pkce(s string) (string, error) {
	if s != "auto" && s != "no" && s != "S256" {
		return "", errors.New("must be auto, no or S256")
	}
	return s, nil
}

// importedDigits is the length of an imported credential's ID: 128 bits, which
// nobody guesses.
const importedDigits = 32

// imported accepts an ID in the one form in which it is written.
func imported(s string) (string, error) {
	if len(s) != importedDigits || strings.Trim(s, "0123456789abcdef") != "" {
		return "", errors.New("must be an ID of 32 hexadecimal digits")
	}
	return s, nil
}
