package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/provider"
)

// What a person sees in a real browser after signing in: a page that says so, without the code in
// the address bar, whole at the width of a desk and of a phone. Pictures go to the build folder.
func TestPageAfterSignIn(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Chromium)
	p := newPerson(t, kubecred(t))
	r := p.start(desk.Null, p.program, append([]string{"get-token"}, browserFlags(p)...)...)
	address := p.opens(r)
	tab, err := theBrowser(t).Open(t.Context())
	p.must(err)
	defer tab.Close()
	p.must(tab.SignIn(address, p.account, provider.Password))
	credentialOf(p, p.finish(r))

	page, err := tab.Page()
	p.must(err)
	if strings.Contains(page.Address, "code=") || strings.Contains(page.Address, "state=") {
		t.Errorf("the address bar shows %s", page.Address)
	}
	if !strings.Contains(page.Text, "close this tab") || page.Title == "" {
		t.Errorf("the page %q says %q", page.Title, page.Text)
	}
	p.must(os.MkdirAll(parts.Build("pages"), 0o755))
	for _, width := range []int64{360, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			png, err := tab.Screenshot(width, 800, scheme)
			p.must(err)
			p.must(os.WriteFile(parts.Build("pages", fmt.Sprintf("signed-in-%d-%s.png", width, scheme)), png, 0o644))
			wider, err := tab.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`)
			p.must(err)
			if wider != false {
				t.Errorf("at %d pixels the page is wider than the window", width)
			}
		}
	}
	// A page of ours asks nobody for anything, and says its language to whoever reads it aloud.
	for expression, want := range map[string]any{
		`performance.getEntriesByType("resource").filter(r => !r.name.startsWith(location.origin)).length`: 0.0,
		`document.documentElement.lang`:                  "en",
		`document.querySelectorAll("h1").length`:         1.0,
		`document.querySelectorAll("script").length > 1`: false,
	} {
		if got, err := tab.Evaluate(expression); err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", expression, got, err, want)
		}
	}
}
