// Package chrome is a person with a real browser: headless Chromium, driven over DevTools.
//
// It trusts the keys that it is told to trust and nothing else of the tests' own;
// its profile is a new folder, and so is its HOME.
package chrome

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// Browser is a running Chromium.
type Browser struct {
	ctx  context.Context // chromedp keeps the browser in it
	stop context.CancelFunc
	dir  string
}

// Start runs Chromium. It trusts the serving keys with these digests.
func Start(ctx context.Context, spki ...string) (*Browser, error) {
	path, err := parts.Command("chromium")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kubecred-chromium-")
	if err != nil {
		return nil, err
	}
	allocator, free := chromedp.NewExecAllocator(ctx, flags(path, dir, spki)...)
	browser, stop := chromedp.NewContext(allocator)
	b := &Browser{ctx: browser, dir: dir, stop: func() { stop(); free() }}
	if err := chromedp.Do(browser); err != nil {
		b.Stop()
		return nil, fmt.Errorf("starting chromium: %w", err)
	}
	return b, nil
}

func flags(path, dir string, spki []string) []chromedp.ExecAllocatorOption {
	return []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.Env("HOME=" + dir),
		chromedp.UserDataDir(dir),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(spki, ",")),
	}
}

// Stop ends Chromium and removes its profile.
func (b *Browser) Stop() {
	_ = chromedp.Cancel(b.ctx) // asks it to end, and waits; it may be gone already
	b.stop()
	os.RemoveAll(b.dir)
}

// Tab is one private window, with no cookie of another's.
type Tab struct {
	ctx   context.Context
	close context.CancelFunc
}

// Open opens a window that closes with the context.
func (b *Browser) Open(ctx context.Context) (*Tab, error) {
	tab, closeTab := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	bound := context.AfterFunc(ctx, closeTab)
	t := &Tab{ctx: tab, close: func() { bound(); closeTab() }}
	if err := chromedp.Do(tab); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Close closes the window.
func (t *Tab) Close() { t.close() }

// The provider's own two pages, by what stands in their forms.
const (
	loginForm   = `form:has(input[name="prompt"][value="login"])`
	consentForm = `form:has(input[name="prompt"][value="consent"])`
)

// SignIn opens the address, types a name and a password, clicks, consents with a click,
// and returns once the browser has left the provider and shows where that led.
func (t *Tab) SignIn(address, account, password string) error {
	err := chromedp.Do(t.ctx,
		chromedp.Navigate(address),
		chromedp.SetValue(chromedp.CSS(`input[name="login"]`), account),
		chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), password),
		chromedp.Click(chromedp.CSS(loginForm+" button")),
		chromedp.WaitVisible(chromedp.CSS(consentForm)),
	)
	if err == nil {
		_, err = chromedp.RunResponse(t.ctx, chromedp.Click(chromedp.CSS(consentForm+" button")))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("signing in with chromium: %w", err), t.where())
	}
	return nil
}

func (t *Tab) where() error {
	page, err := t.Page()
	if err != nil {
		return err
	}
	return fmt.Errorf("it shows %s: %s", page.Address, page.Text)
}

// Page is what the window shows.
type Page struct {
	Address string // as the address bar has it
	Title   string
	Text    string // what a person can read
}

// Page reads the window.
func (t *Tab) Page() (p Page, err error) {
	if p.Text, err = chromedp.Run(t.ctx, chromedp.Text(chromedp.CSS("body"))); err != nil {
		return p, err
	}
	if p.Address, err = chromedp.Run(t.ctx, chromedp.Location()); err != nil {
		return p, err
	}
	p.Title, err = chromedp.Run(t.ctx, chromedp.Title())
	return p, err
}

// Evaluate runs JavaScript in the page, as an inspector would.
func (t *Tab) Evaluate(expression string) (any, error) {
	return chromedp.Run(t.ctx, chromedp.Evaluate[any](expression))
}

// Screenshot is a PNG of the window at a size, in a colour scheme: "dark" or "light".
func (t *Tab) Screenshot(width, height int64, scheme string) ([]byte, error) {
	media := emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}
	if err := chromedp.Do(t.ctx, chromedp.EmulateViewport(width, height)); err != nil {
		return nil, err
	}
	if _, err := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, media); err != nil {
		return nil, err
	}
	return chromedp.Run(t.ctx, chromedp.CaptureScreenshot())
}
