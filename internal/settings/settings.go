// Package settings says what the program is to do: from flags, KUBECRED_
// variables, a named profile, the cluster's exec extension and defaults, in
// this order, under the administrator's policy.
//
// A kubeconfig may be hostile: people take them from others, and kuberc
// allow-lists a command, not its arguments. So
//
//   - the issuer, its client, secret, CA and TLS options come from one source,
//     the one that names the issuer (bundle.go);
//   - a secret in a variable is sent only to an issuer that something vouches
//     for which a kubeconfig cannot write (secrets.go);
//   - what names a command or a secret's file counts only in a profile, with
//     --browser-command and the listener's own key as the exceptions that
//     int128/kubelogin's users need (table.go);
//   - the cluster's extension sets audience, scopes and a profile's name, and
//     nothing else (extension.go);
//   - the policy stands above all and fails closed (policy.go).
//
// The guarantee ends at the process's own environment. A kubeconfig may set
// variables for the command, and no program can tell those from the person's:
// HTTPS_PROXY, SSL_CERT_FILE, HOME and PATH are believed, as they are by every
// program that a kubeconfig can start.
//
// Resolving with flags alone opens one file, the policy's, besides the CA
// files that are named.
package settings

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// Grant is a way to sign in, by int128/kubelogin's names.
type Grant string

// The grants. GrantAuto chooses by surroundings.
const (
	GrantAuto              Grant = "auto"
	GrantAuthCode          Grant = "authcode"
	GrantAuthCodeKeyboard  Grant = "authcode-keyboard"
	GrantDeviceCode        Grant = "device-code"
	GrantPassword          Grant = "password"
	GrantClientCredentials Grant = "client-credentials"
)

// Exchange is a profile of an exchange.
type Exchange string

// The profiles. ExchangeOAuth2 is a provider whose password grant is taken.
const (
	ExchangeOAuth2 Exchange = "oauth2"
	ExchangeBasic  Exchange = "basic"
	ExchangeNative Exchange = "native"
)

// Settings is what was resolved: checked, with ~ and relative paths expanded.
type Settings struct {
	// IssuerURL is where credentials go: the issuer's address, or the
	// exchange's. It and ClientID are empty only when Input.Loose allows it.
	IssuerURL string
	ClientID  string
	// IssuerSource is where the issuer, and with it the whole bundle, came from.
	IssuerSource Source
	// IssuerVouched is true where a profile gives the issuer or the policy
	// lists it: no kubeconfig could have put it there.
	IssuerVouched bool
	// ForeignTrust is true where flags or variables name a CA or switch the
	// check of certificates off. What vouches for the issuer then says nothing
	// about who answers in its name.
	ForeignTrust bool

	// Imported is the ID of a credential that was taken in from a kubeconfig;
	// there is no issuer then. It cannot be guessed: whoever names it gets it.
	Imported string

	// Exchange is how the exchange at IssuerURL is spoken with; "" where an
	// OpenID Provider is there.
	Exchange Exchange
	// Certificate asks for a certificate for Cluster instead of a token.
	Certificate bool
	Cluster     string

	ClientSecret Secret
	// AuthMethod is how the client authenticates: "" (by the provider's
	// metadata), none, client_secret_basic, client_secret_post, private_key_jwt.
	AuthMethod string
	// AssertionKeyFile holds the PEM key for private_key_jwt, AssertionKeyID
	// its kid.
	AssertionKeyFile string
	AssertionKeyID   string

	CAPEM                 []byte // certificates only; nil trusts the system's roots
	AddSystemRoots        bool   // besides CAPEM
	InsecureSkipTLSVerify bool
	Renegotiation         tls.RenegotiationSupport
	RequestHeaders        map[string]string // may hold secrets
	// Proxy is the policy's: "" leaves it to the environment, "none" goes
	// without one, else an address.
	Proxy string

	Scopes         []string          // openid first, each once
	ExtraParams    map[string]string // the audience is among them; may hold secrets
	Audience       string
	UseAccessToken bool
	Account        string
	RedirectURL    string // "" is http://localhost with the listener's port
	PKCE           string // auto, no, S256

	Grant           Grant
	DeniedGrants    []Grant // by the policy; Grant is not among them
	ListenAddresses []string
	SkipOpenBrowser bool
	BrowserCommand  string
	Timeout         time.Duration // for the person at the browser
	OpenURL         string        // shown after signing in; "" is our own page
	LocalServerCert string
	LocalServerKey  string
	Username        string
	Password        Secret

	CacheDir       string
	Storage        string // auto, keyring, file, none
	KernelKeyring  string // auto, on, off
	ForceRefresh   bool
	Profile        string
	ExecAPIVersion string // v1 or v1beta1, where the client names none
	Verbosity      int

	// ExposedSecrets names the flags that carry a secret where others can read
	// it (the process list, the kubeconfig).
	ExposedSecrets []string

	identity identity
}

// Denies reports whether the policy forbids the grant.
func (s *Settings) Denies(g Grant) bool {
	for _, denied := range s.DeniedGrants {
		if denied == g {
			return true
		}
	}
	return false
}

// Label describes the entry to a person, in one line. It holds no secret.
func (s *Settings) Label() string {
	if s.Imported != "" {
		return "imported credential " + s.Imported[:6] + "…"
	}
	label := fmt.Sprintf("%s at %s", s.ClientID, s.IssuerURL)
	if who := s.identity.principal(); who != "" {
		label += " for " + who
	}
	return label
}

// Format implements fmt.Formatter: headers and parameters may hold secrets, so
// no verb shows more than the label.
func (s *Settings) Format(f fmt.State, _ rune) { io.WriteString(f, s.Label()) }

// LogValue implements slog.LogValuer.
func (s *Settings) LogValue() slog.Value { return slog.StringValue(s.Label()) }

// Secret is a secret or where to find it. At most one field is set.
type Secret struct {
	Text    secret.Text
	File    string   // an absolute path; its content without the last newline
	Command []string // an absolute path and its arguments, run without a shell
}

// Empty reports whether there is none.
func (s Secret) Empty() bool {
	return s.Text.Empty() && s.File == "" && len(s.Command) == 0
}
