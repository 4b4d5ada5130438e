package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// The Kubernetes version that is built; e2e/kube/go.mod has the same.
const kubeVersion, kubeMinor = "v1.37.2", "37"

// command is something to run in the background.
type command struct {
	name string
	dir  string
	env  []string // added to this process's own
	args []string
	// unless, where it is set and true, means there is nothing to do.
	unless func() bool
}

// step is a command, or several in turn, under way.
type step struct {
	name string
	done chan error
}

// startPreparing begins to install what the machine lacks, and to build what the real parts are.
func startPreparing(ctx context.Context) (installing *step, building []*step) {
	return start(ctx, install()...), []*step{start(ctx, npm()), start(ctx, servers()...)}
}

// start runs the commands one after the other, without waiting.
func start(ctx context.Context, commands ...command) *step {
	s := &step{done: make(chan error, 1)}
	if len(commands) == 0 {
		s.done <- nil
		return s
	}
	s.name = commands[0].name
	go func() {
		for _, c := range commands {
			if err := c.run(ctx); err != nil {
				s.done <- err
				return
			}
		}
		s.done <- nil
	}()
	return s
}

// wait waits for the end, says how a named step went, and whether it went well.
func (s *step) wait() bool {
	began := time.Now()
	err := <-s.done
	if err != nil {
		fmt.Printf("FAIL  %s\n%s\n", s.name, err)
	} else if waited := time.Since(began); s.name != "" && waited > time.Second {
		fmt.Printf("ok    %s (waited %s)\n", s.name, waited.Round(time.Second))
	}
	return err == nil
}

func (c command) run(ctx context.Context) error {
	if c.unless != nil && c.unless() {
		return nil
	}
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.args, " "), err, tail(out.String(), 40))
	}
	return nil
}

// install brings the Debian packages that are missing, where that may be done.
func install() []command {
	var packages []string
	for _, p := range parts.All() {
		if p.Lacks() != "" {
			packages = append(packages, p.Debian...)
		}
	}
	if len(packages) == 0 {
		return nil
	}
	line := append([]string{"apt-get", "install", "-y", "--no-install-recommends"}, packages...)
	if !mayInstall() {
		fmt.Printf("note  to run everything, on Debian: sudo %s\n", strings.Join(line, " "))
		return nil
	}
	env := []string{"DEBIAN_FRONTEND=noninteractive"}
	return []command{
		{name: "install " + strings.Join(packages, " "), env: env, args: []string{"apt-get", "update"}},
		{env: env, args: append([]string{"sh", "-c", quietly, "sh"}, line...)},
	}
}

// quietly runs what installs, and has no service started meanwhile that comes
// with a package (https://www.debian.org/doc/debian-policy/ch-opersys.html, policy-rc.d).
// slapd is told to make no directory of its own.
const quietly = `policy=/usr/sbin/policy-rc.d
if ! test -e $policy; then
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy || exit
fi
echo slapd slapd/no_configuration boolean true | debconf-set-selections
"$@"`

func mayInstall() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// npm installs exactly what the lock file names, beside the build and not in the tree,
// where every `go` command would walk through it.
func npm() command {
	from, to := filepath.Join(parts.Root(), "e2e", "node"), parts.Build("node")
	const script = `mkdir -p "$1" && cp package.json package-lock.json "$1" && cd "$1" &&
		npm ci --no-audit --no-fund && cp package-lock.json installed`
	return command{
		name: "install the npm packages", dir: from, args: []string{"sh", "-c", script, "sh", to},
		unless: func() bool {
			return missingTool("npm") || same(filepath.Join(from, "package-lock.json"), filepath.Join(to, "installed"))
		},
	}
}

// missingTool: the tests name what is missing and skip or fail; there is nothing to prepare.
func missingTool(name string) bool {
	_, err := exec.LookPath(name)
	return err != nil
}

func same(a, b string) bool {
	first, err := os.ReadFile(a)
	second, err2 := os.ReadFile(b)
	return errors.Join(err, err2) == nil && bytes.Equal(first, second)
}

// servers builds the API server, kubectl and etcd. The flags are always the same,
// or Go's build cache, which takes ten minutes to fill, is split.
func servers() []command {
	version := "k8s.io/component-base/version."
	ldflags := fmt.Sprintf("-ldflags=-s -w -X %[1]sgitVersion=%[2]s -X %[1]sgitMajor=1 -X %[1]sgitMinor=%[3]s",
		version, kubeVersion, kubeMinor)
	return []command{
		serverBuild("build kube-apiserver and kubectl", "kube", ldflags,
			"k8s.io/kubernetes/cmd/kubectl", "k8s.io/kubernetes/cmd/kube-apiserver"),
		serverBuild("build etcd", "etcd", "-ldflags=-s -w", "go.etcd.io/etcd/server/v3"),
	}
}

func serverBuild(name, module, ldflags string, packages ...string) command {
	out := parts.Build("bin") + string(filepath.Separator)
	if module == "etcd" {
		out = parts.Build("bin", "etcd") // its package is named server
	}
	args := slices.Concat([]string{"go", "build", "-trimpath", ldflags, "-o", out}, packages)
	if nice, err := exec.LookPath("nice"); err == nil && runtime.GOOS != "windows" {
		args = append([]string{nice, "-n", "10"}, args...)
	}
	return command{
		name: name, args: args, env: []string{"CGO_ENABLED=0"},
		dir: filepath.Join(parts.Root(), "e2e", module),
	}
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
