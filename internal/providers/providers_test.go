package providers

import (
	"slices"
	"testing"
)

func TestProviderOfAnIssuer(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://idp.corp.example/realms/main":                           "keycloak",
		"https://idp.corp.example/auth/realms/main/":                     "keycloak",
		"https://idp.corp.example:8443/realms/main":                      "keycloak",
		"https://cluster.corp.example/dex":                               "dex",
		"https://login.microsoftonline.com/11111111-2222/v2.0":           "entra",
		"https://sts.windows.net/11111111-2222/":                         "entra",
		"https://LOGIN.microsoftonline.com/11111111-2222/v2.0":           "entra",
		"https://corp.okta.com":                                          "okta",
		"https://corp.okta.com/oauth2/default":                           "okta",
		"https://accounts.google.com":                                    "google",
		"https://gitlab.com":                                             "gitlab",
		"https://corp.eu.auth0.com/":                                     "auth0",
		"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab": "cognito",
		"https://auth.pingone.eu/11111111-2222/as":                       "ping",

		"https://issuer.example.com":                           "",
		"https://accounts.google.com.evil.example":             "",
		"https://accounts.google.com.":                         "",
		"https://evil-accounts.google.com":                     "",
		"https://xaccounts.google.com":                         "",
		"https://a.accounts.google.com":                        "",
		"https://accounts.google.com@evil.example":             "",
		"https://accounts.google.com:pw@evil.example":          "",
		"https://evil.example/accounts.google.com":             "",
		"https://evil.example#accounts.google.com":             "",
		"https://evil.example?accounts.google.com":             "",
		"https://evil.example/%2Frealms%2Fmain":                "",
		"https://accounts.google.com:8443":                     "",
		"https://accounts.google.com?a=b":                      "",
		"https://accounts.google.com#a":                        "",
		"https://me@accounts.google.com":                       "",
		"https://accounts.google.com?":                         "",
		"https://accounts\u3002google.com":                     "",
		"http://accounts.google.com":                           "",
		"http://idp.corp.example/realms/main":                  "",
		"accounts.google.com":                                  "",
		"//accounts.google.com":                                "",
		"https://okta.com":                                     "",
		"https://.okta.com":                                    "",
		"https://evilokta.com":                                 "",
		"https://corp.okta.com.evil.example":                   "",
		"https://cognito-idp.bucket.s3.amazonaws.com":          "",
		"https://cognito-idp..amazonaws.com":                   "",
		"https://x.cognito-idp.eu-central-1.amazonaws.com":     "",
		"https://cognito-idp.eu-central-1.amazonaws.com.evil.": "",
		"https://idp.corp.example/my-realms/main":              "",
		"https://idp.corp.example/realms":                      "keycloak",
		"https://idp.corp.example/index":                       "",
		"https://idp.corp.example/dexter":                      "",
		"":                                                     "",
		"https://":                                             "",
		"https://:443/realms/main":                             "",
		"https:///realms/main":                                 "",
		"https://%zz":                                          "",
	} {
		if p, ok := For(issuer); p.Name != want || ok != (want != "") {
			t.Errorf("%s is %q, want %q", issuer, p.Name, want)
		}
	}
}

func TestNames(t *testing.T) {
	want := []string{"keycloak", "dex", "gitlab", "ping", "entra", "okta", "google", "auth0", "cognito"}
	var got []string
	for _, p := range All() {
		got = append(got, p.Name)
		if named, ok := Named(p.Name); !ok || named.Title != p.Title || p.Title == "" {
			t.Errorf("%s is found as %q", p.Name, named.Title)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if p, ok := Named("Google"); ok {
		t.Errorf("Google is %q", p.Name)
	}
}
