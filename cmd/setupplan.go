package cmd

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/providers"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/setup"
	"github.com/kubecred/kubecred/login"
)

// plan is what setup is about to do. It is made of get-token's flags, and ends in
// an exec block whose flags alone lead to the entry that was signed in to.
type plan struct {
	app    *app
	wishes *wishes
	person *person
	asking bool // the person is asked for what was not given

	lasting, once []string // get-token's flags: for the kubeconfig, and for now
	settings      *settings.Settings
	preset        providers.Preset // without a name where the provider is not known

	server  setup.Server
	exec    kubeconfig.Exec
	program string // where this one lies

	user, context, current string // of the kubeconfig: whom, by which context, and the current one
	edits                  []edit
	sight                  setup.Sight
	token                  setup.Token // of no claims where there is none to read
}

// defaultPrefix stands before names, so that no provider can make somebody whom
// the cluster knows already.
const defaultPrefix = "oidc:"

// discoveryTime bounds what is asked of the provider before anyone signs in.
const discoveryTime = 30 * time.Second

// read takes the flags, and the settings as far as they go.
func (pl *plan) read() (err error) {
	if pl.lasting, pl.once, err = pl.wishes.flags.Args(pl.app.files); err != nil {
		return err
	}
	if err := pl.resolve(true); err != nil {
		return err
	}
	missing := pl.settings.IssuerURL == "" || pl.settings.ClientID == ""
	pl.asking = missing && pl.person.answers()
	return nil
}

// resolve reads the settings that the flags come to.
func (pl *plan) resolve(loose bool) error {
	flags, err := settings.ParseArgs(slices.Concat(pl.lasting, pl.once))
	if err != nil {
		return err
	}
	a := pl.app
	s, err := settings.Resolve(settings.Input{Flags: flags, Variable: a.getenv, Agreed: a.agreed, Files: a.files, Loose: loose})
	if err != nil {
		return err
	}
	pl.settings, pl.person.browser = s, s.BrowserCommand
	return nil
}

// add gives get-token more flags.
func (pl *plan) add(args ...string) error {
	pl.lasting = append(pl.lasting, args...)
	return pl.resolve(true)
}

// complete takes one step after the other.
func (pl *plan) complete(ctx context.Context) error {
	for _, step := range []func(context.Context) error{pl.askIssuer, pl.choosePreset, pl.askClient, pl.discover, pl.settle} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	pl.server = pl.side()
	return pl.block()
}

// choosePreset finds what is known of the provider.
func (pl *plan) choosePreset(ctx context.Context) error {
	name := pl.wishes.provider
	hint := "choose one of " + strings.Join(providerNames(), ", ") + ", or leave it out"
	if name != "" && pl.settings.Exchange != "" {
		return cli.Mistake("leave --provider out", "an exchange is no provider")
	}
	known := false
	if name == "" && pl.settings.Exchange == "" {
		pl.preset, known = providers.For(pl.settings.IssuerURL)
		if !known && pl.asking {
			var err error
			pl.person.Show(wrapped("", "Known providers: "+strings.Join(providerNames(), ", ")+".", columns))
			if name, err = pl.ask(ctx, "Which one is it, if it is one of them (Enter for none)", ""); err != nil {
				return err
			}
		}
	}
	if name != "" {
		if pl.preset, known = providers.Named(name); !known {
			return cli.Mistake(hint, "there is no provider %q to know", cli.OneLine(name))
		}
	}
	pl.person.Show(pl.hints())
	return nil
}

// discover asks the provider what it is, which finds most mistakes, and adds what
// it needs and nobody said otherwise about.
func (pl *plan) discover(ctx context.Context) error {
	if err := pl.resolve(false); err != nil { // what is missing is said before anything is sent
		return err
	}
	s := pl.settings
	if s.Exchange == settings.ExchangeBasic || s.Exchange == settings.ExchangeNative {
		return nil
	}
	if pl.preset.ClientSecret && s.ClientSecret.Empty() && pl.wishes.part == "" {
		return cli.Mistake(profileHint, "%s wants the client's secret, also from programs on a desk", pl.preset.Title)
	}
	ctx, cancel := context.WithTimeout(ctx, discoveryTime)
	defer cancel()
	cfg, err := pl.app.provider(ctx, s, nil)
	if err != nil {
		return err
	}
	client, err := login.Discover(ctx, cfg)
	if err != nil {
		return err
	}
	if s.IssuerSource.Kind == settings.FromProfile || s.Grant == settings.GrantClientCredentials {
		return nil
	}
	return pl.add(pl.wanted(client.Metadata())...)
}

