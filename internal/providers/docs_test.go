package providers

// Preset and page say the same.

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kubecred/kubecred/internal/settings"
)

const root = "../../"

func page(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// flow is text without its line breaks.
func flow(text string) string { return strings.Join(strings.Fields(text), " ") }

// block returns the YAML of a page that begins so.
func block(t *testing.T, doc, begins string, into any) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "```yaml\n"+begins)
	text, _, end := strings.Cut(begins+rest, "```")
	if !ok || !end {
		t.Fatalf("no block begins with %q", begins)
	}
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
	return text
}

// items returns the items of a section's list, each without its line breaks.
func items(doc, heading string) []string {
	_, rest, _ := strings.Cut(doc, "\n## "+heading+"\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	section, _, _ = strings.Cut(section, "\n```")
	var list []string
	for line := range strings.Lines(section) {
		mark, text, _ := strings.Cut(line, " ")
		switch {
		case mark == "-" || strings.Trim(mark, "123456789.") == "" && mark != "":
			list = append(list, flow(text))
		case mark == "" && len(list) > 0:
			list[len(list)-1] += " " + flow(text)
		}
	}
	return list
}

func TestPagesSayWhatPresetsSay(t *testing.T) {
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			if p.Doc != "docs/providers/"+p.Name+".md" {
				t.Errorf("the page is %s", p.Doc)
			}
			doc := page(t, p.Doc)
			if !strings.HasPrefix(doc, "# "+p.Title+"\n") {
				t.Error("the title differs")
			}
			if hints := items(doc, "At the provider"); !slices.Equal(hints[:min(len(hints), len(p.Hints))], p.Hints) {
				t.Errorf("the steps are\n%q\nwant\n%q", hints, p.Hints)
			}
			if notes := items(doc, "Good to know"); !slices.Equal(notes[:min(len(notes), len(p.Notes))], p.Notes) {
				t.Errorf("the notes are\n%q\nwant first\n%q", notes, p.Notes)
			}
			checkRedirects(t, p, doc)
		})
	}
}

// checkRedirects wants the line that names the preset's redirect URIs.
func checkRedirects(t *testing.T, p Preset, doc string) {
	t.Helper()
	want := "No redirect URI is registered: any port of `localhost` is taken."
	switch uris := p.Redirects(); len(uris) {
	case 1:
		want = "Redirect URI to register: `" + uris[0] + "`."
	case 2:
		want = "Redirect URIs to register: `" + uris[0] + "` and `" + uris[1] + "`."
	}
	if !strings.Contains(doc, "\n"+want+"\n") {
		t.Errorf("the page does not say: %s", want)
	}
}

// The exec block of each page, read as get-token reads it, asks for what the
// preset says and for nothing else.
func TestExecBlocksOfPages(t *testing.T) {
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			doc := page(t, p.Doc)
			s := settingsOf(t, doc)
			if found, ok := For(s.IssuerURL); !ok || found.Name != p.Name {
				t.Errorf("%s is %q", s.IssuerURL, found.Name)
			}
			if want := append([]string{"openid"}, p.Scopes...); !slices.Equal(s.Scopes, want) {
				t.Errorf("scopes %v, want %v", s.Scopes, want)
			}
			if !maps.Equal(s.ExtraParams, p.ExtraParams) {
				t.Errorf("parameters %v, want %v", s.ExtraParams, p.ExtraParams)
			}
			if s.ClientSecret.Empty() == p.ClientSecret || len(s.ExposedSecrets) > 0 {
				t.Errorf("a client secret: %v, exposed: %v", !s.ClientSecret.Empty(), s.ExposedSecrets)
			}
			checkCluster(t, p, doc, s)
			if !strings.Contains(doc, "kubecred setup --oidc-issuer-url="+s.IssuerURL+" \\\n  --oidc-client-id="+s.ClientID+"\n") &&
				!strings.Contains(doc, "kubecred setup --profile="+s.Profile+"\n") {
				t.Error("no line runs kubecred setup")
			}
		})
	}
}

// settingsOf resolves a page's exec block, with the page's profile if it has one.
func settingsOf(t *testing.T, doc string) *settings.Settings {
	t.Helper()
	var user struct {
		Exec struct {
			APIVersion      string   `yaml:"apiVersion"`
			Command         string   `yaml:"command"`
			Args            []string `yaml:"args"`
			InteractiveMode string   `yaml:"interactiveMode"`
		} `yaml:"exec"`
	}
	block(t, doc, "exec:\n", &user)
	if e := user.Exec; e.APIVersion != "client.authentication.k8s.io/v1" || e.Command != "kubecred" || e.InteractiveMode != "IfAvailable" || e.Args[0] != "get-token" {
		t.Errorf("the exec block is %+v", e)
	}
	flags, err := settings.ParseArgs(user.Exec.Args)
	if err != nil {
		t.Fatal(err)
	}
	files := emptyFiles(t)
	if strings.Contains(doc, "```yaml\nprofiles:\n") {
		var any map[string]any
		if err := os.WriteFile(files.User, []byte(block(t, doc, "profiles:\n", &any)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := settings.Resolve(settings.Input{Flags: flags, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkCluster wants the API server's side of a page to fit the exec block and
// the preset.
func checkCluster(t *testing.T, p Preset, doc string, s *settings.Settings) {
	t.Helper()
	type mapping struct{ Claim, Prefix string }
	var config struct {
		JWT []struct {
			Issuer struct {
				URL       string
				Audiences []string
			}
			ClaimMappings struct{ Username, Groups mapping } `yaml:"claimMappings"`
		}
	}
	block(t, doc, "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n", &config)
	got := config.JWT[0]
	if got.Issuer.URL != s.IssuerURL || !slices.Equal(got.Issuer.Audiences, []string{s.ClientID}) {
		t.Errorf("the cluster trusts %v", got.Issuer)
	}
	wantGroups := mapping{p.GroupsClaim, "oidc:"}
	if p.GroupsClaim == "" {
		wantGroups = mapping{}
	}
	if m := got.ClaimMappings; m.Username != (mapping{p.UsernameClaim, "oidc:"}) || m.Groups != wantGroups {
		t.Errorf("the cluster maps %v", m)
	}
}

// The index has a row for each preset. When it fails, a row should begin with
// what it prints.
func TestIndex(t *testing.T) {
	doc := page(t, "docs/providers/README.md")
	for _, p := range All() {
		if row := indexRow(p); !strings.Contains(doc, "\n"+row) {
			t.Errorf("no row begins:\n%s", row)
		}
	}
}

func indexRow(p Preset) string {
	redirects := map[int]string{0: "none to register", 1: "without a port", 2: "each port"}[len(p.Redirects())]
	asked, device, groups := "", "no", "none"
	for _, scope := range p.Scopes {
		asked += "`" + scope + "` "
	}
	for name, value := range p.ExtraParams {
		asked += "`" + name + "=" + value + "` "
	}
	if p.DeviceGrant {
		device = "yes"
	}
	if p.GroupsClaim != "" {
		groups = "`" + p.GroupsClaim + "`"
	}
	return fmt.Sprintf("| [%s](%s) | `%s` | %s | %s| `%s` | %s | %s | ", p.Title, filepath.Base(p.Doc), p.Name, redirects, asked, p.UsernameClaim, groups, device)
}
