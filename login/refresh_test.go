package login

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/secret"
)

func TestRefresh(t *testing.T) {
	p := oidctest.Start(t)
	c := discovered(t, p)
	first := signedIn(t, p, c)
	second, err := c.Refresh(within(t), first.RefreshToken, first.Claims.Subject)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken.Empty() || second.RefreshToken.Equal(first.RefreshToken) || second.IDToken.Empty() || second.Claims.Subject != "user-1" {
		t.Errorf("tokens = %+v", second)
	}
	// x/oauth2 sends no scope; Okta wants openid.
	sent := p.Requests(oidctest.Token)[1].Form
	if sent.Get("scope") != "openid email profile offline_access" || sent.Has("access_type") {
		t.Errorf("sent %v", sent)
	}
	// The first is spent: only this answer means that a login helps.
	_, err = c.Refresh(within(t), first.RefreshToken, "")
	if !errors.Is(err, ErrSessionEnded) || wantError[*OAuthError](t, err).Code != "invalid_grant" {
		t.Errorf("error = %v", err)
	}
}

func TestRefreshAtOkta(t *testing.T) {
	p := oidctest.Start(t, func(c *oidctest.Config) { c.RefreshNeedsOpenID = true })
	c := discovered(t, p)
	if _, err := c.Refresh(within(t), signedIn(t, p, c).RefreshToken, ""); err != nil {
		t.Error(err)
	}
}

func TestRefreshKeepsTheOldToken(t *testing.T) {
	p := oidctest.Start(t, oidctest.NoRotation())
	c := discovered(t, p)
	first := signedIn(t, p, c)
	second, err := c.Refresh(within(t), first.RefreshToken, "user-1")
	if err != nil || !second.RefreshToken.Equal(first.RefreshToken) {
		t.Errorf("the refresh token was lost: %v", err)
	}
}

// A caller's patience may end, or they may press Ctrl-C, while the provider
// already rotates: what it answers then is not lost.
func TestRefreshOutlivesItsCaller(t *testing.T) {
	p := oidctest.Start(t)
	c := discovered(t, p)
	first := signedIn(t, p, c)
	ctx, cancel := context.WithCancel(within(t))
	p.Apply(oidctest.Break(oidctest.Token, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		cancel()
		serve(w, r)
	}))
	second, err := c.Refresh(ctx, first.RefreshToken, "user-1")
	if err != nil || second.RefreshToken.Empty() || second.RefreshToken.Equal(first.RefreshToken) {
		t.Errorf("tokens = %+v, error = %v", second, err)
	}
	// But nothing is begun any more.
	if _, err := c.Refresh(ctx, second.RefreshToken, "user-1"); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	if n := p.CountGrant(oidctest.GrantRefresh); n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

func TestOutliveEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	longer, stop := outlive(ctx, 10*time.Millisecond)
	defer stop()
	if longer.Err() != nil {
		t.Fatal("it ended before its caller")
	}
	cancel()
	select {
	case <-longer.Done():
	case <-within(t).Done():
		t.Error("it goes on for ever")
	}
	longer, stop = outlive(t.Context(), time.Hour)
	if stop(); longer.Err() == nil {
		t.Error("it goes on after its end")
	}
}

func TestRefreshWithoutToken(t *testing.T) {
	p := oidctest.Start(t)
	_, err := discovered(t, p).Refresh(within(t), secret.Text{}, "")
	if !errors.Is(err, ErrSessionEnded) || p.Count(oidctest.Token) != 0 {
		t.Errorf("error = %v", err)
	}
}

