package intake

import (
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// Provider is a user that an OpenID Provider signs in: the exec block's
// arguments, and what is sealed beside them.
type Provider struct {
	Args         []string
	ClientSecret secret.Text

	// The session, where the user entry held one.
	Refresh, IDToken secret.Text
	Expiry           time.Time // of IDToken
	Subject, Who     string    // as IDToken says, unverified

	// Stays names flags of Args that hold, or may hold, a secret in plain text.
	Stays []string
	// Dropped names flags about the cache of another program.
	Dropped []string
}

// legacyName is the auth-provider that is taken in. The plugins of the others
// (gcp, azure) left client-go with Kubernetes 1.26.
const legacyName = "oidc"

// LegacyOIDC takes in the config of an auth-provider named oidc (client-go,
// plugin/pkg/client/auth/oidc). Errors: ErrNoIssuer, ErrTooLong.
func LegacyOIDC(config map[string]secret.Text) (Provider, error) {
	for _, value := range config {
		if len(value.Reveal()) > maxCredential {
			return Provider{}, ErrTooLong
		}
	}
	said := func(key string) string { return config[key].Reveal() }
	issuer, client := said("idp-issuer-url"), said("client-id")
	if issuer == "" || client == "" {
		return Provider{}, ErrNoIssuer
	}
	p := Provider{
		Args:         []string{"get-token", "--oidc-issuer-url=" + issuer, "--oidc-client-id=" + client},
		ClientSecret: config["client-secret"],
		Refresh:      config["refresh-token"],
		IDToken:      config["id-token"],
	}
	for scope := range strings.SplitSeq(said("extra-scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" && scope != "openid" {
			p.Args = append(p.Args, "--oidc-extra-scope="+scope)
		}
	}
	switch data, path := said("idp-certificate-authority-data"), said("idp-certificate-authority"); {
	case data != "": // it wins, as in client-go
		p.Args = append(p.Args, "--certificate-authority-data="+data)
	case path != "":
		p.Args = append(p.Args, "--certificate-authority="+path)
	}
	if token, ok := readClaims(said("id-token")); ok {
		p.Expiry, p.Subject, p.Who = token.expiry, token.subject, token.who()
	} else {
		p.IDToken = secret.Text{} // nobody knows until when it lives
	}
	return p, nil
}

// isKubelogin reports whether a command is int128/kubelogin's. Azure's has the
// same name; its arguments tell.
func isKubelogin(command string, args []string) bool {
	switch base(command) {
	case "kubectl":
		return len(args) > 0 && args[0] == "oidc-login"
	case "kubelogin", "kubectl-oidc_login":
		return true
	}
	return false
}

// base is a command's name. A kubeconfig may have been written on another system.
func base(command string) string {
	name := strings.ToLower(command[strings.LastIndexAny(command, `/\`)+1:])
	return strings.TrimSuffix(name, ".exe")
}

// Kubelogin takes in the arguments of an exec block that runs int128/kubelogin.
// They stay as they are, but for what a person must not find in a kubeconfig and
// for kubelogin's own cache: package settings knows the rest.
func Kubelogin(args []string) Provider {
	var p Provider
	args, secrets, _ := without(args, "--oidc-client-secret")
	args, _, p.Dropped = without(args, "--token-cache-storage", "--token-cache-dir")
	if len(secrets) > 0 {
		p.ClientSecret = secret.New(secrets[len(secrets)-1])
	}
	if len(args) > 0 && args[0] == "oidc-login" {
		args = args[1:]
	}
	p.Args = args
	_, _, p.Stays = without(args, "--password", "--oidc-request-header", "--oidc-auth-request-extra-params")
	return p
}

// without returns args without some flags, the values that they had, and the
// names of those that were there.
func without(args []string, names ...string) (kept, values, found []string) {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		if !slices.Contains(names, name) {
			kept = append(kept, args[i])
			continue
		}
		if !joined && i+1 < len(args) {
			i++
			value = args[i]
		}
		values = append(values, value)
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return kept, values, found
}
