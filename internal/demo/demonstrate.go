package main

// The course of the demonstration.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// programs are those under demonstration. Without any, both are built from
// this module; a kubecred alone is shown at a provider alone.
type programs struct{ kubecred, exchange string }

// demonstrate tells the story and returns the first thing that is not as told.
func demonstrate(ctx context.Context, p programs, tell *teller) (err error) {
	tell.title("kubecred, a demonstration")
	stage, err := newStage()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.remove()) }()
	yours, err := belongings()
	if err != nil {
		return err
	}
	if p.kubecred == "" {
		if p, err = buildAll(ctx, stage, tell); err != nil {
			return err
		}
	}
	if err := atProvider(ctx, stage, p.kubecred, tell); err != nil {
		return err
	}
	if p.exchange != "" {
		if err := atExchange(ctx, stage, p, tell); err != nil {
			return err
		}
	}
	if err := yours.untouched(); err != nil {
		return err
	}
	tell.blank()
	tell.line("No keyring, cache or kubeconfig of yours was touched.")
	tell.line("Everything lay in %s, which is now removed.", stage.root)
	return nil
}

func buildAll(ctx context.Context, stage *stage, tell *teller) (p programs, err error) {
	started := time.Now()
	if p.kubecred, err = stage.build(ctx, module); err != nil {
		return p, err
	}
	if p.exchange, err = stage.build(ctx, exchange); err != nil {
		return p, err
	}
	tell.line("Built kubecred and kubecred-exchange in %s.", short(time.Since(started)))
	return p, nil
}

// atProvider signs in at an OpenID Provider.
func atProvider(ctx context.Context, stage *stage, program string, tell *teller) error {
	provider, err := oidctest.New()
	if err != nil {
		return err
	}
	defer provider.Close()
	tell.line("Started an OpenID Provider at %s.", provider.Issuer)
	p := &plugin{stage: stage, program: program, provider: provider}
	first, err := firstCall(ctx, p, tell)
	if err != nil {
		return err
	}
	return secondCall(ctx, p, first, tell)
}

// firstCall signs in.
func firstCall(ctx context.Context, p *plugin, tell *teller) (*answer, error) {
	tell.title("A client asks for a credential, and nobody has signed in yet")
	tell.command(p.arguments())
	got, err := p.run(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.signedInOnce(ctx); err != nil {
		return nil, err
	}
	if got.claims.Issuer != p.provider.Issuer {
		return nil, fmt.Errorf("the token comes from %q, not from the provider", got.claims.Issuer)
	}
	tell.line("A browser opened, the person signed in, and %s later kubecred printed:", short(got.took))
	tell.blank()
	tell.text(got.pretty())
	tell.blank()
	tell.line("The token says: %s <%s>, in %s, good until %s.",
		got.claims.Username, got.claims.Email, strings.Join(got.claims.Groups, " and "),
		time.Unix(got.claims.Expires, 0).Format("15:04:05"))
	return got, nil
}

// secondCall must be answered by the cache alone.
func secondCall(ctx context.Context, p *plugin, first *answer, tell *teller) error {
	tell.title("The client asks again, in the same words")
	before := len(p.provider.All())
	got, err := p.run(ctx)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(got.stdout, first.stdout):
		return errors.New("the second answer is not the first one from the cache")
	case len(got.stderr) > 0:
		return fmt.Errorf("a hit is not silent: %s", got.stderr)
	case len(p.provider.All()) != before:
		return fmt.Errorf("a hit sent %d requests to the provider", len(p.provider.All())-before)
	}
	if err := p.signedInOnce(ctx); err != nil {
		return err
	}
	tell.line("The same credential, from the cache in %s.", short(got.took))
	tell.line("The provider has seen %d sign-in and %d token request in all.",
		p.provider.Count(oidctest.Authorize), p.provider.Count(oidctest.Token))
	return nil
}

// short is a duration as people say it.
func short(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
