package cmd

import (
	"context"
	"encoding/json"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/setup"
	"github.com/kubecred/kubecred/internal/signin"
)

// signedIn is how the sign-in ended.
type signedIn struct {
	credential signin.Credential
	who        string // and where
}

// signIn goes the way of login, and renews what is cached: what the provider says
// today is to be shown.
func (pl *plan) signIn(ctx context.Context) (signedIn, error) {
	a, s := pl.app, pl.settings
	a.warnOfExposed(pl.person, s.ExposedSecrets)
	if pl.wishes.dryRun {
		return pl.trySignIn(ctx)
	}
	flow, err := a.newFlow(s, pl.person)
	if err != nil {
		return signedIn{}, err
	}
	flow.Force, flow.Deliberate = true, true
	flow.Auth.(interface{ wish(bool, secret.Text) }).wish(false, secret.Text{})
	credential, work, err := a.cached(ctx, flow, pl.person)
	if work != nil {
		credential, err = a.do(ctx, s, flow, work)
	}
	if err != nil {
		return signedIn{}, err
	}
	in := signedIn{credential: credential}
	if record, err := flow.Store.Load(ctx, flow.ID); err == nil {
		in.who = whoIn(record)
	}
	return in, nil
}

// trySignIn keeps nothing, and ends the session that it began.
func (pl *plan) trySignIn(ctx context.Context) (signedIn, error) {
	s := *pl.settings
	s.Storage = string(cache.None)
	flow, err := pl.app.newFlow(&s, pl.person)
	if err != nil {
		return signedIn{}, err
	}
	flow.Auth.(interface{ pass() }).pass()
	ctx, cancel := context.WithTimeout(ctx, patience(&s))
	defer cancel()
	grant, err := flow.Auth.Login(ctx)
	if err != nil {
		return signedIn{}, err
	}
	revoking, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonPatience)
	defer cancel()
	if err := pl.app.revokeGrant(revoking, flow.Store, grant, &s); err != nil {
		pl.app.log.Info("the session of a dry run could not be ended", "error", err)
	}
	var about about
	_ = json.Unmarshal(grant.About, &about) // it is our own
	return signedIn{grant.Credential, about.String()}, nil
}

// look says what the API server will make of the credential, where that is no
// matter between it and an exchange.
func (pl *plan) look(in signedIn) {
	switch {
	case in.credential.Token.Empty():
		pl.sight = setup.SeeCertificate(in.credential.ClientCertificate)
		return
	case !pl.verified():
		return
	}
	token, err := setup.ParseToken(in.credential.Token)
	if err != nil {
		pl.sight.Refused = []string{err.Error()}
		return
	}
	pl.token, pl.server.Algorithm = token, token.Algorithm
	pl.sight = pl.server.See(token)
}
