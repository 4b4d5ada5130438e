package settings

import (
	"crypto/tls"
	"encoding/base64"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// Each example of int128/kubelogin's docs/usage.md, and each case of its
// command's own tests, means here what it means there.
func TestKubeloginExamples(t *testing.T) {
	p := newPlace(t)
	ca := certificate(t)
	p.write(filepath.Join(p.Home, ".kube/keycloak-ca.pem"), ca).write(filepath.Join(p.Home, ".kube/ca.crt"), ca)
	home := func(path string) string { return filepath.Join(p.Home, path) }
	tests := map[string]struct {
		args  []string
		check func(*Settings) (got, want any)
	}{
		"defaults": {nil, func(s *Settings) (any, any) {
			return []any{s.IssuerURL, s.ClientID, s.Scopes, s.Grant, s.Timeout, s.PKCE, s.UseAccessToken, s.CAPEM == nil, s.Renegotiation, s.RedirectURL},
				[]any{"https://issuer.example", "kubernetes", []string{"openid"}, GrantAuto, 3 * time.Minute, "auto", false, true, tls.RenegotiateNever, ""}
		}},
		"ports": {nil, func(s *Settings) (any, any) {
			return s.ListenAddresses, []string{"127.0.0.1:8000", "127.0.0.1:18000"}
		}},
		"timeout": {[]string{"--authentication-timeout-sec=60"}, func(s *Settings) (any, any) {
			return s.Timeout, time.Minute
		}},
		"extra scopes": {[]string{"--oidc-extra-scope=email", "--oidc-extra-scope=profile"}, func(s *Settings) (any, any) {
			return s.Scopes, []string{"openid", "email", "profile"}
		}},
		"extra scopes in one flag": {[]string{"--oidc-extra-scope", "email,profile", "--oidc-extra-scope", "groups offline_access"}, func(s *Settings) (any, any) {
			return s.Scopes, []string{"openid", "email", "profile", "groups", "offline_access"}
		}},
		"openid again": {[]string{"--oidc-extra-scope=openid,email,email"}, func(s *Settings) (any, any) {
			return s.Scopes, []string{"openid", "email"}
		}},
		"PKCE":         {[]string{"--oidc-pkce-method=S256"}, func(s *Settings) (any, any) { return s.PKCE, "S256" }},
		"PKCE off":     {[]string{"--oidc-pkce-method=no"}, func(s *Settings) (any, any) { return s.PKCE, "no" }},
		"old PKCE":     {[]string{"--oidc-use-pkce"}, func(s *Settings) (any, any) { return s.PKCE, "S256" }},
		"old PKCE off": {[]string{"--oidc-use-pkce", "--oidc-pkce-method=no"}, func(s *Settings) (any, any) { return s.PKCE, "S256" }},
		"headers": {[]string{"--oidc-request-header=Origin=localhost"}, func(s *Settings) (any, any) {
			return s.RequestHeaders, map[string]string{"Origin": "localhost"}
		}},
		"header with a port": {[]string{"--oidc-request-header", "Origin=localhost:8080"}, func(s *Settings) (any, any) {
			return s.RequestHeaders, map[string]string{"Origin": "localhost:8080"}
		}},
		"CA file and data": {
			[]string{"--certificate-authority=" + home(".kube/keycloak-ca.pem"), "--certificate-authority-data=" + base64.StdEncoding.EncodeToString([]byte(ca))},
			func(s *Settings) (any, any) { return string(s.CAPEM), ca + ca },
		},
		"storage keyring": {[]string{"--token-cache-storage=keyring"}, func(s *Settings) (any, any) { return s.Storage, "keyring" }},
		"storage disk":    {[]string{"--token-cache-storage=disk"}, func(s *Settings) (any, any) { return s.Storage, "file" }},
		"storage none":    {[]string{"--token-cache-storage=none"}, func(s *Settings) (any, any) { return s.Storage, "none" }},
		"~": {
			[]string{"--certificate-authority", "~/.kube/ca.crt", "--local-server-cert", "~/.kube/oidc-server.crt", "--local-server-key", "~/.kube/oidc-server.key", "--token-cache-dir", "~/.kube/oidc-cache"},
			func(s *Settings) (any, any) {
				return []string{string(s.CAPEM), s.LocalServerCert, s.LocalServerKey, s.CacheDir},
					[]string{ca, home(".kube/oidc-server.crt"), home(".kube/oidc-server.key"), home(".kube/oidc-cache")}
			},
		},
		"device code": {[]string{"--grant-type=device-code"}, func(s *Settings) (any, any) { return s.Grant, GrantDeviceCode }},
		"authcode":    {[]string{"--grant-type=authcode"}, func(s *Settings) (any, any) { return s.Grant, GrantAuthCode }},
		"browser": {[]string{"--browser-command=google-chrome", "--skip-open-browser"}, func(s *Settings) (any, any) {
			return []any{s.BrowserCommand, s.SkipOpenBrowser}, []any{"google-chrome", true}
		}},
		"listen addresses": {[]string{"--listen-address=127.0.0.1:12345", "--listen-address=127.0.0.1:23456"}, func(s *Settings) (any, any) {
			return s.ListenAddresses, []string{"127.0.0.1:12345", "127.0.0.1:23456"}
		}},
		"redirect URL": {[]string{"--oidc-redirect-url=http://127.0.0.1:8000/"}, func(s *Settings) (any, any) {
			return s.RedirectURL, "http://127.0.0.1:8000/"
		}},
		"redirect URL of a local name": {[]string{"--oidc-redirect-url=http://your-local-hostname:8000/"}, func(s *Settings) (any, any) {
			return s.RedirectURL, "http://your-local-hostname:8000/"
		}},
		"keyboard": {[]string{"--grant-type=authcode-keyboard", "--oidc-redirect-url=urn:ietf:wg:oauth:2.0:oob"}, func(s *Settings) (any, any) {
			return []any{s.Grant, s.RedirectURL}, []any{GrantAuthCodeKeyboard, "urn:ietf:wg:oauth:2.0:oob"}
		}},
		"keyboard on localhost": {[]string{"--grant-type=authcode-keyboard", "--oidc-redirect-url=http://localhost"}, func(s *Settings) (any, any) {
			return s.RedirectURL, "http://localhost"
		}},
		"relative certificate": {[]string{"--local-server-cert=localhost.crt", "--local-server-key=localhost.key"}, func(s *Settings) (any, any) {
			return filepath.IsAbs(s.LocalServerCert) && filepath.Base(s.LocalServerCert) == "localhost.crt", true
		}},
		"extra params": {[]string{"--oidc-auth-request-extra-params=ttl=86400", "--oidc-auth-request-extra-params", "reauth=true"}, func(s *Settings) (any, any) {
			return s.ExtraParams, map[string]string{"ttl": "86400", "reauth": "true"}
		}},
		"client credentials": {
			[]string{"--grant-type", "client-credentials", "--oidc-auth-request-extra-params", "audience=https://example.com/service1", "--oidc-auth-request-extra-params", "jti=myUUID"},
			func(s *Settings) (any, any) {
				return []any{s.Grant, s.ExtraParams}, []any{GrantClientCredentials, map[string]string{"audience": "https://example.com/service1", "jti": "myUUID"}}
			},
		},
		"page afterwards": {[]string{"--open-url-after-authentication=https://example.com/success.html"}, func(s *Settings) (any, any) {
			return s.OpenURL, "https://example.com/success.html"
		}},
		"password": {[]string{"--username=USERNAME", "--password=PASSWORD"}, func(s *Settings) (any, any) {
			return []any{s.Username, s.Password.Text.Reveal(), s.ExposedSecrets}, []any{"USERNAME", "PASSWORD", []string{"password"}}
		}},
		"user name alone": {[]string{"--username=USERNAME"}, func(s *Settings) (any, any) {
			return []any{s.Username, s.Password.Empty()}, []any{"USERNAME", true}
		}},
		"password grant alone": {[]string{"--grant-type=password"}, func(s *Settings) (any, any) {
			return []any{s.Grant, s.Username}, []any{GrantPassword, ""}
		}},
		"secret": {[]string{"--oidc-client-secret", "YOUR_CLIENT_SECRET"}, func(s *Settings) (any, any) {
			return []any{s.ClientSecret.Text.Reveal(), s.ExposedSecrets}, []any{"YOUR_CLIENT_SECRET", []string{"oidc-client-secret"}}
		}},
		"access token":  {[]string{"--oidc-use-access-token=true"}, func(s *Settings) (any, any) { return s.UseAccessToken, true }},
		"force refresh": {[]string{"--force-refresh"}, func(s *Settings) (any, any) { return s.ForceRefresh, true }},
		"skip verify":   {[]string{"--insecure-skip-tls-verify"}, func(s *Settings) (any, any) { return s.InsecureSkipTLSVerify, true }},
		"renegotiate once": {[]string{"--tls-renegotiation-once"}, func(s *Settings) (any, any) {
			return s.Renegotiation, tls.RenegotiateOnceAsClient
		}},
		"renegotiate freely": {[]string{"--tls-renegotiation-freely"}, func(s *Settings) (any, any) {
			return s.Renegotiation, tls.RenegotiateFreelyAsClient
		}},
		"verbosity":         {[]string{"-v1"}, func(s *Settings) (any, any) { return s.Verbosity, 1 }},
		"verbosity spelled": {[]string{"--v=9"}, func(s *Settings) (any, any) { return s.Verbosity, 9 }},
		"klog's flags": {[]string{"--logtostderr", "--vmodule=a=1", "--stderrthreshold=2", "--log_file=/tmp/x"}, func(s *Settings) (any, any) {
			return s.Verbosity, 0
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := mustResolve(t, Input{Flags: usual(t, test.args...), Files: p.Files})
			if got, want := test.check(s); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// The listener of the Docker example would be open to the network.
func TestListenerStaysOnLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:8000", ":8000", "[::]:8000", "192.0.2.1:8000", "example.com:8000", "8000", "localhost:99999", "localhost:http"} {
		mustRefuse(t, Input{Flags: usual(t, "--listen-address="+address)}, Invalid, "listen-address")
	}
	for _, address := range []string{"[::1]:8000", "localhost:0", "127.0.0.2:8000"} {
		mustResolve(t, Input{Flags: usual(t, "--listen-address="+address)})
	}
}

// Without a user name and a password grant "auto" is decided by surroundings.
func TestMandatory(t *testing.T) {
	mustRefuse(t, Input{}, Missing, "oidc-issuer-url")
	mustRefuse(t, Input{Flags: args(t, clientFlag)}, Missing, "oidc-issuer-url")
	mustRefuse(t, Input{Flags: args(t, issuerFlag)}, Missing, "oidc-client-id")
	mustRefuse(t, Input{Flags: args(t, "--oidc-issuer-url=", clientFlag)}, Missing, "oidc-issuer-url")
	s := mustResolve(t, Input{Loose: true, Flags: args(t, "--token-cache-dir=/x")})
	if s.CacheDir != "/x" || s.Identity() != nil {
		t.Errorf("CacheDir %q, Identity %q", s.CacheDir, s.Identity())
	}
}
