package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// SignIn is a person without a browser: it follows the provider's pages from an authorization URL,
// types a name and a password, consents, and returns the address that the provider then sends the
// browser to, which is the client's redirect URI with a code in it. That address is not visited.
func (p *Provider) SignIn(ctx context.Context, authorizationURL, account string) (string, error) {
	visit := &visit{client: p.HTTP()}
	visit.client.Jar, _ = cookiejar.New(nil) // it never fails
	visit.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), p.Issuer+"/") {
			return http.ErrUseLastResponse
		}
		return nil
	}
	if err := visit.get(ctx, authorizationURL); err != nil {
		return "", err
	}
	for range 4 { // signing in and consenting are two; a provider that asks for more is broken
		if visit.left != "" {
			return visit.left, nil
		}
		if err := visit.submit(ctx, account); err != nil {
			return "", err
		}
	}
	return "", errors.New("the provider asks for more than a sign-in and a consent")
}

// HTTP is a client that trusts the provider's authority alone.
func (p *Provider) HTTP() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.CA)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// Token asks the token endpoint directly, with a client's identifier and secret in the form.
func (p *Provider) Token(ctx context.Context, form url.Values) (map[string]any, error) {
	visit := &visit{client: p.HTTP()}
	if err := visit.post(ctx, p.Issuer+"/token", form); err != nil {
		return nil, err
	}
	var tokens map[string]any
	return tokens, json.Unmarshal([]byte(visit.page), &tokens)
}

// visit is where the person is.
type visit struct {
	client *http.Client
	at     *url.URL
	page   string
	left   string // where the provider sent the browser, once that is elsewhere
}

func (v *visit) get(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	return v.do(request)
}

func (v *visit) post(ctx context.Context, address string, form url.Values) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(request)
}

func (v *visit) do(request *http.Request) error {
	response, err := v.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	v.at, v.page, v.left = response.Request.URL, string(text), response.Header.Get("Location")
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s answered %s: %s", v.at.Path, response.Status, text)
	}
	return nil
}

// submit fills in the form on the page: a name and a password, or a consent.
func (v *visit) submit(ctx context.Context, account string) error {
	action := regexp.MustCompile(`<form[^>]* action="([^"]+)"`).FindStringSubmatch(v.page)
	prompt := regexp.MustCompile(`name="prompt" value="([^"]+)"`).FindStringSubmatch(v.page)
	if action == nil || prompt == nil {
		return fmt.Errorf("no form on the provider's page %s: %s", v.at.Path, v.page)
	}
	address, err := v.at.Parse(html.UnescapeString(action[1]))
	if err != nil {
		return err
	}
	return v.post(ctx, address.String(), url.Values{
		"prompt": {prompt[1]}, "login": {account}, "password": {Password},
	})
}
