package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Request is one that the provider answered.
type Request struct {
	Route   string // discovery, jwks, authorization, token, device_authorization, revocation …
	Grant   string // the grant_type of a token request
	Client  string
	Account string // whose, where the provider knew
	Status  int
	Error   string            // the OAuth 2 error code it was answered with
	Params  map[string]string // the harmless ones
}

// Requests lists what was asked so far for one person, or for all where account is "".
func (p *Provider) Requests(ctx context.Context, account string) ([]Request, error) {
	var all, theirs []Request
	if err := p.ask(ctx, "/requests", nil, &all); err != nil {
		return nil, err
	}
	for _, r := range all {
		if account == "" || r.Account == account {
			theirs = append(theirs, r)
		}
	}
	return theirs, nil
}

// ApproveDevice is the person of the device flow, signed in and saying yes to a user code.
func (p *Provider) ApproveDevice(ctx context.Context, userCode, account string) error {
	return p.ask(ctx, "/device", url.Values{"user_code": {userCode}, "account": {account}}, nil)
}

// DenyDevice is the same person saying no.
func (p *Provider) DenyDevice(ctx context.Context, userCode string) error {
	return p.ask(ctx, "/device", url.Values{"user_code": {userCode}, "deny": {"yes"}}, nil)
}

// Revoke ends every session of a person, as an administrator would.
func (p *Provider) Revoke(ctx context.Context, account string) error {
	return p.ask(ctx, "/revoke", url.Values{"account": {account}}, nil)
}

// RotateKeys makes the provider sign with a new key; the old one stays published.
func (p *Provider) RotateKeys(ctx context.Context) error {
	return p.ask(ctx, "/keys", nil, nil)
}

// ReplaceKeys makes the provider sign with a new key, and takes the old one away: whoever has fetched
// the keys since does not believe the tokens from before.
func (p *Provider) ReplaceKeys(ctx context.Context) error {
	return p.ask(ctx, "/keys", url.Values{"drop": {"yes"}}, nil)
}

func (p *Provider) ask(ctx context.Context, path string, query url.Values, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.admin+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the provider's %s: %s", path, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
