package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/owner"
)

// What setup asks at a terminal. Enter takes what stands in brackets.

// ask returns the answer, or where it is empty the default.
func (pl *plan) ask(ctx context.Context, question, otherwise string) (string, error) {
	if otherwise != "" {
		question += " [" + cli.OneLine(otherwise) + "]"
	}
	answer, err := pl.person.Ask(ctx, question+": ")
	if answer = strings.TrimSpace(answer); answer == "" {
		answer = otherwise
	}
	return answer, err
}

// agree asks whether to do something, and takes Enter for no.
func (pl *plan) agree(ctx context.Context, question string) (bool, error) {
	answer, err := pl.person.Ask(ctx, question+" [y/N] ")
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", err
}

func (pl *plan) askIssuer(ctx context.Context) error {
	if !pl.asking || pl.settings.IssuerURL != "" {
		return nil
	}
	pl.person.Show("This signs you in at your OpenID Provider, and writes a user into your\nkubeconfig. " +
		"Nothing is written before you have signed in. Ctrl-C ends it.\n\n")
	issuer, err := pl.ask(ctx, "Address of the provider (its issuer URL)", "")
	if err != nil {
		return err
	}
	if issuer == "" {
		return pl.resolve(false) // which says what is missing
	}
	return pl.add("--oidc-issuer-url=" + issuer)
}

func (pl *plan) askClient(ctx context.Context) error {
	if !pl.asking || pl.settings.ClientID != "" || pl.settings.IssuerURL == "" {
		return nil
	}
	client, err := pl.ask(ctx, "Client ID at the provider", "kubernetes")
	if err != nil {
		return err
	}
	return pl.add("--oidc-client-id=" + client)
}

// hints are what to click in the provider's console, for whoever is asked.
func (pl *plan) hints() string {
	known := pl.preset
	if !pl.asking || known.Name == "" {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, "\n%s wants a client for kubecred; if there is none yet:\n", known.Title)
	for i, hint := range known.Hints {
		text.WriteString(wrapped(fmt.Sprintf("  %d. ", i+1), hint, columns))
	}
	for _, note := range known.Notes {
		text.WriteString(wrapped("  - ", note, columns))
	}
	if redirects := known.Redirects(); len(redirects) > 0 {
		fmt.Fprintf(&text, "The redirect URIs: %s\n", strings.Join(redirects, " and "))
	}
	fmt.Fprintf(&text, "%s has more.\n\n", known.Doc)
	return text.String()
}

// askUser chooses the kubeconfig's user, and whether the current context is to use it.
func (pl *plan) askUser(ctx context.Context, config *kubeconfig.Config) (err error) {
	w := pl.wishes
	pl.user, pl.context = w.user, w.context
	if pl.user == "" {
		pl.user = pl.name()
		if pl.asking {
			if pl.user, err = pl.ask(ctx, "Name of the user in the kubeconfig", pl.user); err != nil {
				return err
			}
		}
	}
	current, missing := config.Target("")
	pl.current = current.Context
	if pl.current == "" || !pl.asking || pl.context != "" || missing == nil && current.User.Name == pl.user {
		return nil // no current context is no mistake
	}
	instead := ""
	if missing == nil {
		instead = ", instead of the user " + cli.OneLine(current.User.Name)
	}
	yes, err := pl.agree(ctx, fmt.Sprintf("Let the context %s use it%s?", cli.OneLine(pl.current), instead))
	if yes {
		pl.context = current.Context
	}
	return err
}

// askClaim lets the person choose the user name's claim by what the token says.
func (pl *plan) askClaim(ctx context.Context) error {
	if !pl.asking || pl.wishes.given("oidc-username-claim") || len(pl.token.Token) == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString("\nThe token says of you:\n")
	names, otherwise := pl.token.Names(), pl.server.Username.Claim
	if value := pl.token.Text(otherwise); value == "" {
		otherwise = "sub"
	} else if usual := (owner.Claim{Name: otherwise, Value: value}); !slices.Contains(names, usual) {
		names = append(names, usual)
	}
	for _, claim := range names {
		fmt.Fprintf(&text, "  %-20s %s\n", claim.Name, cli.OneLine(claim.Value))
	}
	pl.person.Show(text.String())
	claim, err := pl.ask(ctx, "Claim that the API server takes the user name from", otherwise)
	if err != nil {
		return err
	}
	pl.person.Show("\n")
	if cli.OneLine(claim) != claim {
		return cli.Mistake("type the name of a claim", "that is no claim")
	}
	pl.server.Username.Claim = claim
	pl.sight = pl.server.See(pl.token)
	return nil
}
