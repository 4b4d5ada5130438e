package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
)

func (a *app) checkCommand() *cobra.Command {
	var path, user, output string
	c := &cobra.Command{
		Use:   "check",
		Short: "Try a configuration against the real directory",
		Long: `Reads the configuration and every file that it names, and asks each server of
the directory as the service would: connect, TLS, bind, search. With --user it
looks a person up and shows the groups that clusters would be told.

It changes nothing, and prints no secret. It may be run while the service runs.
Its exit status is 0 when the service would work.`,
		Example: cli.Examples("kubecred-exchange check --config exchange.yaml", "kubecred-exchange check --config exchange.yaml --user alice"),
		Args:    cli.NoArgs,
	}
	addConfig(c, &path)
	cli.AddOutput(c, &output)
	c.Flags().StringVar(&user, "user", "", "Look up this person too")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if path == "" {
			return cli.Mistake("name the configuration file with --config", "--config is missing")
		}
		r := new(findings)
		r.all(c.Context(), path, user)
		if err := cli.Print(a.stdout, output, r.findings, r.print); err != nil {
			return err
		}
		return r.failure()
	}
	return c
}

// finding is one thing that was checked.
type finding struct {
	Checked string `json:"checked"`
	Result  result `json:"result"`
	Found   string `json:"found"`
	Do      string `json:"do,omitempty"` // where something is to be done

	err error
}

type result string

const (
	fine    result = "ok"
	doubt   result = "warning"
	failing result = "failed"
)

// findings collects them in their order.
type findings struct{ findings []finding }

func (f *findings) ok(checked, format string, args ...any) {
	f.findings = append(f.findings, finding{Checked: checked, Result: fine, Found: fmt.Sprintf(format, args...)})
}

func (f *findings) warn(checked, do, format string, args ...any) {
	f.findings = append(f.findings, finding{Checked: checked, Result: doubt, Found: fmt.Sprintf(format, args...), Do: do})
}

func (f *findings) fail(checked, do string, err error) {
	f.findings = append(f.findings, finding{Checked: checked, Result: failing, Found: err.Error(), Do: do, err: err})
}

// print writes a line for what was checked and found, and one for what is to
// be done.
func (f *findings) print(w io.Writer) {
	for _, one := range f.findings {
		mark := map[result]string{fine: "ok      ", doubt: "warning ", failing: "FAILED  "}[one.Result]
		for i, line := range strings.Split(one.Found, "\n") {
			if i > 0 {
				mark = strings.Repeat(" ", len(mark))
			}
			fmt.Fprintf(w, "%s%-22s %s\n", mark, cli.OneLine(one.Checked), cli.OneLine(line))
		}
		if one.Do != "" {
			fmt.Fprintf(w, "        %-22s do: %s\n", "", cli.OneLine(one.Do))
		}
	}
}

// failure is nil where nothing failed, and else of the first that did.
func (f *findings) failure() error {
	failed := 0
	var first error
	for _, one := range f.findings {
		if one.Result != failing {
			continue
		}
		if failed++; first == nil {
			first = one.err
		}
	}
	if failed == 0 {
		return nil
	}
	code := explain(first).Code
	if code == exitOther {
		code = exitConfig
	}
	return cli.Fail(fmt.Errorf("%d of %d checks failed", failed, len(f.findings)), "do what stands beside each of them", code)
}

// checkTime bounds what check asks of one server.
const checkTime = 30 * time.Second

// all checks one thing after the other; without a configuration there is no
// other.
func (f *findings) all(ctx context.Context, path, user string) {
	c, err := config.Load(path)
	if err != nil {
		f.fail("configuration", "mend it; docs/exchange.md describes every key", err)
		return
	}
	f.ok("configuration", "%s names %s and %s", path, count(len(c.Clients), "client"), count(len(c.Clusters), "cluster"))
	f.door(c)
	f.state(ctx, c)
	f.keys(c)
	f.clusters(c)
	f.directory(ctx, c, user)
	for _, setting := range insecure(c) {
		f.warn("insecure", "use it on loopback and for trying out alone", "%s is set", setting)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var errUserUnknown = errors.New("the directory has nobody of that name")
