package settings

// From picked values to Settings: each is checked and brought into its form,
// and values that contradict each other are refused.

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
)

// build fills r.settings.
func (r *resolution) build() error {
	for _, step := range []func() error{
		r.checkAll, r.expandPaths, r.setProvider, r.setClient, r.setTLS, r.setCA,
		r.setRequest, r.setGrant, r.setListener, r.setCache, r.setSecrets, r.contradictions, r.exchangeContradictions,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	r.setIdentity()
	return nil
}

// checkAll holds what is true of every value.
func (r *resolution) checkAll() error {
	for k := range r.picked {
		p := &r.picked[k]
		if len(p.list) > maxListed || len(p.pairs) > maxListed {
			return r.wrong(key(k), Invalid, fmt.Sprintf("has more than %d elements", maxListed))
		}
		err := checkText(p.text)
		for i := 0; i < len(p.list) && err == nil; i++ {
			if key(k) != keyCAData { // base64, and long: bounded in ca.go
				err = checkText(p.list[i])
			}
		}
		if err != nil {
			return r.wrong(key(k), Invalid, err.Error())
		}
	}
	return nil
}

// expandPaths makes every path absolute. The policy's must be so already.
func (r *resolution) expandPaths() error {
	for k := range r.picked {
		if r.specs[k].is&pathlike == 0 {
			continue
		}
		p, base := &r.picked[k], ""
		if p.from != nil {
			base = p.from.base
		}
		if p.forced {
			base = filepath.Dir(r.policy.path)
		}
		paths := slices.Clone(p.list) // the source's own list stays as it was given
		for i := range paths {
			if err := r.expandOne(key(k), &paths[i], base); err != nil {
				return err
			}
		}
		p.list = paths
		if err := r.expandOne(key(k), &p.text, base); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolution) expandOne(k key, path *string, base string) error {
	if *path == "" {
		return nil
	}
	expanded, err := r.files.expand(*path, base)
	if err != nil {
		return r.wrong(k, Invalid, err.Error())
	}
	*path = expanded
	return nil
}

func (r *resolution) setProvider() (err error) {
	s := r.settings
	address := r.address()
	s.IssuerURL, s.ClientID = r.picked[address].text, r.picked[keyClientID].text
	s.IssuerSource = r.source(address)
	if r.imported() {
		s.IssuerURL, s.ClientID = "", ""
		s.Imported, err = convert(r, keyImported, imported)
		return err
	}
	if s.IssuerURL == "" {
		if r.in.Loose {
			return nil
		}
		return r.wrong(keyIssuerURL, Missing, "is required, or exchange-url")
	}
	if err := checkIssuer(s.IssuerURL); err != nil {
		return r.wrong(address, Invalid, err.Error())
	}
	if err := r.setExchange(address); err != nil {
		return err
	}
	s.IssuerVouched = s.IssuerSource.owned() || r.policy.vouches(s.IssuerURL, s.Exchange)
	if s.ClientID == "" && !r.in.Loose {
		return r.wrong(keyClientID, Missing, "is required where the issuer is given")
	}
	return nil
}

func (r *resolution) setClient() (err error) {
	s := r.settings
	if s.AuthMethod, err = convert(r, keyAuthMethod, authMethod); err != nil {
		return err
	}
	s.AssertionKeyFile, s.AssertionKeyID = r.picked[keyAssertionKeyFile].text, r.picked[keyAssertionKeyID].text
	for _, k := range []key{keyClientSecretCommand, keyPasswordCommand} {
		if err := r.expandCommand(k); err != nil {
			return err
		}
	}
	return nil
}

// expandCommand wants an absolute program: PATH may be a kubeconfig's.
func (r *resolution) expandCommand(k key) error {
	p := &r.picked[k]
	if len(p.list) == 0 {
		return nil
	}
	p.list = slices.Clone(p.list)
	program := p.list[0]
	if !strings.HasPrefix(program, "~") && !filepath.IsAbs(program) {
		return r.wrong(k, Invalid, "must begin with the program's absolute path")
	}
	return r.expandOne(k, &p.list[0], "")
}

func (r *resolution) setTLS() error {
	s := r.settings
	s.InsecureSkipTLSVerify = r.picked[keySkipTLSVerify].on
	_, s.ForeignTrust = r.foreignTrust()
	s.Proxy = r.policy.proxy
	switch {
	case r.picked[keyRenegotiateOnce].on: // both given: the narrower one, as kubelogin does
		s.Renegotiation = tls.RenegotiateOnceAsClient
	case r.picked[keyRenegotiateFreely].on:
		s.Renegotiation = tls.RenegotiateFreelyAsClient
	}
	for name, content := range r.picked[keyRequestHeader].pairs {
		if err := checkHeader(name, content); err != nil {
			return r.wrong(keyRequestHeader, Invalid, err.Error())
		}
		if s.RequestHeaders == nil {
			s.RequestHeaders = map[string]string{}
		}
		name = http.CanonicalHeaderKey(name)
		if _, twice := s.RequestHeaders[name]; twice {
			return r.wrong(keyRequestHeader, Invalid, name+" is given twice")
		}
		s.RequestHeaders[name] = content
	}
	return nil
}

// setRequest reads what the token is asked for with.
func (r *resolution) setRequest() (err error) {
	s := r.settings
	s.Scopes = []string{"openid"}
	for _, words := range r.picked[keyExtraScope].list {
		for _, scope := range strings.Fields(words) { // "a b" in one flag works with kubelogin
			if err := checkScope(scope); err != nil {
				return r.wrong(keyExtraScope, Invalid, err.Error())
			}
			if !slices.Contains(s.Scopes, scope) {
				s.Scopes = append(s.Scopes, scope)
			}
		}
	}
	s.UseAccessToken = r.picked[keyUseAccessToken].on
	s.Account, s.Audience = r.picked[keyAccount].text, r.picked[keyAudience].text
	s.RedirectURL = r.picked[keyRedirectURL].text
	if err := checkRedirect(s.RedirectURL); err != nil {
		return r.wrong(keyRedirectURL, Invalid, err.Error())
	}
	if s.PKCE, err = convert(r, keyPKCE, pkce); err != nil {
		return err
	}
	if r.picked[keyUsePKCE].on {
		s.PKCE = "S256"
	}
	return r.setParams()
}

func (r *resolution) setParams() error {
	s, given := r.settings, r.picked[keyExtraParams].pairs
	if len(given) == 0 && s.Audience == "" {
		return nil
	}
	s.ExtraParams = map[string]string{}
	for name, content := range given {
		if err := checkParam(name, content); err != nil {
			return r.wrong(keyExtraParams, Invalid, err.Error())
		}
		s.ExtraParams[name] = content
	}
	if s.Audience == "" {
		return nil
	}
	if other, ok := given["audience"]; ok && other != s.Audience {
		return r.wrong(keyExtraParams, Invalid, "names another audience than "+r.source(keyAudience).String())
	}
	s.ExtraParams["audience"] = s.Audience
	return nil
}

func (r *resolution) setGrant() (err error) {
	s := r.settings
	if s.Grant, err = convert(r, keyGrant, grant); err != nil {
		return err
	}
	if s.Exchange != "" && s.Grant == GrantAuto {
		s.Grant = GrantPassword
	}
	s.DeniedGrants = r.policy.grants
	s.Username = r.picked[keyUsername].text
	s.ForceRefresh = r.picked[keyForceRefresh].on
	s.Profile = r.picked[keyProfile].text
	s.Verbosity = r.picked[keyVerbosity].number
	s.ExecAPIVersion, err = convert(r, keyExecAPIVersion, execVersion)
	return err
}

func (r *resolution) setListener() error {
	s := r.settings
	s.ListenAddresses = r.picked[keyListenAddress].list
	for _, address := range s.ListenAddresses {
		if err := checkListen(address); err != nil {
			return r.wrong(keyListenAddress, Invalid, quoted(address)+" "+err.Error())
		}
	}
	s.SkipOpenBrowser, s.BrowserCommand = r.picked[keySkipOpenBrowser].on, r.picked[keyBrowserCommand].text
	seconds := r.picked[keyTimeout].number
	if seconds < 1 || seconds > maxSeconds {
		return r.wrong(keyTimeout, Invalid, fmt.Sprintf("must be between 1 and %d", maxSeconds))
	}
	s.Timeout = time.Duration(seconds) * time.Second
	s.LocalServerCert, s.LocalServerKey = r.picked[keyLocalServerCert].text, r.picked[keyLocalServerKey].text
	if s.OpenURL = r.picked[keyOpenURL].text; s.OpenURL != "" {
		if _, err := httpclient.ParseURL(s.OpenURL); err != nil {
			return r.wrong(keyOpenURL, Invalid, err.Error())
		}
	}
	return nil
}

func (r *resolution) setCache() (err error) {
	s := r.settings
	if s.Storage, err = convert(r, keyStorage, storage); err != nil {
		return err
	}
	if s.KernelKeyring, err = convert(r, keyKernel, kernelKeyring); err != nil {
		return err
	}
	if s.CacheDir = r.picked[keyCacheDir].text; s.CacheDir == "" {
		s.CacheDir = r.files.Cache
	}
	if s.CacheDir == "" && s.Storage != "none" {
		return r.wrong(keyCacheDir, Missing, "is required, since the user's cache folder is not known")
	}
	return nil
}

// contradictions refuses settings that cannot both be meant.
func (r *resolution) contradictions() error {
	s := r.settings
	usesSecret := s.AuthMethod == "client_secret_basic" || s.AuthMethod == "client_secret_post"
	switch {
	case (s.LocalServerCert == "") != (s.LocalServerKey == ""):
		return invalid("local-server-cert and local-server-key go together")
	case s.AuthMethod == "none" && !s.ClientSecret.Empty():
		return r.wrong(keyAuthMethod, Invalid, "none contradicts the client secret that is given")
	case usesSecret && s.ClientSecret.Empty():
		return r.wrong(keyAuthMethod, Invalid, s.AuthMethod+" needs a client secret")
	case s.AuthMethod == "private_key_jwt" && s.AssertionKeyFile == "":
		return r.wrong(keyAuthMethod, Invalid, "private_key_jwt needs oidc-assertion-key-file in a profile")
	case s.Account != "" && s.Grant == GrantClientCredentials:
		return r.wrong(keyAccount, Invalid, "contradicts client-credentials, which signs nobody in")
	case s.Account != "" && s.ExtraParams["login_hint"] != "" && s.ExtraParams["login_hint"] != s.Account:
		return r.wrong(keyAccount, Invalid, "contradicts the login_hint among the extra parameters")
	}
	return nil
}

func (r *resolution) setIdentity() {
	s, id := r.settings, &r.settings.identity
	if s.Imported != "" {
		*id = identity{imported: s.Imported}
		return
	}
	id.issuer, id.client, id.scopes, id.params = s.IssuerURL, s.ClientID, s.Scopes, s.ExtraParams
	id.credential = when(s.UseAccessToken, "access-token") + when(s.Certificate, "certificate")
	id.exchange, id.cluster = string(s.Exchange), s.Cluster
	id.account, id.username = s.Account, s.Username
	id.itself = s.Grant == GrantClientCredentials
	id.systemRoots, id.insecure, id.headers = s.AddSystemRoots, s.InsecureSkipTLSVerify, s.RequestHeaders
}

// convert reads the text of k by one of check.go's functions.
func convert[T any](r *resolution, k key, read func(string) (T, error)) (T, error) {
	v, err := read(r.picked[k].text)
	if err != nil {
		return v, r.wrong(k, Invalid, err.Error())
	}
	return v, nil
}
