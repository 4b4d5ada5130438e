package settings

// The one declaration of every setting. A setting has one name: the flag's,
// the profile key's, and, in capitals after KUBECRED_, the variable's.

// key names a setting within the program, in the order of help and explain.
type key int

const (
	keyIssuerURL key = iota
	keyExchangeURL
	keyImported
	keyExchangeProfile
	keyCredential
	keyExchangeCluster
	keyClientID
	keyClientSecret
	keyClientSecretFile
	keyClientSecretCommand
	keyAuthMethod
	keyAssertionKeyFile
	keyAssertionKeyID
	keyRedirectURL
	keyExtraScope
	keyUseAccessToken
	keyRequestHeader
	keyAudience
	keyAccount
	keyProfile
	keyForceRefresh
	keyCacheDir
	keyStorage
	keyKernel
	keyCA
	keyCAData
	keySystemRoots
	keySkipTLSVerify
	keyRenegotiateOnce
	keyRenegotiateFreely
	keyPKCE
	keyUsePKCE
	keyGrant
	keyListenAddress
	keySkipOpenBrowser
	keyBrowserCommand
	keyTimeout
	keyLocalServerCert
	keyLocalServerKey
	keyOpenURL
	keyExtraParams
	keyUsername
	keyPassword
	keyPasswordFile
	keyPasswordCommand
	keyExecAPIVersion
	keyVerbosity
	keyCount
)

// kind is the form of a value. Flags of the same kind parse as
// int128/kubelogin's do.
type kind uint8

const (
	kindText   kind = iota // one string
	kindWords              // a list, with commas or by repeating
	kindItems              // a list by repeating only: paths may hold commas
	kindPairs              // name=value, with commas or by repeating
	kindToggle             // true or false
	kindNumber             // an integer
)

// places are the sources that may give a setting.
type places uint8

const (
	inFlag places = 1 << iota
	inVariable
	inProfile
	inCluster

	anywhere = inFlag | inVariable | inProfile
)

// traits are the rules that a setting falls under.
type traits uint8

const (
	// bundled settings come from the source that names the issuer or the
	// exchange.
	bundled traits = 1 << iota
	// identifying settings change the credential, and so the entry's ID.
	identifying
	// confidential values are never shown.
	confidential
	// pathlike values have ~ and relative paths expanded.
	pathlike
	// hidden flags are accepted for old kubeconfigs and left out of help.
	hidden
)

type spec struct {
	name  string
	kind  kind
	from  places
	is    traits
	def   string
	usage string
}

