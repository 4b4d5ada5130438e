package cmd

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/owner"
)

// maxShown bounds the groups of a screen.
const maxShown = 15

func (a *app) printWhoami(w io.Writer, r whoamiReport) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, value)
		}
	}
	row("context", r.Context)
	kind := orDash(r.Kind)
	if r.Cluster != "" {
		kind += " for " + r.Cluster
	}
	row("credential", fmt.Sprintf("%s, %s (entry %s)", kind, a.lives(r), r.Entry))
	if r.Token != nil {
		a.printToken(row, r.Token)
	}
	if r.Certificate != nil {
		a.printCertificate(row, r.Certificate)
	}
	table.Flush()
	if r.ActsAs != nil {
		fmt.Fprintf(w, "\nkubectl would act as %s (user %s of the kubeconfig); whoami asks as yourself.\n", r.ActsAs, r.ActsAs.of)
	}
	if r.Server != nil {
		printServer(w, r)
	}
}

// lives says until when, and what comes then.
func (a *app) lives(r whoamiReport) string {
	if r.Renews {
		return a.until(r.expiry) + ", renews"
	}
	return a.until(r.expiry)
}

func (a *app) printToken(row func(name, value string), t *tokenReport) {
	if t.Opaque {
		row("token", "opaque: only its issuer can read it")
		return
	}
	row("iss", t.Issuer)
	for _, name := range t.Names {
		row(name.Claim, name.Value)
	}
	row("groups", someOf(t.Groups, t.GroupCount))
	if t.Overage {
		row("groups", "the provider left them out: there are too many (_claim_names)")
	}
	row("aud", strings.Join(t.Audience, ", "))
	row("iat", a.at(t.Issued))
	row("nbf", a.at(t.NotBefore))
	row("exp", a.at(t.Expires))
	row("jti", t.ID)
}

func (a *app) printCertificate(row func(name, value string), c *certificateReport) {
	row("CN", c.CommonName)
	row("O", someOf(c.Organizations, c.GroupCount))
	row("UID", c.UID)
	row("issuer", c.Issuer)
	row("serial", c.Serial)
	row("not before", a.at(&c.NotBefore))
	row("not after", a.at(&c.NotAfter))
	row("SHA-256", c.Digest)
}

// at is a time and how far it is from now.
func (a *app) at(t *time.Time) string {
	if t == nil {
		return ""
	}
	text := t.Local().Format("2006-01-02 15:04:05")
	if left := t.Sub(a.now()); left >= 0 {
		return text + " (in " + span(left) + ")"
	}
	return text + " (" + span(a.now().Sub(*t)) + " ago)"
}

// someOf lists the first of count texts.
func someOf(texts []string, count int) string {
	if count == 0 {
		return ""
	}
	shown := texts[:min(len(texts), maxShown)]
	text := fmt.Sprintf("%d: %s", count, strings.Join(shown, ", "))
	if count > len(shown) {
		text += ", …"
	}
	return text
}

// String names whom a kubeconfig's user acts as.
func (r *actsAsReport) String() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+value)
		}
	}
	add("", r.User)
	add("UID ", r.UID)
	add("groups ", strings.Join(r.Groups, ", "))
	if len(r.Extra) > 0 {
		add("", "with extra values")
	}
	return strings.Join(parts, ", ")
}

// printServer lays the credential and what the server made of it side by side.
func printServer(w io.Writer, r whoamiReport) {
	s := r.Server
	fmt.Fprintf(w, "\nThe cluster %s at %s ", orDash(s.Cluster), s.Server)
	if s.Status != 0 {
		fmt.Fprintf(w, "answered %d %s.\n", s.Status, http.StatusText(s.Status))
		bullets(w, "\nWhat it may have looked at:\n", s.Suspects)
		return
	}
	fmt.Fprint(w, "takes you for:\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, " \t%s\tSERVER\n", r.side())
	pairRow(table, "user name", s.beside.Name)
	pairRow(table, "UID", s.beside.UID)
	groupRows(table, s.beside.Groups)
	table.Flush()
	for _, key := range slices.Sorted(maps.Keys(s.Extra)) {
		fmt.Fprintf(w, "extra %s: %s\n", key, someValues(s.Extra[key]))
	}
	why := s.Differences
	if s.Unchecked {
		why = append(why, "The server's certificate was not checked (insecure-skip-tls-verify).")
	}
	bullets(w, "\n", why)
}

func groupRows(table io.Writer, groups []owner.Pair) {
	name := "groups"
	for i, group := range groups {
		if i == maxShown {
			fmt.Fprintf(table, " \t…\t… (%d more)\n", len(groups)-i)
			return
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", name, orDash(cli.OneLine(group.Said)), orDash(cli.OneLine(group.Seen)))
		name = " "
	}
}

// side heads the column of what the credential says.
func (r whoamiReport) side() string {
	if r.Certificate != nil {
		return "CERTIFICATE"
	}
	return "TOKEN"
}

// pairRow says beside a text which claim it is of.
func pairRow(table io.Writer, name string, p owner.Pair) {
	said := orDash(cli.OneLine(p.Said))
	if p.Said != "" {
		said += " (" + p.Claim + ")"
	}
	if p.Said != "" || p.Seen != "" {
		fmt.Fprintf(table, "%s\t%s\t%s\n", name, said, orDash(cli.OneLine(p.Seen)))
	}
}

func someValues(values []string) string {
	shown := strings.Join(values[:min(len(values), maxShown)], ", ")
	if len(values) > maxShown {
		shown += ", …"
	}
	return shown
}

func bullets(w io.Writer, head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprint(w, head)
	for _, line := range lines {
		fmt.Fprintf(w, "- %s\n", line)
	}
}
