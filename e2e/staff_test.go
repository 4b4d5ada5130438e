package e2e

// Somebody whom the exchange's directory knows: a person with other flags.

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
)

// staff is a person of the exchange x.
type staff struct {
	*person
	x *exchange.Exchange
}

// newStaff names somebody after the test and puts them into the file of users.
func newStaff(t *testing.T, x *exchange.Exchange) staff {
	t.Helper()
	s := atDesk(t, x)
	s.put(false)
	return s
}

// atDesk gives somebody a desk, whom the directory may know.
func atDesk(t *testing.T, x *exchange.Exchange) staff {
	t.Helper()
	s := staff{&person{t: t, account: accountOf(t), program: kubecred(t)}, x}
	d, err := desk.New(t.TempDir())
	s.must(err)
	s.Desk = d
	t.Cleanup(func() { d.Close() })
	s.must(os.WriteFile(s.ca(), x.CA, 0o600))
	s.must(os.Symlink(s.program, filepath.Join(d.Home, "bin", "kubecred")))
	return s
}

// put writes the person into the file of users.
func (s staff) put(disabled bool) {
	s.t.Helper()
	s.must(s.x.Put(exchange.User{
		Name: s.account, Email: s.account + "@corp.example", Groups: []string{"developers", "Zoë, \"Q\" & co"}, Disabled: disabled,
	}))
}

// typed are the arguments of get-token for somebody who types the password.
func (s staff) typed(more ...string) []string {
	return append([]string{
		"--exchange-url=" + s.x.Issuer, "--username=" + s.account,
		"--certificate-authority=" + s.ca(), "--token-cache-storage=file",
	}, more...)
}

// kept are those for a machine, whose own configuration names a file with the password.
func (s staff) kept(more ...string) []string {
	s.t.Helper()
	config := filepath.Join(s.Home, ".config", "kubecred")
	s.must(os.MkdirAll(config, 0o700))
	s.must(os.WriteFile(filepath.Join(config, "config.yaml"), fmt.Appendf(nil, `profiles:
  corp: {exchange-url: %q, certificate-authority: %q, username: %q, password-file: %q, token-cache-storage: file}
`, s.x.Issuer, s.ca(), s.account, s.passwordFile()), 0o600))
	s.keep(exchange.Password)
	return append([]string{"--profile=corp"}, more...)
}

func (s staff) passwordFile() string { return filepath.Join(s.Home, "password") }

func (s staff) keep(password string) {
	s.t.Helper()
	s.must(os.WriteFile(s.passwordFile(), []byte(password+"\n"), 0o600))
}

// typePassword agrees that the password may go to the exchange, and types it unseen.
func (s staff) typePassword(r *desk.Running) {
	s.t.Helper()
	_, err := r.Terminal.Expect(`\[y/N\]`, patience)
	s.must(err)
	s.must(r.Terminal.Type("y\r"))
	_, err = r.Terminal.Expect(`Password of [^\n]*: `, patience)
	s.must(err)
	if echo, err := r.Terminal.Echoes(); err != nil || echo {
		s.t.Errorf("the terminal shows the password as it is typed (%v)", err)
	}
	s.must(r.Terminal.Type(exchange.Password + "\r"))
}

// sees asserts that the API server knows user, groups and UID as the file of users does.
func (s staff) sees(r desk.Result) {
	s.t.Helper()
	who := s.seen(r)
	groups := []string{exchange.GroupPrefix + `Zoë, "Q" & co`, exchange.GroupPrefix + "developers", "system:authenticated"}
	if who.Username != exchange.Prefix+s.account || who.UID != s.account || !slices.Equal(slices.Sorted(slices.Values(who.Groups)), groups) {
		s.t.Fatalf("the API server sees %q, groups %q, UID %q", who.Username, who.Groups, who.UID)
	}
}

// refused asserts that the API server believes nothing, and kubectl says so.
func (s staff) refused(r desk.Result) {
	s.t.Helper()
	if r.Code == 0 || r.Stdout != "" {
		s.t.Errorf("kubectl exited with %d and printed %q", r.Code, r.Stdout)
	}
}

// decided asserts how often the exchange decided so for this person.
func (s staff) decided(event, decision, reason string, times int) {
	s.t.Helper()
	if got := s.count(func(d exchange.Decision) bool {
		return d.Event == event && d.Decision == decision && d.Reason == reason
	}); got != times {
		all, err := s.x.Decisions(s.account)
		s.t.Errorf("%s was %s (%q) %d times, want %d; all: %+v, %v", event, decision, reason, got, times, all, err)
	}
}

// reviews is how often an API server asked about this person's tokens.
func (s staff) reviews() int {
	s.t.Helper()
	return s.count(func(d exchange.Decision) bool { return d.Event == "review" })
}

// issued is how often the exchange was asked for something to show to a cluster.
func (s staff) issued() int {
	s.t.Helper()
	return s.count(func(d exchange.Decision) bool { return d.Event != "review" })
}

func (s staff) count(of func(exchange.Decision) bool) (n int) {
	s.t.Helper()
	all, err := s.x.Decisions(s.account)
	s.must(err)
	for _, d := range all {
		if of(d) {
			n++
		}
	}
	return n
}

func (s staff) writeExec(apiVersion string, flags ...string) {
	s.t.Helper()
	s.writeExecFor(theCluster(s.t), apiVersion, flags...)
}

func (s staff) writeExecFor(c *cluster.Cluster, apiVersion string, flags ...string) {
	s.t.Helper()
	s.must(kubeconfig.Write(s.Kubeconfig(), c.URL, c.CA, s.exec(apiVersion, flags...)))
}
