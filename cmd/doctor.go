package cmd

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/browser"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/doctor"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/selfreview"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/term"
	"github.com/kubecred/kubecred/login"
)

const (
	doctorPatience = 10 * time.Second
	shortestDoctor = 100 * time.Millisecond
	longestDoctor  = 5 * time.Minute
)

func (a *app) doctorCommand() *cobra.Command {
	var output string
	var patience time.Duration
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong, and say how to mend it",
		Long: `Looks at all that a sign-in rests on: the command on PATH, the kubeconfig, the
policy, the keyring and the cache, the provider, the browser and its ports, and
whom the API server takes the cached credential for.

It asks nobody and changes nothing, and what it prints holds no secret. The exit
code is 0 where nothing is wrong, 8 where something failed and 9 where there are
warnings alone. docs/doctor.md explains each line.`,
		Example: cli.Examples("kubecred doctor", "kubecred doctor --context prod", "kubecred doctor -o json --timeout 5s"),
		Args:    cli.NoArgs,
	}
	t := addTarget(c)
	c.Flags().DurationVar(&patience, "timeout", doctorPatience, "How long it may take in all")
	cli.AddOutput(c, &output)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if patience < shortestDoctor || patience > longestDoctor {
			return cli.Mistake("give it some seconds, such as --timeout=10s", "--timeout is shorter than 100ms or longer than 5m")
		}
		if err := cli.CheckOutput(output); err != nil {
			return err
		}
		return a.doctor(c.Context(), t, output, patience)
	}
	return c
}

// unwell ends the program with a code, when all is said already.
type unwell int

func (unwell) Error() string { return "something is wrong" }

func (a *app) doctor(ctx context.Context, t *target, output string, patience time.Duration) error {
	done, err := a.begin(0)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	report := doctor.Run(ctx, a.build.Complete().Version, a.symptoms(ctx, t))
	if err := cli.Print(a.stdout, output, report, func(w io.Writer) { report.Print(w, term.Width()) }); err != nil {
		return err
	}
	switch report.Mark {
	case doctor.Failed:
		return unwell(exitUnwell)
	case doctor.Warning:
		return unwell(exitWarned)
	}
	return nil
}

// symptoms gathers what to look at. That reads files, which may hang as well.
func (a *app) symptoms(ctx context.Context, t *target) []doctor.Check {
	gathered := make(chan []doctor.Check, 1)
	go func() { gathered <- a.patient(t).checks() }()
	select {
	case checks := <-gathered:
		return checks
	case <-ctx.Done():
		return []doctor.Check{{Group: "settings", Name: "files", Run: func(context.Context) doctor.Finding {
			return doctor.Finding{Mark: doctor.Failed, Found: "the kubeconfig or the configuration cannot be read in time", Do: "see whether they lie on a disk that does not answer"}
		}}}
	}
}

// patient is what is looked at.
type patient struct {
	*app
	flags *target
	found found
	err   error              // why there is no entry
	s     *settings.Settings // those of the entry, else of no entry; nil where even those cannot be had
	at    kubeconfig.Target
	atErr error // why the kubeconfig leads nowhere
}

func (a *app) patient(t *target) *patient {
	p := &patient{app: a, flags: t}
	p.found, p.err = a.find(t)
	if p.s = p.found.settings; p.s == nil {
		if loose, err := a.looseSettings(t); err == nil {
			p.s = loose
		} else if noBlock(p.err) {
			p.err = err
		}
	}
	if p.at = p.found.at; p.at.User.Name != "" { // as an --entry may lead to another context's
		return p
	}
	config, err := a.loadKubeconfig(t)
	if err == nil {
		p.at, err = pick(config, t)
	}
	p.atErr = err
	return p
}

func (p *patient) checks() []doctor.Check {
	provider := p.provider()
	checks := append(p.program().Checks(), p.kubeconfig().Checks()...)
	checks = append(checks, p.rules().Checks()...)
	checks = append(checks, p.storage().Checks()...)
	checks = append(checks, provider.Checks()...)
	checks = append(checks, p.person(provider).Checks()...)
	return append(checks, p.server().Checks()...)
}

func (p *patient) program() *doctor.Program {
	self, err := os.Executable()
	if err != nil {
		self = ""
	}
	is := &doctor.Program{Self: self, Path: p.getenv("PATH"), Version: p.build.Complete().Version}
	if block := p.at.User.Exec; block != nil && isOurs(block) {
		is.Command, is.Folder = block.Command, p.folder()
	}
	return is
}

// folder is that of the kubeconfig which holds the user.
func (p *patient) folder() string {
	path, found, err := kubeconfig.Find(p.paths(), p.at.User.Name)
	if err != nil || !found {
		return ""
	}
	return filepath.Dir(path)
}

func (p *patient) paths() []string {
	if p.flags.kubeconfig != "" {
		return []string{p.flags.kubeconfig}
	}
	return kubeconfig.Paths(p.getenv("KUBECONFIG"), p.files.Home)
}

func (p *patient) kubeconfig() *doctor.Kubeconfig {
	block := p.at.User.Exec
	is := &doctor.Kubeconfig{
		Paths: p.paths(), Target: p.at, Err: p.atErr, Hint: hint(p.atErr), Ours: block != nil && isOurs(block),
	}
	if is.Beside = p.found.settings != nil && p.found.input.Kubeconfig == nil; !is.Beside && p.found.settings != nil {
		is.Exposed = p.s.ExposedSecrets
	}
	is.Kuberc, is.KubercNamed = kubeconfig.KubercPath(p.getenv("KUBERC"), p.files.Home)
	return is
}