// int128/kubelogin opens the browser when a refresh meets a 503. Here only
// invalid_grant means that the session is over.
func TestRefreshFailuresThatAreNotTheEnd(t *testing.T) {
	network, provider, oauth := new(*NetworkError), new(*ProviderError), new(*OAuthError)
	for name, test := range map[string]struct {
		fault oidctest.Fault
		as    any
	}{
		"503":                    {oidctest.Status(503, 1), network},
		"500 with invalid_grant": {oidctest.Refuse(500, "invalid_grant", "", nil), network},
		"429":                    {oidctest.Status(429, 1), network},
		"lost":                   {oidctest.LostResponse(), network},
		"half":                   {oidctest.HalfResponse(), network},
		"portal":                 {oidctest.NotJSON(), provider},
		"403":                    {oidctest.Status(403, 0), provider},
		"invalid_client":         {oidctest.Refuse(401, "invalid_client", "", nil), oauth},
		"interaction_required":   {oidctest.Refuse(400, "interaction_required", "", nil), oauth},
		"invalid_scope":          {oidctest.Refuse(400, "invalid_scope", "", nil), oauth},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t)
			c := discovered(t, p)
			first := signedIn(t, p, c)
			p.Apply(oidctest.Break(oidctest.Token, test.fault))
			_, err := c.Refresh(within(t), first.RefreshToken, "user-1")
			if errors.Is(err, ErrSessionEnded) || !errors.As(err, test.as) || strings.Contains(err.Error(), first.RefreshToken.Reveal()) {
				t.Errorf("error = %v (%T)", err, err)
			}
			// x/oauth2 sent it again after a lost response.
			if n := p.CountGrant(oidctest.GrantRefresh); n != 1 {
				t.Errorf("the refresh token was sent %d times", n)
			}
		})
	}
}

// A connection that is closed under a request is one that net/http would like
// to try again on a new one.
func TestRefreshIsSentOnceOverAReusedConnection(t *testing.T) {
	for _, options := range [][]oidctest.Option{nil, {oidctest.TLS()}} { // HTTP/1.1 and HTTP/2
		p := oidctest.Start(t, options...)
		c := discovered(t, p)
		first := signedIn(t, p, c)
		p.Apply(oidctest.Break(oidctest.Token, oidctest.Nth(1, oidctest.LostResponse())))
		_, err := c.Refresh(within(t), first.RefreshToken, "")
		if wantError[*NetworkError](t, err); p.CountGrant(oidctest.GrantRefresh) != 1 {
			t.Errorf("the refresh token was sent %d times", p.CountGrant(oidctest.GrantRefresh))
		}
		// A later try finds it spent, and then a login follows.
		_, err = c.Refresh(within(t), first.RefreshToken, "")
		if !errors.Is(err, ErrSessionEnded) {
			t.Errorf("error = %v", err)
		}
	}
}

// Entra ID may, and older PingFederate does, leave it out.
func TestRefreshWithoutIDToken(t *testing.T) {
	p := oidctest.Start(t, oidctest.NoIDTokenOnRefresh())
	c := discovered(t, p)
	first := signedIn(t, p, c)
	_, err := c.Refresh(within(t), first.RefreshToken, "user-1")
	if !errors.Is(err, ErrNoIDToken) || errors.Is(err, ErrSessionEnded) || !strings.Contains(err.Error(), "on refresh") {
		t.Errorf("error = %v", err)
	}
	// With the access token served, none is needed, and none is missed.
	c = discovered(t, p, func(c *Config) { c.UseAccessToken, c.Account = true, "alice" })
	first = signedIn(t, p, c)
	second, err := c.Refresh(within(t), first.RefreshToken, first.Claims.Subject)
	if err != nil || second.Served().Empty() || second.Served().Equal(first.Served()) || second.Claims.Subject != "user-1" {
		t.Errorf("tokens = %v, %v", second, err)
	}
	// Entra ID's subjects differ by application.
	p.Apply(oidctest.JWTAccessTokens())
	third, err := c.Refresh(within(t), second.RefreshToken, "the subject in the ID token")
	if err != nil || third.Claims.Subject != "the subject in the ID token" || third.Claims.Email != "alice@example.com" {
		t.Errorf("tokens = %v, %v", third, err)
	}
	p.Apply(oidctest.SignWith(oidctest.SignForeign))
	_, err = c.Refresh(within(t), third.RefreshToken, "")
	wantError[*VerifyError](t, err)
}

