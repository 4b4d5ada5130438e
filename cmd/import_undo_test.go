package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// In a file that was changed since, the users that are as the import left them
// are put back, and what others wrote stays.
func TestUndoInAChangedFile(t *testing.T) {
	p := newPlace(t)
	p.users(user("me", "token: canary-me"), user("other", "token: canary-other"), user("stays", "tokenFile: /run/token"))
	p.importing("--all", "--yes").ok().prints(`user "stays": it names files`).prints("Imported 2 users")
	// As kubectl writes it: another order, another indentation.
	config := p.read(".kube", "config")
	config = strings.ReplaceAll(config, "# mine\n", "") + user("new", "token: canary-new")
	p.write(config, ".kube", "config")
	p.importing("--undo", "--user=me").ok().prints(`Put back "me"`)
	got := p.read(".kube", "config")
	if !strings.Contains(got, "canary-me") || !strings.Contains(got, "canary-new") || strings.Contains(got, "canary-other") || strings.Contains(got, "# mine") {
		t.Errorf("put back:\n%s", got)
	}
	if p.asBlock("other").ok().token() != "canary-other" {
		t.Error("the other one is not what it was")
	}
	// One that somebody gave a file beside the block, or another token, is theirs.
	beside := got[:strings.LastIndex(got, "exec:")] + strings.Replace(got[strings.LastIndex(got, "exec:"):], "exec:", "tokenFile: /run/theirs\n    exec:", 1)
	if !strings.Contains(got[strings.Index(got, "other"):], "exec:") {
		t.Fatalf("where is the block?\n%s", got)
	}
	p.write(beside, ".kube", "config")
	p.importing("--undo").fails(exitConfig, `"other"`)
	p.holds(beside)
	p.write(got, ".kube", "config")
	var theirs string
	for part := range strings.SplitSeq(got, "- name: ") {
		if strings.HasPrefix(part, "other") {
			theirs = strings.Replace(got, part, "other\n  user: {token: canary-theirs}\n", 1)
		}
	}
	p.write(theirs, ".kube", "config")
	p.importing("--undo").fails(exitConfig, `"other"`).hints("delete-user")
	p.holds(theirs)
	// Taken away, it comes back.
	p.write(strings.Replace(theirs, "- name: other\n  user: {token: canary-theirs}\n", "", 1), ".kube", "config")
	p.importing("--undo", "--user=other").ok()
	if got := p.read(".kube", "config"); !strings.Contains(got, "canary-other") || !strings.Contains(got, "canary-new") {
		t.Errorf("put back:\n%s", got)
	}
	p.nothingSealed()
}

// A file that is gone comes back as a whole.
func TestUndoOfALostFile(t *testing.T) {
	p := newPlace(t)
	plain := p.users(user("me", "token: canary-me"))
	p.importing("--yes").ok()
	if err := os.Remove(p.path(".kube", "config")); err != nil {
		t.Fatal(err)
	}
	p.importing("--undo").ok()
	p.holds(plain)
}

// What is forgotten on purpose is in no backup either; the rest of the backup
// stays of use.
func TestForgetOneOfTwo(t *testing.T) {
	p := newPlace(t)
	plain := p.users(user("me", "token: canary-me"), user("other", "token: canary-other"))
	p.importing("--all", "--yes").ok()
	logout := append([]string{"logout", "--kubeconfig=" + p.path(".kube", "config"), "--user=me"}, p.sealed()...)
	p.run(logout...).fails(exitDenied, "error: the static token of the user \"me\" was imported, and there may be no other copy").hints("--forget-imported")
	p.run(append(logout, "--forget-imported")...).ok().prints("Forgot")
	p.importing("--undo").ok()
	if got := p.read(".kube", "config"); strings.Contains(got, "canary-me") || !strings.Contains(got, "canary-other") || got == plain {
		t.Errorf("put back:\n%s", got)
	}
	p.nothingSealed()
}

func TestForgetAll(t *testing.T) {
	p := newPlace(t)
	p.users(user("me", "token: canary-me"))
	p.importing("--yes").ok()
	all := append([]string{"logout", "--all"}, p.sealed()...)
	p.run(all...).ok().prints("stays sealed")
	if p.asBlock("me").ok().token() != "canary-me" {
		t.Error("logout --all took it")
	}
	p.run(append(all, "--forget-imported")...).ok()
	p.nothingSealed()
	p.asBlock("me").fails(exitLoginNeeded, "cannot be read").hints("kubecred import")
}

// What another keyring's key opens may be the only copy: a logout that cannot see
// what it is leaves it.
func TestLogoutOfWhatAnotherKeyOpens(t *testing.T) {
	p := newPlace(t)
	plain := p.users(user("me", "token: canary-me"))
	p.importing("--yes").ok()
	keys, err := filepath.Glob(p.path("sealed", "file", "*.key"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	if err := os.Rename(keys[0], p.path("elsewhere")); err != nil {
		t.Fatal(err)
	}
	all := append([]string{"logout", "--all"}, p.sealed()...)
	p.run(all...).fails(exitCache, "data key was not found").hints("--forget-imported")
	if err := os.Rename(p.path("elsewhere"), keys[0]); err != nil {
		t.Fatal(err)
	}
	if p.asBlock("me").ok().token() != "canary-me" {
		t.Error("logout --all took it")
	}
	p.importing("--undo").ok()
	p.holds(plain)
}

// Two users of one provider share what is sealed, until both are put back.
func TestImportOfTwoWithOneSession(t *testing.T) {
	p := newPlace(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary))
	delete(p.env, "KUBECRED_USERNAME")
	one, idToken := p.legacySession(clientCanary)
	other, _ := p.legacySession(clientCanary)
	plain := p.users(user("me", one), user("other", other))
	p.importing("--all", "--yes").ok().prints("Imported 2 users")
	if p.asBlock("me").ok().token() != idToken || p.asBlock("other").ok().token() != idToken {
		t.Error("not the first session for both")
	}
	p.importing("--undo", "--user=me").ok().prints(`Put back "me" in`)
	if p.asBlock("other").ok().token() != idToken {
		t.Error("the other one lost its session")
	}
	p.importing("--undo").ok()
	p.holds(plain)
	p.nothingSealed()
}

// So do two files.
func TestUndoOfOneOfTwoFilesWithOneSecret(t *testing.T) {
	p := newPlace(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary))
	delete(p.env, "KUBECRED_USERNAME")
	config, _ := p.legacySession(clientCanary)
	p.users(user("me", config))
	p.write(p.read(".kube", "config"), "other")
	other := append([]string{"import", "--kubeconfig=" + p.path("other")}, p.sealed()...)
	p.importing("--yes").ok()
	p.run(append(other, "--yes")...).ok()
	p.run(append(other, "--undo")...).ok()
	p.passed = 2 * time.Hour
	p.asBlock("me").ok() // renewed, with the client's secret
	p.importing("--undo").ok()
}
