package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
)

func (a *app) statusCommand() *cobra.Command {
	var output string
	var explain bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what is cached, until when, and where it is sealed",
		Long: `Lists the cached entries and marks the one of the kubeconfig's current context.
With --explain it shows every setting and where its value comes from. It asks
nobody and sends nothing.`,
		Example: cli.Examples("kubecred status", "kubecred status -o json", "kubecred status --explain --context prod"),
		Args:    cli.NoArgs,
	}
	t := addTarget(c)
	c.Flags().BoolVar(&explain, "explain", false, "Show each setting and where it comes from")
	cli.AddOutput(c, &output)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if explain {
			return a.explainSettings(t, output)
		}
		return a.status(c.Context(), t, output)
	}
	return c
}

// entryStatus is one entry for people and for scripts.
type entryStatus struct {
	Entry   string     `json:"entry"`
	Current bool       `json:"current"` // the kubeconfig's current context uses it
	Issuer  string     `json:"issuer,omitempty"`
	Client  string     `json:"client,omitempty"`
	Account string     `json:"account,omitempty"`
	Subject string     `json:"subject,omitempty"`
	Groups  int        `json:"groups,omitempty"`
	Kind    string     `json:"kind,omitempty"`
	Cluster string     `json:"cluster,omitempty"` // that a certificate is for
	Expires *time.Time `json:"expires,omitempty"`
	Renews  bool       `json:"renews"` // without a person, as far as is known
	Sealed  cache.Home `json:"sealed"`
	Problem string     `json:"problem,omitempty"`
	Aside   bool       `json:"aside,omitempty"` // it could not be opened and was set aside
	// Imported is where it came from; nothing renews it, and there may be no
	// other copy.
	Imported *origin `json:"imported,omitempty"`

	expiry time.Time
}

// report is what status says.
type statusReport struct {
	Storage cache.Home `json:"storage"` // where a new entry would be sealed
	Problem string     `json:"problem,omitempty"`
	Context string     `json:"context,omitempty"`
	Current string     `json:"current,omitempty"` // the entry of the context
	// CurrentProblem says why the context's entry is not known.
	CurrentProblem string        `json:"currentProblem,omitempty"`
	Entries        []entryStatus `json:"entries"`
	// Backups are what kubecred import --undo can put back, the newest first.
	Backups []backupStatus `json:"backups,omitempty"`
}

// backupStatus is the sealed backup of one import.
type backupStatus struct {
	File  string    `json:"file"`
	At    time.Time `json:"at"`
	Users []string  `json:"users"`
}

// statusPatience bounds what status waits for: one keyring.
const statusPatience = 10 * time.Second

func (a *app) status(ctx context.Context, t *target, output string) error {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	current, problem := a.find(t)
	if problem != nil && (t.context != "" || t.user != "" || t.entryGiven()) {
		return problem
	}
	s := current.settings
	if s == nil {
		var err error
		if s, err = a.looseSettings(t); err != nil {
			return err
		}
	}
	store, err := a.openStore(s, a.newPerson(false, ""))
	if err != nil {
		return err
	}
	report := statusReport{Context: cli.OneLine(current.context), Entries: []entryStatus{}}
	switch {
	case problem == nil:
		report.Current = short(current.id)
	case !noBlock(problem):
		report.CurrentProblem = cli.OneLine(problem.Error())
	}
	all, err := a.shelves(ctx, s, a.newPerson(false, ""), store)
	if err != nil {
		return err
	}
	// After the list, which may have started the keyring's service.
	if report.Storage, err = store.Probe(ctx); err != nil {
		report.Problem = cli.OneLine(err.Error())
	}
	for _, shelf := range all {
		for _, item := range shelf.items {
			report.Entries = append(report.Entries, describe(item, problem == nil && item.ID == current.id))
		}
	}
	for _, k := range backups(all) {
		b := backupStatus{File: cli.OneLine(k.File), At: k.At}
		for _, user := range k.Users {
			b.Users = append(b.Users, cli.OneLine(user.Name))
		}
		report.Backups = append(report.Backups, b)
	}
	return cli.Print(a.stdout, output, report, func(w io.Writer) { a.printStatus(w, report) })
}

func describe(item cache.Item, current bool) entryStatus {
	e := entryStatus{Entry: short(item.ID), Current: current, Sealed: item.Home, Aside: item.Aside}
	if item.Err != nil {
		e.Problem = cli.OneLine(item.Err.Error())
		return e
	}
	grant, err := signin.Read(item.Record)
	if err != nil {
		e.Problem = cli.OneLine(err.Error())
		return e
	}
	return e.holding(grant)
}

