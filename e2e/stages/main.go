// Command stages is what `make test` runs.
//
//	stages parts   install and build what the end-to-end tests drive
//	stages test    that, and both stages of tests, and a summary
//
// The servers are built in the background, at low priority, while the first stage runs.
// What could not be had is named in the summary with its reason; where CI is set a skip is a failure.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kubecred/kubecred/e2e/internal/parts"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok := false
	switch {
	case len(os.Args) == 2 && os.Args[1] == "parts":
		ok = prepare(ctx)
	case len(os.Args) == 2 && os.Args[1] == "test":
		ok = test(ctx)
	default:
		fmt.Fprintln(os.Stderr, "usage: stages parts|test")
	}
	if !ok {
		os.Exit(1)
	}
}

func prepare(ctx context.Context) bool {
	installing, building := startPreparing(ctx)
	ok := installing.wait()
	for _, step := range building {
		ok = step.wait() && ok
	}
	for _, p := range parts.All() {
		if lacks := p.Lacks(); lacks != "" {
			fmt.Printf("missing  %s: %s; %s\n", p.Name, lacks, p.Hint)
			ok = false
		}
	}
	return ok
}

// test runs everything there is to run, even after a failure: one run shows all of them.
func test(ctx context.Context) bool {
	root, sum := parts.Root(), &summary{}
	installing, building := startPreparing(ctx)
	sum.check(installing.name, installing.wait()) // the compiler for -race may be among it

	fmt.Println("== stage 1: the quick tests")
	sum.check(vet(ctx, root))
	sum.tests(goTest(ctx, root, raceFlags(sum)...))

	fmt.Println("== waiting for the real parts")
	for _, step := range building {
		sum.check(step.name, step.wait())
	}

	fmt.Println("== stage 2: the real parts")
	e2e := filepath.Join(root, "e2e")
	sum.check(vet(ctx, e2e))
	sum.tests(goTest(ctx, e2e, "-timeout=15m", "-parallel=6"))
	return sum.print(parts.CI())
}

func vet(ctx context.Context, dir string) (string, bool) {
	step := start(ctx, command{name: "go vet", dir: dir, args: []string{"go", "vet", "./..."}})
	return step.name, step.wait()
}

// raceFlags asks for the race detector, which needs a C compiler.
func raceFlags(sum *summary) []string {
	for _, p := range parts.All() {
		if lacks := p.Lacks(); p.Name == parts.Race && lacks != "" {
			sum.skip("stage 1 with -race", fmt.Sprintf("part %s: %s; %s", p.Name, lacks, p.Hint))
			return nil
		}
	}
	return []string{"-race"}
}