// variable returns the name of the setting's variable.
func (s *spec) variable() string {
	const prefix = "KUBECRED_"
	name := make([]byte, 0, len(prefix)+len(s.name))
	name = append(name, prefix...)
	for _, c := range []byte(s.name) {
		switch {
		case c == '-':
			c = '_'
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		name = append(name, c)
	}
	return string(name)
}

// table returns the declaration, by key. It is a function, and nothing is
// built before it is called: the program starts for every kubectl call.
func table() *[keyCount]spec {
	return &[keyCount]spec{
		keyIssuerURL:           {"oidc-issuer-url", kindText, anywhere, bundled | identifying, "", "Address of the OpenID Provider (required, or exchange-url)"},
		keyExchangeURL:         {"exchange-url", kindText, anywhere, bundled | identifying, "", "Address of a service that takes a directory's passwords, instead of an OpenID Provider"},
		keyImported:            {"imported", kindText, inFlag, bundled | identifying, "", "ID of a credential that kubecred import took in, instead of an issuer; goes alone"},
		keyExchangeProfile:     {"exchange-profile", kindText, anywhere, bundled | identifying, "oauth2", "[exchange] How the exchange is spoken with: oauth2, basic or native"},
		keyCredential:          {"credential", kindText, anywhere, identifying, "", "[exchange] What to get: token or certificate (default token; certificate from a native exchange)"},
		keyExchangeCluster:     {"exchange-cluster", kindText, anywhere, identifying, "", "[exchange] The exchange's name for the cluster that a certificate is for"},
		keyClientID:            {"oidc-client-id", kindText, anywhere, bundled | identifying, "", "Client ID at the provider (required; kubernetes at an exchange)"},
		keyClientSecret:        {"oidc-client-secret", kindText, inFlag | inVariable, bundled | confidential, "", "Client secret; better in KUBECRED_OIDC_CLIENT_SECRET or a profile"},
		keyClientSecretFile:    {"oidc-client-secret-file", kindText, inProfile, bundled | pathlike, "", "File that holds the client secret"},
		keyClientSecretCommand: {"oidc-client-secret-command", kindItems, inProfile, bundled, "", "Program and arguments that print the client secret"},
		keyAuthMethod:          {"oidc-client-auth-method", kindText, anywhere, bundled, "auto", "How the client authenticates: auto, none, client_secret_basic, client_secret_post or private_key_jwt"},
		keyAssertionKeyFile:    {"oidc-assertion-key-file", kindText, inProfile, bundled | pathlike, "", "File that holds the PEM key for private_key_jwt"},
		keyAssertionKeyID:      {"oidc-assertion-key-id", kindText, inProfile, bundled, "", "The kid of that key"},
		keyRedirectURL:         {"oidc-redirect-url", kindText, anywhere, 0, "", "[authcode, authcode-keyboard] Redirect URL as registered with the provider (default http://localhost and the port)"},
		keyExtraScope:          {"oidc-extra-scope", kindWords, anywhere | inCluster, identifying, "", "Scopes to ask for besides openid"},
		keyUseAccessToken:      {"oidc-use-access-token", kindToggle, anywhere, identifying, "", "Give the cluster the access token instead of the ID token"},
		keyRequestHeader:       {"oidc-request-header", kindPairs, anywhere, bundled | identifying | confidential, "", "HTTP headers to send to the provider"},
		keyAudience:            {"audience", kindText, anywhere | inCluster, identifying, "", "Audience to ask the token for, sent as the audience parameter"},
		keyAccount:             {"account", kindText, anywhere, identifying, "", "Account to sign in as; a token for another is refused"},
		keyProfile:             {"profile", kindText, inFlag | inVariable | inCluster, 0, "", "Profile of the configuration file to take settings from"},
		keyForceRefresh:        {"force-refresh", kindToggle, inFlag | inVariable, 0, "", "Renew the credential though it has not expired"},
		keyCacheDir:            {"token-cache-dir", kindText, anywhere, pathlike, "", "Folder of the cache (default \"kubecred\" in the user's cache folder)"},
		keyStorage:             {"token-cache-storage", kindText, anywhere, 0, "auto", "Where credentials are kept: auto, keyring, file (or disk) or none"},
		keyKernel:              {"kernel-keyring", kindText, anywhere, 0, "auto", "[Linux] Whether the kernel's keyring may hold the data key: auto (not in containers), on or off"},
		keyCA:                  {"certificate-authority", kindItems, anywhere, bundled | identifying | pathlike, "", "PEM file of a certificate authority to trust instead of the system's"},
		keyCAData:              {"certificate-authority-data", kindItems, anywhere, bundled | identifying, "", "The same as base64 data"},
		keySystemRoots:         {"add-system-roots", kindToggle, anywhere, bundled | identifying, "", "Trust the system's certificate authorities besides the given ones"},
		keySkipTLSVerify:       {"insecure-skip-tls-verify", kindToggle, inFlag | inProfile, bundled | identifying, "", "[INSECURE] Do not check the provider's certificate"},
		keyRenegotiateOnce:     {"tls-renegotiation-once", kindToggle, anywhere, bundled, "", "Let the server renegotiate TLS once per connection"},
		keyRenegotiateFreely:   {"tls-renegotiation-freely", kindToggle, anywhere, bundled, "", "Let the server renegotiate TLS at will"},
		keyPKCE:                {"oidc-pkce-method", kindText, inFlag | inProfile, 0, "auto", "PKCE code challenge method: auto, no or S256"},
		keyUsePKCE:             {"oidc-use-pkce", kindToggle, inFlag, hidden, "", "The old name of --oidc-pkce-method=S256"},
		keyGrant:               {"grant-type", kindText, anywhere, 0, "auto", "How to sign in: auto, authcode, authcode-keyboard, password, device-code or client-credentials"},
		keyListenAddress:       {"listen-address", kindWords, anywhere, 0, "127.0.0.1:8000,127.0.0.1:18000", "[authcode] Loopback addresses to wait for the browser at; the first free one is taken"},
		keySkipOpenBrowser:     {"skip-open-browser", kindToggle, anywhere, 0, "", "[authcode] Show the address instead of opening a browser"},
		keyBrowserCommand:      {"browser-command", kindText, inFlag | inProfile, 0, "", "[authcode] Program to open the browser with, run without a shell"},
		keyTimeout:             {"authentication-timeout-sec", kindNumber, anywhere, 0, "180", "[authcode] Seconds to wait for the person at the browser"},
		keyLocalServerCert:     {"local-server-cert", kindText, anywhere, pathlike, "", "[authcode] PEM certificate of the local server, for https redirects"},
		keyLocalServerKey:      {"local-server-key", kindText, anywhere, pathlike, "", "[authcode] PEM key of the local server"},
		keyOpenURL:             {"open-url-after-authentication", kindText, anywhere, 0, "", "[authcode] Address to show in the browser after signing in"},
		keyExtraParams:         {"oidc-auth-request-extra-params", kindPairs, anywhere, identifying | confidential, "", "[authcode, authcode-keyboard, client-credentials] Parameters to add to the authorization request"},
		keyUsername:            {"username", kindText, anywhere, identifying, "", "[password] User name"},
		keyPassword:            {"password", kindText, inFlag | inVariable, confidential, "", "[password] Password; better typed when asked for"},
		keyPasswordFile:        {"password-file", kindText, inProfile, bundled | pathlike, "", "File that holds the password"},
		keyPasswordCommand:     {"password-command", kindItems, inProfile, bundled, "", "Program and arguments that print the password"},
		keyExecAPIVersion:      {"exec-api-version", kindText, inFlag | inVariable, 0, "v1", "Version of ExecCredential for clients that ask for none: v1 or v1beta1"},
		keyVerbosity:           {"v", kindNumber, inFlag, 0, "0", "Level of detail of the log"},
	}
}

// ignoredToggles and ignoredTexts are the logging flags that int128/kubelogin
// takes from klog. A kubeconfig that names them keeps working; they do nothing.
func ignoredToggles() []string {
	return []string{"add_dir_header", "alsologtostderr", "logtostderr", "one_output", "skip_headers", "skip_log_headers"}
}

func ignoredTexts() []string {
	return []string{"log_backtrace_at", "log_dir", "log_file", "log_file_max_size", "stderrthreshold", "vmodule"}
}
