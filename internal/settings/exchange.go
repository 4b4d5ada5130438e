package settings

// An exchange stands where an OpenID Provider would: in the bundle, in the
// policy, in an entry's identity. What is different is that a password is the
// only way in, and that there may be a certificate to get.

import "errors"

// defaultClient is who we are to an exchange that keeps no list of clients.
const defaultClient = "kubernetes"

func (r *resolution) setExchange(address key) (err error) {
	s := r.settings
	if address != keyExchangeURL {
		return nil
	}
	if s.Exchange, err = convert(r, keyExchangeProfile, exchange); err != nil {
		return err
	}
	kind, err := convert(r, keyCredential, credential)
	if err != nil {
		return err
	}
	s.Certificate = kind == "certificate" || kind == "" && s.Exchange == ExchangeNative
	if s.Cluster, err = convert(r, keyExchangeCluster, cluster); err != nil {
		return err
	}
	if s.ClientID == "" {
		s.ClientID = defaultClient
	}
	return nil
}

// exchangeContradictions refuses what an exchange cannot be asked for, rather
// than leave it out of the request.
func (r *resolution) exchangeContradictions() error {
	s := r.settings
	oauth := s.Exchange == ExchangeOAuth2
	switch {
	case s.Exchange == "":
		return r.withoutExchange()
	case s.Grant != GrantPassword:
		return r.wrong(keyGrant, Invalid, "contradicts exchange-url: an exchange takes passwords")
	case s.Exchange == ExchangeBasic && s.Certificate:
		return r.wrong(keyCredential, Invalid, "a basic exchange gives no certificates")
	case s.Exchange == ExchangeNative && !s.Certificate:
		return r.wrong(keyCredential, Invalid, "a native exchange gives certificates only")
	case s.Certificate && s.Cluster == "":
		return r.wrong(keyExchangeCluster, Missing, "is required for a certificate")
	case !s.Certificate && s.Cluster != "":
		return r.wrong(keyExchangeCluster, Invalid, "is for certificates; --audience says which cluster a token is for")
	case s.Certificate && s.UseAccessToken:
		return r.wrong(keyUseAccessToken, Invalid, "contradicts the certificate that is asked for")
	case oauth:
		return nil
	}
	for _, k := range []key{keyAudience, keyExtraScope, keyExtraParams, keyUseAccessToken, keyAccount} {
		if r.picked[k].from != nil && !r.picked[k].empty(r.specs[k].kind) {
			return r.wrong(k, Invalid, "is for the exchange profile oauth2, and this one is "+string(s.Exchange))
		}
	}
	return nil
}

// withoutExchange refuses what only an exchange could give.
func (r *resolution) withoutExchange() error {
	for _, k := range []key{keyExchangeProfile, keyCredential, keyExchangeCluster} {
		if r.bundle != nil && r.picked[k].from != nil {
			return r.wrong(k, Invalid, "is for an exchange, and none is named (exchange-url)")
		}
	}
	return nil
}

func exchange(s string) (Exchange, error) {
	switch e := Exchange(s); e {
	case ExchangeOAuth2, ExchangeBasic, ExchangeNative:
		return e, nil
	}
	return "", errors.New("must be oauth2, basic or native")
}

func credential(s string) (string, error) {
	if s != "" && s != "token" && s != "certificate" {
		return "", errors.New("must be token or certificate")
	}
	return s, nil
}

func cluster(s string) (string, error) {
	if s != "" && !isName(s) {
		return "", errors.New("must be a name of up to 64 letters, digits, dots, dashes and underscores")
	}
	return s, nil
}

// what names who is at the address.
func what(e Exchange) string {
	if e != "" {
		return "exchange"
	}
	return "issuer"
}
