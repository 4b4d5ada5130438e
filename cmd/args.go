package cmd

import (
	"crypto/tls"
	"encoding/base64"
	"maps"
	"slices"

	"github.com/kubecred/kubecred/internal/settings"
)

// Settings, written as flags again. Secrets are not among them: a client's
// secret and a password stay where the person keeps them.

// maxSealedCA bounds the certificate authorities that are sealed beside each
// credential, in bytes of PEM: a hit reads them.
const maxSealedCA = 32 << 10

// connection returns the flags that lead to the provider of s.
func connection(s *settings.Settings) []string {
	if s.Imported != "" {
		return []string{"--imported=" + s.Imported}
	}
	if s.IssuerSource.Kind == settings.FromProfile {
		return []string{"--profile=" + s.Profile}
	}
	args := []string{"--oidc-issuer-url=" + s.IssuerURL, "--oidc-client-id=" + s.ClientID}
	if s.Exchange != "" {
		args[0] = "--exchange-url=" + s.IssuerURL
		args = append(args, "--exchange-profile="+string(s.Exchange))
	}
	if s.Exchange == settings.ExchangeNative { // which gives nothing but certificates
		args = append(args, "--exchange-cluster="+s.Cluster)
	}
	if s.AuthMethod != "" {
		args = append(args, "--oidc-client-auth-method="+s.AuthMethod)
	}
	if len(s.CAPEM) > 0 && len(s.CAPEM) <= maxSealedCA {
		args = append(args, "--certificate-authority-data="+base64.StdEncoding.EncodeToString(s.CAPEM))
	}
	args = append(args, toggles(map[string]bool{
		"--add-system-roots":         s.AddSystemRoots && len(s.CAPEM) <= maxSealedCA,
		"--insecure-skip-tls-verify": s.InsecureSkipTLSVerify,
		"--tls-renegotiation-once":   s.Renegotiation == tls.RenegotiateOnceAsClient,
		"--tls-renegotiation-freely": s.Renegotiation == tls.RenegotiateFreelyAsClient,
	})...)
	return args
}

// identity returns the flags that lead to the entry of s, but for headers and
// parameters, which may hold secrets.
func identity(s *settings.Settings) []string {
	args := connection(s)
	for _, scope := range s.Scopes {
		if scope != "openid" {
			args = append(args, "--oidc-extra-scope="+scope)
		}
	}
	for _, text := range []struct{ flag, value string }{
		{"--audience=", s.Audience}, {"--account=", s.Account}, {"--username=", s.Username},
	} {
		if text.value != "" {
			args = append(args, text.flag+text.value)
		}
	}
	if s.Certificate && s.Exchange != settings.ExchangeNative {
		args = append(args, "--credential=certificate", "--exchange-cluster="+s.Cluster)
	}
	if s.Grant != settings.GrantAuto && s.Exchange == "" {
		args = append(args, "--grant-type="+string(s.Grant))
	}
	return append(args, toggles(map[string]bool{"--oidc-use-access-token": s.UseAccessToken})...)
}

func toggles(flags map[string]bool) []string {
	var on []string
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if flags[name] {
			on = append(on, name)
		}
	}
	return on
}
