package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	reference = "../../docs/configuration.md"
	migration = "../../docs/kubelogin.md"
)

// The reference's table is this declaration. When it fails, copy what it
// prints between the two marks.
func TestReferenceIsComplete(t *testing.T) {
	doc := readDoc(t, reference)
	_, rest, ok := strings.Cut(doc, "<!-- settings -->\n")
	got, _, end := strings.Cut(rest, "<!-- /settings -->")
	if !ok || !end {
		t.Fatal("the reference has no marks")
	}
	if want := referenceTable(); got != want {
		t.Errorf("the table should read:\n%s", want)
	}
}

func referenceTable() string {
	var b strings.Builder
	b.WriteString("| setting | flag | variable | profile | default | | meaning |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, s := range table() {
		if s.is&hidden != 0 {
			continue
		}
		marks := when(s.is&bundled != 0, "B") + when(s.is&identifying != 0, "E")
		variable := ""
		if s.from&inVariable != 0 {
			variable = "`" + s.variable() + "`"
		}
		def := ""
		if s.def != "" {
			def = "`" + s.def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", s.name,
			when(s.from&inFlag != 0, "yes"), variable, when(s.from&inProfile != 0, "yes"), def, marks, s.usage)
	}
	return b.String()
}

func readDoc(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// example returns the block that follows the mark <!-- example: NAME -->.
func example(t *testing.T, path, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(readDoc(t, path), "<!-- example: "+name+" -->\n```yaml\n")
	block, _, end := strings.Cut(rest, "```")
	if !ok || !end {
		t.Fatalf("%s has no example %s", path, name)
	}
	return block
}

// The examples of the reference are read as they stand there.
func TestReferenceExamples(t *testing.T) {
	p := newPlace(t)
	p.write(p.User, example(t, reference, "configuration")).write(p.Policy, example(t, reference, "policy"))
	ca := certificate(t)
	p.write(filepath.Join(filepath.Dir(p.User), "corp-ca.pem"), ca)
	policy := strings.ReplaceAll(example(t, reference, "policy"), "/etc/kubecred/corp-ca.pem", filepath.Join(p.Home, "corp-ca.pem"))
	p.write(p.Policy, policy).write(filepath.Join(p.Home, "corp-ca.pem"), ca)
	s := mustResolve(t, Input{Files: p.Files, Flags: args(t, "--profile=corp")})
	if s.IssuerURL != "https://idp.corp.example/realms/main" || s.ClientSecret.Empty() || s.Proxy == "" || s.Storage != "keyring" {
		t.Errorf("resolved %s, %v", s.IssuerURL, s.Storage)
	}
}

// Every flag that int128/kubelogin v1.x documents is taken, and the page on
// migration names what differs.
func TestMigrationNamesEveryFlag(t *testing.T) {
	doc := readDoc(t, migration)
	for _, s := range table() {
		if s.from&inFlag != 0 && s.name != "v" && !strings.Contains(doc, "--"+s.name) {
			t.Errorf("the page on migration does not name --%s", s.name)
		}
	}
	for _, name := range append(ignoredToggles(), ignoredTexts()...) {
		if !strings.Contains(doc, "--"+name) {
			t.Errorf("the page on migration does not name --%s", name)
		}
	}
}