// wanted are the flags for a session that renews itself and a token that names
// people: the preset's, else scopes that the provider says it has.
func (pl *plan) wanted(m login.Metadata) []string {
	var args []string
	scoped := len(pl.settings.Scopes) > 1 // openid is always there
	for _, arg := range pl.preset.Args() {
		if scopes := strings.HasPrefix(arg, scopeFlag); scopes && !scoped || !scopes && len(pl.settings.ExtraParams) == 0 {
			args = append(args, arg)
		}
	}
	if pl.preset.Name != "" || scoped {
		return args
	}
	for _, scope := range []string{"email", "groups", "offline_access"} {
		if slices.Contains(m.Scopes, scope) {
			args = append(args, scopeFlag+scope)
		}
	}
	return args
}

const scopeFlag = "--oidc-extra-scope="

// settle sees to it that the flags alone lead to the entry: the programs that run
// the exec block have none of this shell's variables.
func (pl *plan) settle(context.Context) error {
	s := pl.settings
	id := cache.NewID(s.Identity())
	if pl.app.leadsTo(id, pl.lasting) {
		return pl.order()
	}
	args := identity(s)
	for _, arg := range pl.lasting {
		name, _, _ := strings.Cut(arg, "=")
		if !slices.ContainsFunc(args, func(has string) bool { return has == name || strings.HasPrefix(has, name+"=") }) {
			args = append(args, arg)
		}
	}
	if !pl.app.leadsTo(id, args) {
		return cli.Mistake("give them as flags, or put them into a profile and give --profile",
			"a KUBECRED_ variable has a word in it that the kubeconfig could not repeat")
	}
	pl.lasting = args
	return pl.order()
}

// order puts the flags into the order of help, wherever they came from.
func (pl *plan) order() error {
	flags, err := settings.ParseArgs(pl.lasting)
	if err == nil {
		pl.lasting, _, err = flags.Args(pl.app.files)
	}
	return err
}

// side is the API server's side.
func (pl *plan) side() setup.Server {
	s, w := pl.settings, pl.wishes
	server := setup.Server{
		Issuer: s.IssuerURL, Audience: s.ClientID, CAPEM: s.CAPEM,
		Username: setup.Mapping{Claim: "sub", Prefix: defaultPrefix},
		Groups:   setup.Mapping{Claim: "groups", Prefix: defaultPrefix},
	}
	if s.Audience != "" {
		server.Audience = s.Audience
	}
	switch {
	case s.Exchange != "": // which has chosen the prefix
		server.Username, server.Groups = setup.Mapping{Claim: "preferred_username"}, setup.Mapping{Claim: "groups"}
	case pl.preset.Name != "":
		server.Username.Claim, server.Groups.Claim = pl.preset.UsernameClaim, pl.preset.GroupsClaim
	}
	for flag, to := range map[string]struct {
		given string
		field *string
	}{
		"oidc-username-claim": {w.usernameClaim, &server.Username.Claim}, "oidc-username-prefix": {w.usernamePrefix, &server.Username.Prefix},
		"oidc-groups-claim": {w.groupsClaim, &server.Groups.Claim}, "oidc-groups-prefix": {w.groupsPrefix, &server.Groups.Prefix},
	} {
		if w.given(flag) {
			*to.field = unlessDash(to.given)
		}
	}
	return server
}

// unlessDash reads "-" as nothing, as the API server's flags do.
func unlessDash(text string) string {
	if text == "-" {
		return ""
	}
	return text
}

// block is the exec block.
func (pl *plan) block() (err error) {
	var command string
	if command, pl.program, err = pl.app.called(pl.wishes.gui); err != nil {
		return err
	}
	pl.exec = execBlock(command, append([]string{"get-token"}, pl.lasting...))
	if pl.settings.Grant == settings.GrantClientCredentials {
		pl.exec.InteractiveMode = "Never"
	}
	return nil
}

// name is what the user is called where nobody says.
func (pl *plan) name() string {
	if pl.settings.IssuerSource.Kind == settings.FromProfile {
		return pl.settings.Profile
	}
	if u, err := url.Parse(pl.settings.IssuerURL); err == nil {
		return u.Host
	}
	return "kubecred"
}
