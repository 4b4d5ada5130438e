package cmd

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/term"
)

// tell says what an import does, what it leaves alone, and what follows.
func (i *importer) tell(batches []*batch) string {
	var text strings.Builder
	for _, b := range batches {
		if len(b.takes) > 0 {
			fmt.Fprintf(&text, "From %s:\n", cli.OneLine(b.path))
		}
		for _, t := range b.takes {
			fmt.Fprintf(&text, "  user %q: %s\n", t.user.Name, i.what(t))
			for _, said := range t.said {
				fmt.Fprintf(&text, "    %s\n", said)
			}
		}
		if len(b.stays) > 0 {
			fmt.Fprintf(&text, "Left alone in %s:\n  %s\n", cli.OneLine(b.path), strings.Join(b.stays, "\n  "))
		}
	}
	if count(batches) == 0 {
		return text.String()
	}
	text.WriteString(wrapped("", "The secrets that are taken in are sealed "+whereSealed(i.home)+".", columns))
	lost := "If your keyring is lost, what is sealed under it is lost, and the backup with it"
	if i.home == cache.InFile {
		lost = "If the key's file is lost, what is sealed under it is lost, and the backup with it"
	}
	text.WriteString(wrapped("", lost+": be sure that you can get another credential. What lay in plain text may have been read and copied: replace it at its source when you can.", columns))
	return text.String()
}

// what describes a user's credential without a secret; what else is to be known of
// it stands below.
func (i *importer) what(t *taking) string {
	if t.entry.Provider != nil {
		return i.whatProvider(t)
	}
	c := t.entry.Credential
	text := string(c.Kind)
	text += of(c.Who) + ", " + i.until(c.Expiry)
	if c.Expiry.IsZero() {
		return text
	}
	return text + ", and nothing renews it"
}

// of names whose something is, where it says so.
func of(who string) string {
	if who == "" {
		return ""
	}
	return " of " + cli.OneLine(who)
}

func (i *importer) whatProvider(t *taking) string {
	p := t.entry.Provider
	login := "run " + lineOn(i.kubeconfig, "login", "--user="+t.user.Name)
	var parts []string
	if t.user.Exec != nil {
		parts = append(parts, "exec block of int128/kubelogin", "its session is not taken over: "+login)
	} else if p.Refresh.Empty() && p.IDToken.Empty() {
		parts = append(parts, "auth-provider oidc without a session: "+login)
	} else if p.Refresh.Empty() {
		parts = append(parts, "auth-provider oidc, its ID token "+i.until(p.Expiry)+" and no refresh token")
	} else {
		parts = append(parts, "auth-provider oidc with its session"+of(p.Who))
	}
	if !p.ClientSecret.Empty() {
		parts = append(parts, "the client's secret is sealed for its issuer alone")
	}
	if len(p.Dropped) > 0 {
		parts = append(parts, strings.Join(p.Dropped, " and ")+" is left out: that cache is kubelogin's")
	}
	if len(p.Stays) > 0 {
		parts = append(parts, strings.Join(p.Stays, " and ")+" stays in plain text; see docs/configuration.md for better places")
	}
	return strings.Join(parts, "\n    ")
}

// report is the end of an import that succeeded. Who has read already what was
// to be done is not told again.
func (i *importer) report(told string, batches []*batch) error {
	if i.person.attends() || term.StderrIsTerminal() {
		told = ""
	}
	users := "1 user"
	if n := count(batches); n != 1 {
		users = fmt.Sprintf("%d users", n)
	}
	_, err := io.WriteString(i.stdout, told+"Imported "+users+". "+i.undoLine()+" puts the file back.\n")
	return err
}

// undoLine is the command that undoes this import.
func (i *importer) undoLine() string {
	words := []string{"import", "--undo"}
	if i.settings.CacheDir != i.files.Cache {
		words = append(words, "--token-cache-dir="+i.settings.CacheDir)
	}
	return lineOn(i.kubeconfig, words...)
}

// lineOn is a command on a kubeconfig, or on the usual one, that works as it is
// printed.
func lineOn(file string, words ...string) string {
	if file != "" {
		words = append(words, "--kubeconfig="+file)
	}
	line := "kubecred"
	for _, word := range words {
		line += " " + cli.Quote(cli.OneLine(word), runtime.GOOS)
	}
	return line
}