func hint(err error) string {
	if err == nil {
		return ""
	}
	var said *cli.Failure
	if errors.As(err, &said) {
		return said.Hint
	}
	return explain(err).Hint
}

func (p *patient) rules() *doctor.Rules {
	is := &doctor.Rules{Policy: p.files.Policy}
	if is.Says, is.PolicyErr = p.files.Rules(); is.PolicyErr != nil {
		is.PolicyHint = hint(is.PolicyErr)
		return is // the entry's error would be the same
	}
	switch {
	case p.found.settings != nil:
		is.Label, is.Sources = p.s.Label(), p.s.IssuerSource.String()
	case !noBlock(p.err) && (p.atErr == nil || p.err.Error() != p.atErr.Error()): // the kubeconfig's line says those
		is.Err, is.Hint = p.err, hint(p.err)
	}
	return is
}

func (p *patient) storage() *doctor.Storage {
	if p.s == nil {
		return &doctor.Storage{}
	}
	return &doctor.Storage{Mode: cache.Storage(p.s.Storage), Dir: p.s.CacheDir, Kernel: cache.KernelMode(p.s.KernelKeyring)}
}

func (p *patient) provider() *doctor.Provider {
	is := &doctor.Provider{Variable: p.getenv, Now: p.now, Hint: hint}
	if p.found.settings == nil || p.s.IssuerURL == "" {
		return is
	}
	client, err := p.httpClient(p.s)
	if err != nil { // the settings were checked, so it is nothing that a person can mend
		return is
	}
	is.Issuer, is.ClientID, is.HTTP, is.Proxy = p.s.IssuerURL, p.s.ClientID, client, p.s.Proxy
	is.Discovers = p.s.Exchange == "" || p.s.Exchange == settings.ExchangeOAuth2
	is.CAPEM, is.CASource, is.Unchecked = p.s.CAPEM, p.authority(), p.s.InsecureSkipTLSVerify
	return is
}

// authority says where the certificate authority comes from.
func (p *patient) authority() string {
	explained, err := settings.Explain(p.found.input)
	if err != nil {
		return ""
	}
	for _, e := range explained {
		if (e.Setting == "certificate-authority" || e.Setting == "certificate-authority-data") && e.Value != "" {
			return e.Source.String()
		}
	}
	return ""
}

func (p *patient) person(provider *doctor.Provider) *doctor.Person {
	is := &doctor.Person{Metadata: provider.Metadata, Hint: hint, Terminal: canAsk}
	if provider.Issuer == "" {
		return is
	}
	o := &oidc{passwords: passwords{app: p.app, s: p.s, person: p.newPerson(true, p.s.BrowserCommand)}}
	is.Choose = func(m *login.Metadata) (login.Method, string) {
		switch {
		case p.s.Exchange != "":
			return login.MethodPassword, "this is a directory's exchange"
		case m == nil: // it may offer all
			m = &login.Metadata{Authorization: p.s.IssuerURL, DeviceAuthorization: p.s.IssuerURL}
		}
		return o.choose(*m)
	}
	is.Browser, is.SkipsOpen = func() (string, error) { return browser.Find(p.s.BrowserCommand) }, p.s.SkipOpenBrowser
	is.Busy = login.BrowserOptions{
		Addresses: p.s.ListenAddresses, RedirectURL: p.s.RedirectURL, CertFile: p.s.LocalServerCert, KeyFile: p.s.LocalServerKey,
	}.Busy
	return is
}

func canAsk() error {
	if !term.StdinIsTerminal() {
		return errors.New("standard input is no terminal")
	}
	t, err := term.Open()
	if err != nil {
		return err
	}
	return t.Close()
}

func (p *patient) server() *doctor.Server {
	is := &doctor.Server{Now: p.now, Hint: hint}
	if p.found.settings == nil {
		return is
	}
	is.Imported = p.s.IssuerURL == ""
	if is.Load = p.look; !is.Imported {
		is.Login = p.signInLine(p.found)
	}
	if p.leadsToCluster(p.found) == nil && p.found.at.Cluster.Server != "" {
		is.Ask, is.Host = p.show, p.found.at.Cluster.Server
		if u, err := url.Parse(is.Host); err == nil && u.Host != "" {
			is.Host = u.Host
		}
	}
	return is
}

// show shows the credential to the context's cluster.
func (p *patient) show(ctx context.Context, by selfreview.Credential) (selfreview.User, error) {
	to, err := p.reviewed(p.found.at.Cluster)
	if err != nil {
		return selfreview.User{}, err
	}
	return selfreview.Ask(ctx, to, by)
}

// look reads the entry as it lies.
func (p *patient) look(ctx context.Context) (cache.Record, error) {
	store, err := cache.Open(cache.Options{
		Dir: p.s.CacheDir, Storage: cache.Storage(p.s.Storage), Kernel: cache.KernelMode(p.s.KernelKeyring), Passive: true, Log: p.log,
	})
	if err != nil {
		return cache.Record{}, err
	}
	return store.Load(ctx, p.found.id)
}
