package cmd

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/execcred"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/lifetime"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
)

func (a *app) getTokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "get-token",
		Short: "Print an ExecCredential; Kubernetes clients run this",
		Long: `Prints one ExecCredential with a token that lives: from the cache, else by a
refresh, else by signing in, where there is someone to ask.

Clients run it from the exec block of a kubeconfig. Every flag may also be
given as a variable or in a named profile; see docs/configuration.md.`,
		Example: cli.Examples(
			"# in a kubeconfig",
			"users:",
			"- name: me",
			"  user:",
			"    exec:",
			"      apiVersion: client.authentication.k8s.io/v1",
			"      command: kubecred",
			"      args:",
			"      - get-token",
			"      - --oidc-issuer-url=https://issuer.example.com",
			"      - --oidc-client-id=kubernetes",
			"      interactiveMode: IfAvailable",
		),
		Args: cli.NoArgs,
	}
	flags := settings.AddFlags(c.Flags())
	c.RunE = func(c *cobra.Command, _ []string) error { return a.getToken(c.Context(), flags) }
	return c
}

// getToken is the hot path: what it does before a hit is printed, a person
// waits for at every kubectl call.
func (a *app) getToken(ctx context.Context, flags *settings.Flags) error {
	request, err := execcred.ParseRequest(a.getenv(execcred.EnvExecInfo), "")
	if err != nil {
		return err
	}
	s, err := settings.Resolve(settings.Input{
		Flags:     flags,
		Variable:  a.getenv,
		Extension: extension(request),
		Agreed:    a.agreed,
		Files:     a.files,
	})
	if err != nil {
		return err
	}
	done, err := a.begin(s.Verbosity)
	if err != nil {
		return err
	}
	defer done()
	version, err := answerIn(request, s)
	if err != nil {
		return err
	}
	a.log.Info("get-token", "version", a.build.Version, "for", s, "asked", request.Present, "interactive", request.Interactive)
	p := a.newPerson(request.Interactive || !request.Present, s.BrowserCommand)
	flow, err := a.newFlow(s, p)
	if err != nil {
		return err
	}
	flow.Force = s.ForceRefresh
	credential, work, err := a.cached(ctx, flow, p)
	if work != nil {
		credential, err = a.do(ctx, s, flow, work)
	}
	if err != nil {
		return a.loginFailure(err, s)
	}
	return a.answer(version, credential)
}

// cached is the way of a hit. It listens for Ctrl-C and looks for its parent only
// once the keyring keeps a person waiting: until then it takes no time.
func (a *app) cached(ctx context.Context, flow *signin.Flow, p *person) (signin.Credential, *signin.Work, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.waits = func() {
		watched, _ := lifetime.Context(ctx) // it ends with ctx
		context.AfterFunc(watched, func() { cancel(context.Cause(watched)) })
	}
	c, work, err := flow.Cached(ctx)
	if err != nil && interrupted(ctx) {
		err = context.Cause(ctx)
	}
	p.waits = nil
	return c, work, err
}

// do is the way past the cache. A client runs the plugin without a deadline,
// so it brings its own, and it ends with whoever started it.
func (a *app) do(ctx context.Context, s *settings.Settings, flow *signin.Flow, work *signin.Work) (signin.Credential, error) {
	ctx, stop := lifetime.Context(ctx)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience(s))
	defer cancel()
	credential, err := flow.Do(ctx, work)
	if err != nil && interrupted(ctx) {
		err = context.Cause(ctx)
	}
	return credential, err
}

func (a *app) answer(version execcred.APIVersion, c signin.Credential) error {
	out, err := execcred.Encode(version, execcred.Credential{
		Token:             c.Token.Reveal(),
		ClientCertificate: c.ClientCertificate,
		ClientKey:         c.ClientKey.Reveal(),
		Expiry:            c.Expiry,
	}, a.now())
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(out)
	return err
}

func extension(r execcred.Request) json.RawMessage {
	if r.Cluster == nil {
		return nil
	}
	return r.Cluster.Config
}

// answerIn is the version that the client asked for, else the setting's.
func answerIn(r execcred.Request, s *settings.Settings) (execcred.APIVersion, error) {
	if r.APIVersion != "" {
		return r.APIVersion, nil
	}
	return execcred.ParseAPIVersion(s.ExecAPIVersion)
}

const (
	// longestDevice is how long package login lets a device code live.
	longestDevice = 30 * time.Minute
	// longestTyping is the time for a name and a password.
	longestTyping = 10 * time.Minute
)

// patience is the deadline of a whole run: the person's time, and a minute for
// everything else. A browser login may first have to wait for others', each of
// which has its own deadline.
func patience(s *settings.Settings) time.Duration {
	const rest = time.Minute
	switch s.Grant {
	case settings.GrantClientCredentials:
		return s.Timeout + rest
	case settings.GrantPassword:
		return longestTyping + rest
	}
	return max(s.Timeout, longestDevice) + rest
}