// holding adds what an entry holds.
func (e entryStatus) holding(grant signin.Grant) entryStatus {
	var who about
	if len(grant.About) > 0 && json.Unmarshal(grant.About, &who) != nil {
		e.Problem = "it was written by another version"
	}
	e.Issuer, e.Client, e.Account = cli.OneLine(who.Issuer), cli.OneLine(who.Client), cli.OneLine(who.Account)
	e.Subject, e.Groups, e.Kind = cli.OneLine(who.Subject), who.Groups, cli.OneLine(who.Kind)
	e.Cluster = cli.OneLine(who.Cluster)
	e.Imported = who.Imported
	e.Renews = len(grant.Session) > 0
	if e.expiry = grant.Credential.Expiry; !e.expiry.IsZero() {
		at := e.expiry.UTC()
		e.Expires = &at
	}
	return e
}

func (a *app) printStatus(w io.Writer, r statusReport) {
	if len(r.Entries) == 0 {
		fmt.Fprintln(w, "Nothing is cached.")
	} else {
		a.printEntries(w, r.Entries)
	}
	a.printImported(w, r)
	if r.Current != "" && !hasCurrent(r.Entries) {
		fmt.Fprintf(w, "The current context is not signed in; its entry is %s.\n", r.Current)
	}
	if r.CurrentProblem != "" {
		fmt.Fprintf(w, "The current context cannot sign in: %s.\n", r.CurrentProblem)
	}
	fmt.Fprintf(w, "\nNew entries are sealed %s.\n", whereSealed(r.Storage))
	if r.Problem != "" {
		fmt.Fprintf(w, "That cannot be used now: %s.\n", r.Problem)
	}
}

func (a *app) printEntries(w io.Writer, entries []entryStatus) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, " \tENTRY\tWHO\tISSUER\tCLIENT\tKIND\tLIVES\tRENEWS\tSEALED")
	for _, e := range entries {
		mark := " "
		if e.Current {
			mark = "*"
		}
		if e.Problem != "" {
			fmt.Fprintf(table, "%s\t%s\t%s\n", mark, e.Entry, e.Problem)
			continue
		}
		lives := a.until(e.expiry)
		kind := orDash(e.Kind)
		if e.Cluster != "" {
			kind += " for " + e.Cluster
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", mark, e.Entry,
			orDash(e.Account), orDash(e.Issuer), orDash(e.Client), kind, lives, yesNo(e.Renews), e.Sealed)
	}
	table.Flush()
}

// soon is how long before its end an imported credential is warned of: somebody
// else has to make a new one.
const soon = 14 * 24 * time.Hour

// printImported tells of imported credentials that end, and of backups.
func (a *app) printImported(w io.Writer, r statusReport) {
	for _, e := range r.Entries {
		if e.Imported == nil || e.expiry.IsZero() || e.expiry.Sub(a.now()) > soon {
			continue
		}
		ends := "ends"
		if !e.expiry.After(a.now()) {
			ends = "has ended"
		}
		fmt.Fprintf(w, "The %s of the user %q %s %s, and nothing renews it:\n  put a new one into the kubeconfig, in place of the exec block, and run\n  %s\n",
			e.Kind, e.Imported.User, ends, e.expiry.Local().Format("2006-01-02 15:04"), lineOn(e.Imported.File, "import", "--user="+e.Imported.User))
	}
	for _, b := range r.Backups {
		fmt.Fprintf(w, "A backup of %s is sealed, from the import of %s (%s):\n  %s puts it back.\n",
			b.File, quotedNames(b.Users), b.At.Local().Format("2006-01-02 15:04"), lineOn(b.File, "import", "--undo"))
	}
}

func hasCurrent(entries []entryStatus) bool {
	for _, e := range entries {
		if e.Current {
			return true
		}
	}
	return false
}

// whereSealed says where the data key of new entries lies, and what follows.
func whereSealed(home cache.Home) string {
	switch home {
	case cache.InKeyring:
		return "under the system's keyring"
	case cache.InKernel:
		return "under the kernel's keyring, for 12 hours"
	case cache.InFile:
		return "under a key in a file beside them: whoever can read your files can read them"
	}
	return "nowhere: nothing is kept"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// explainSettings shows where each setting comes from. When resolving fails it
// shows what is known until there, and then fails.
func (a *app) explainSettings(t *target, output string) error {
	f, findErr := a.find(t)
	in := f.input
	in.Loose = true
	explained, err := settings.Explain(in)
	if err == nil {
		err = findErr
	}
	if printErr := cli.Print(a.stdout, output, explained, func(w io.Writer) { printExplained(w, explained) }); printErr != nil {
		return printErr
	}
	return err
}

func printExplained(w io.Writer, explained []settings.Explained) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tFROM\tALSO SAID BY")
	for _, e := range explained {
		var others []string
		for _, o := range e.Overridden {
			others = append(others, o.String())
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", e.Setting, orDash(e.Value), e.Source, strings.Join(others, ", "))
	}
	table.Flush()
}
