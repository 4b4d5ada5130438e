package cmd

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/setup"
)

// What setup prints.

// part is a text for a file of someone's.
type part struct {
	name  string
	title []string // lines
	text  func(*plan) string
	// verifies: only where the API server verifies tokens itself.
	verifies bool
}

func printouts() []part {
	return []part{
		{"authentication-config", []string{"a file for the API server's --authentication-config"}, func(pl *plan) string { return pl.server.AuthenticationConfiguration() }, true},
		{"flags", []string{"the same for API servers that take no such file;", "flags refuse neither names of system: nor tokens that live long"}, func(pl *plan) string { return pl.server.Flags() }, true},
		{"rbac", []string{"an example of rights, for kubectl apply -f -"}, func(pl *plan) string { return pl.example().RBAC() }, false},
		{"kuberc", []string{"for your ~/.kube/kuberc; kubectl then runs no other program", "for credentials: add those that your other users run"}, func(pl *plan) string { return setup.Kuberc(pl.program) }, false},
		{"kubeconfig", nil, func(pl *plan) string { return setup.User(pl.user, pl.exec) }, false},
	}
}

func partNames() []string {
	var names []string
	for _, p := range printouts() {
		names = append(names, p.name)
	}
	return names
}

// printPart prints one part alone.
func (pl *plan) printPart() error {
	if pl.user = pl.wishes.user; pl.user == "" {
		pl.user = pl.name()
	}
	for _, p := range printouts() {
		if p.name != pl.wishes.part {
			continue
		}
		if p.verifies && !pl.verified() {
			return cli.Mistake("docs/exchange.md has the cluster's side", "an API server does not verify what this exchange gives by such a file")
		}
		_, err := io.WriteString(pl.app.stdout, p.text(pl))
		return err
	}
	return nil
}

// verified reports whether the API server verifies the tokens itself.
func (pl *plan) verified() bool {
	s := pl.settings
	return !s.Certificate && s.Exchange != settings.ExchangeBasic
}

// example is whom the example of rights is about; where nobody has signed in, a
// group that many have.
func (pl *plan) example() setup.Sight {
	if pl.sight.User != "" || len(pl.sight.Groups) > 0 {
		return pl.sight
	}
	return setup.Sight{Groups: []string{pl.server.Groups.Prefix + "developers"}}
}

// tell prints the parts, and says what was found and done.
func (pl *plan) tell(in signedIn, changes []kubeconfig.Change) error {
	var out strings.Builder
	out.WriteString("For the cluster's administrator, and for you; --print=NAME prints one alone.\n")
	for _, p := range printouts() {
		if p.name != "kubeconfig" && (!p.verifies || pl.verified()) {
			fmt.Fprintf(&out, "\n# %s: %s\n%s", p.name, strings.Join(p.title, "\n# "), p.text(pl))
		}
	}
	// Last, so that it is what a terminal shows.
	fmt.Fprintf(&out, "\nSigned in%s, %s.\n\n", in.who, pl.app.until(in.credential.Expiry))
	pl.tellSight(&out)
	pl.tellChanges(&out, changes)
	_, err := io.WriteString(pl.app.stdout, out.String())
	return err
}

const (
	maxNames = 20 // groups that are shown
	columns  = 80 // of a line of text
)

// wrapped breaks a text into lines between its words, each behind the first as
// far as the lead is long.
func wrapped(lead, text string, width int) string {
	var out strings.Builder
	out.WriteString(lead)
	indent := utf8.RuneCountInString(lead)
	at := indent
	for i, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case i > 0 && at+1+length > width:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		case i > 0:
			out.WriteByte(' ')
			at++
		}
		out.WriteString(word)
		at += length
	}
	return out.String() + "\n"
}

func (pl *plan) tellSight(out *strings.Builder) {
	if pl.sight.User == "" && len(pl.sight.Refused) == 0 {
		return
	}
	groups := pl.sight.Groups
	text := "none"
	if len(groups) > 0 {
		text = cli.OneLine(strings.Join(groups[:min(len(groups), maxNames)], ", "))
	}
	if more := len(groups) - maxNames; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	out.WriteString("Whom the API server will see:\n")
	fmt.Fprintf(out, "  user    %s%s\n", orDash(cli.OneLine(pl.sight.User)), pl.from(pl.server.Username.Claim))
	fmt.Fprintf(out, "  groups  %s%s\n", text, pl.from(pl.server.Groups.Claim))
	for _, why := range pl.sight.Refused {
		out.WriteString(wrapped("refused: ", cli.OneLine(why), columns))
	}
	for _, doubt := range pl.sight.Doubts {
		out.WriteString(wrapped("warning: ", cli.OneLine(doubt), columns))
	}
	out.WriteString("\n")
}

// from names the claim that a name came from.
func (pl *plan) from(claim string) string {
	if claim == "" || len(pl.token.Token) == 0 {
		return ""
	}
	return "   (claim " + claim + ")"
}

func (pl *plan) tellChanges(out *strings.Builder, changes []kubeconfig.Change) {
	done, uses := "The user %s is in %s", ", and the context %s uses it"
	if pl.wishes.dryRun {
		done, uses = "Nothing was written. The user %s would be in %s", ", and the context %s would use it"
	}
	fmt.Fprintf(out, done, cli.OneLine(pl.user), cli.OneLine(changes[0].Path))
	if pl.context != "" {
		fmt.Fprintf(out, uses, cli.OneLine(pl.context))
	}
	out.WriteString(".\n")
	if pl.wishes.dryRun {
		for _, change := range changes {
			out.WriteString(change.Diff())
		}
		return
	}
	out.WriteString(pl.next())
}

// next is what to run now: without a context kubectl knows no cluster.
func (pl *plan) next() string {
	flag := func(name, value string) string { return " --" + name + "=" + cli.Quote(value, runtime.GOOS) }
	file := ""
	if pl.wishes.kubeconfig != "" {
		file = flag("kubeconfig", pl.wishes.kubeconfig)
	}
	switch {
	case pl.context == "" && pl.current == "":
		return "No context is chosen, so kubectl knows no cluster. Fill in CLUSTER and URL:\n" +
			"  kubectl config set-cluster CLUSTER --server=URL" + file + "\n" +
			"  kubectl config set-context CLUSTER --cluster=CLUSTER" + flag("user", pl.user) + file + "\n" +
			"  kubectl config use-context CLUSTER" + file + "\n"
	case pl.context == "":
		return "Try it: kubectl" + file + flag("user", pl.user) + " get pods\n"
	case pl.context != pl.current:
		return "Try it: kubectl" + file + flag("context", pl.context) + " get pods\n"
	}
	return "Try it: kubectl" + file + " get pods\n"
}
