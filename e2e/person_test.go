package e2e

// A person of the tests: a desk, a kubeconfig with an exec block, and kubectl.

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authv1 "k8s.io/api/authentication/v1"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/provider"
)

// person is somebody whom the provider knows, at a desk of their own.
type person struct {
	*desk.Desk
	t       *testing.T
	account string
	program string // kubecred
}

// newPerson names the person after the test, so that what the provider counts is theirs alone.
func newPerson(t *testing.T, program string) *person {
	t.Helper()
	p := &person{t: t, account: accountOf(t) + "@corp.example", program: program}
	d, err := desk.New(t.TempDir())
	p.must(err)
	p.Desk = d
	t.Cleanup(func() { d.Close() })
	p.must(os.WriteFile(p.ca(), theProvider(t).CA, 0o600))
	p.must(os.Symlink(program, filepath.Join(d.Home, "bin", "kubecred")))
	return p
}

// accountOf is a name of the test's own.
func accountOf(t *testing.T) string {
	return strings.ToLower(strings.NewReplacer("/", ".", " ", "-", "#", "").Replace(t.Name()))
}

func (p *person) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) ca() string { return filepath.Join(p.Home, "provider-ca.pem") }

// flags are the arguments of get-token that every way to sign in shares.
// Of two flags of one name the later one counts.
func (p *person) flags(more ...string) []string {
	return append([]string{
		"--oidc-issuer-url=" + theProvider(p.t).Issuer,
		"--oidc-client-id=" + publicClient,
		"--oidc-extra-scope=email", "--oidc-extra-scope=groups", "--oidc-extra-scope=offline_access",
		"--certificate-authority=" + p.ca(),
		"--token-cache-storage=file",
		"--listen-address=127.0.0.1:0",
	}, more...)
}

// writeKubeconfig puts get-token with these flags into the person's kubeconfig.
func (p *person) writeKubeconfig(apiVersion string, flags ...string) {
	p.t.Helper()
	c := theCluster(p.t)
	p.must(kubeconfig.Write(p.Kubeconfig(), c.URL, c.CA, p.exec(apiVersion, flags...)))
}

func (p *person) exec(apiVersion string, flags ...string) kubeconfig.Exec {
	return kubeconfig.Exec{
		APIVersion: apiVersion, Command: "kubecred", Args: append([]string{"get-token"}, flags...),
	}
}

// run runs a command at the desk to its end.
func (p *person) run(stdin desk.Stdin, path string, args ...string) desk.Result {
	p.t.Helper()
	return p.finish(p.start(stdin, path, args...))
}

func (p *person) start(stdin desk.Stdin, path string, args ...string) *desk.Running {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p.t.Cleanup(cancel)
	r, err := p.Start(ctx, desk.Command{Path: path, Args: args, Stdin: stdin})
	p.must(err)
	return r
}

func (p *person) finish(r *desk.Running) desk.Result {
	p.t.Helper()
	result, err := r.Wait()
	p.must(err)
	return result
}

// getToken runs get-token by itself.
func (p *person) getToken(stdin desk.Stdin, flags ...string) desk.Result {
	p.t.Helper()
	return p.run(stdin, p.program, append([]string{"get-token"}, flags...)...)
}

// opens waits for a command to ask for the browser, and returns the page that it wants.
func (p *person) opens(r *desk.Running) string {
	p.t.Helper()
	address, err := p.Opened(patience)
	if err != nil {
		result, ended := r.Wait()
		p.t.Fatalf("%v; the command: %+v, %v", err, result, ended)
	}
	return address
}

// whoAmI starts `kubectl auth whoami` through the exec block.
func (p *person) whoAmI(stdin desk.Stdin) *desk.Running {
	p.t.Helper()
	return p.start(stdin, kubectl(p.t), "auth", "whoami", "-o", "json")
}

func kubectl(t *testing.T) string {
	t.Helper()
	path, err := parts.Command("kubectl")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// is asserts that the API server took the credential for the account's.
func (p *person) is(account string, r desk.Result) {
	p.t.Helper()
	if got, want := p.seen(r).Username, cluster.Prefix+account; got != want {
		p.t.Fatalf("the API server sees %q, want %q", got, want)
	}
}

// seen is whom the API server knows kubectl for.
func (p *person) seen(r desk.Result) authv1.UserInfo {
	p.t.Helper()
	if r.Code != 0 {
		p.t.Fatalf("kubectl exited with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	var review authv1.SelfSubjectReview
	p.must(json.Unmarshal([]byte(r.Stdout), &review))
	return review.Status.UserInfo
}

// silent asserts that nothing was said: some clients take stderr for output.
func (p *person) silent(r desk.Result) {
	p.t.Helper()
	if r.Stderr != "" {
		p.t.Errorf("stderr on success: %q", r.Stderr)
	}
}

// requests are those of one kind that the provider answered for this person:
// a route, or a grant type at the token endpoint.
func (p *person) requests(kind string) []provider.Request {
	p.t.Helper()
	all, err := theProvider(p.t).Requests(context.Background(), p.account)
	p.must(err)
	return slices.DeleteFunc(all, func(r provider.Request) bool { return r.Route != kind && r.Grant != kind })
}

// asked asserts how often the provider was asked for something.
func (p *person) asked(kind string, times int) {
	p.t.Helper()
	if got := p.requests(kind); len(got) != times {
		p.t.Errorf("the provider was asked %d times for %s, want %d: %+v", len(got), kind, times, got)
	}
}

// files are the contents of all that lies in the person's cache, by path.
func (p *person) files(dir string) map[string]string {
	p.t.Helper()
	contents := map[string]string{}
	p.must(filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		contents[path] = string(text)
		return err
	}))
	return contents
}

// hint is what the program tells the person to run.
func hint(stderr string) (string, error) {
	for line := range strings.Lines(stderr) {
		if _, command, ok := strings.Cut(line, "kubecred login"); ok && strings.Contains(line, "hint:") {
			command = strings.TrimRight(strings.TrimSpace(command), ".`'\"")
			return "kubecred login " + command, nil
		}
	}
	return "", fmt.Errorf("no hint names a login command:\n%s", stderr)
}