// OpenID Connect Core 1.0, section 12.2.
func TestRefreshForSomeoneElse(t *testing.T) {
	p := oidctest.Start(t, oidctest.SubjectChanges())
	c := discovered(t, p)
	first := signedIn(t, p, c)
	_, err := c.Refresh(within(t), first.RefreshToken, first.Claims.Subject)
	if wrong := wantError[*WrongAccountError](t, err); wrong.Want != "user-1" || errors.Is(err, ErrSessionEnded) {
		t.Errorf("error = %v", err)
	}
}

// A refreshed ID token has no nonce, an old auth_time, and everything else.
func TestRefreshVerifies(t *testing.T) {
	p := oidctest.Start(t)
	c := discovered(t, p, func(c *Config) { c.ExtraParams = map[string]string{"max_age": "0"} })
	refresh := signedIn(t, p, c).RefreshToken
	p.Apply(oidctest.Claim("auth_time", 0))
	next, err := c.Refresh(within(t), refresh, "user-1")
	if err != nil {
		t.Fatal(err)
	}
	p.Apply(oidctest.Claim("aud", "another"))
	_, err = c.Refresh(within(t), next.RefreshToken, "user-1")
	wantError[*VerifyError](t, err)
}

// The keys are fetched before the refresh token is spent.
func TestRefreshIsNotSpentWithoutKeys(t *testing.T) {
	p := oidctest.Start(t)
	refresh := signedIn(t, p, discovered(t, p)).RefreshToken
	p.Apply(oidctest.Break(oidctest.JWKS, oidctest.Nth(1, oidctest.Status(503, 0))))
	c := discovered(t, p)
	_, err := c.Refresh(within(t), refresh, "")
	wantError[*NetworkError](t, err)
	if _, err := c.Refresh(within(t), refresh, ""); err != nil {
		t.Errorf("the refresh token was spent for nothing: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	p := oidctest.Start(t)
	c := discovered(t, p)
	first := signedIn(t, p, c)
	if err := c.Revoke(within(t), first.RefreshToken, first.AccessToken); err != nil {
		t.Fatal(err)
	}
	sent := p.Requests(oidctest.Revoke)
	if len(sent) != 2 || sent[0].Form.Get("token") != first.RefreshToken.Reveal() || sent[0].Form.Get("token_type_hint") != "refresh_token" ||
		sent[1].Form.Get("token") != first.AccessToken.Reveal() || sent[1].Form.Get("token_type_hint") != "access_token" {
		t.Errorf("sent %v", sent)
	}
	if _, err := c.Refresh(within(t), first.RefreshToken, ""); !errors.Is(err, ErrSessionEnded) {
		t.Errorf("error = %v", err)
	}
	if err := c.Revoke(within(t), secret.Text{}, secret.Text{}); err != nil || p.Count(oidctest.Revoke) != 2 {
		t.Errorf("nothing to revoke: %v", err)
	}
}

func TestRevokeFailures(t *testing.T) {
	refresh, access := secret.New("canary-refresh"), secret.New("canary-access")
	for name, test := range map[string]struct {
		option oidctest.Option
		as     any // nil: no error
	}{
		"no endpoint":      {oidctest.NoRevocation(), new(*UnsupportedError)}, // Dex
		"503":              {oidctest.Break(oidctest.Revoke, oidctest.Status(503, 1)), new(*NetworkError)},
		"404":              {oidctest.Break(oidctest.Revoke, oidctest.Status(404, 0)), new(*ProviderError)},
		"refused":          {oidctest.Break(oidctest.Revoke, oidctest.Nth(1, oidctest.Refuse(400, "invalid_request", "the token canary-refresh", nil))), new(*OAuthError)},
		"odd success":      {oidctest.Break(oidctest.Revoke, oidctest.Body(204, "text/html", "<p>")), nil},
		"access token not": {oidctest.Break(oidctest.Revoke, oidctest.Nth(2, oidctest.Refuse(400, "unsupported_token_type", "", nil))), nil},
	} {
		p := oidctest.Start(t, test.option)
		err := discovered(t, p).Revoke(within(t), refresh, access)
		if (err == nil) != (test.as == nil) || err != nil && (!errors.As(err, test.as) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v (%T)", name, err, err)
		}
		if name == "503" && p.Count(oidctest.Revoke) != 2 {
			t.Error("the access token was not tried after the refresh token")
		}
	}
}
