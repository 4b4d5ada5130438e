package doctor

// The command of the exec block: whether a client finds it, and which one.

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	ownName = "kubecred"

	askShare = 3 * time.Second
)

// Program is the command that clients run, and what could stand in its way.
type Program struct {
	Command string // of the exec block; "" where there is none
	Folder  string // of its kubeconfig, which a relative command starts at
	Self    string // this program's own file
	Path    string // PATH
	Version string // this program's

	ask func(ctx context.Context, path string) (string, error) // nil runs it
}

// Checks are those of the group "command".
func (p *Program) Checks() []Check {
	if p.Command == "" {
		p.Command = ownName
	}
	return []Check{
		{"command", "path", askShare, func(context.Context) Finding { return p.path() }},
		{"command", "version", askShare, p.version},
	}
}

func (p *Program) bare() bool {
	return !strings.ContainsRune(p.Command, '/') && !strings.ContainsRune(p.Command, filepath.Separator)
}

func (p *Program) path() Finding {
	if !p.bare() {
		return p.named()
	}
	found := p.onPath()
	if len(found) == 0 {
		return failed(p.Command+" is not on PATH, so that no client finds it",
			"put the folder "+filepath.Dir(p.Self)+" into PATH, or name "+p.Self+" as the command of the exec block")
	}
	first := found[0]
	switch others := different(first, found[1:]); {
	case p.Command != ownName:
		return note("clients run %s", first)
	case !sameFile(first, p.Self):
		return note("clients run %s, and this is %s", first, p.Self)
	case len(others) > 0:
		return note("clients run %s; another one behind it on PATH is %s", first, others[0])
	case !usualFolder(filepath.Dir(first)):
		return note("clients run %s; editors and dashboards that are not started from a terminal may have a PATH without it", first)
	}
	return ok("clients run %s", first)
}

// named is a command with a separator, which client-go takes from the
// kubeconfig's folder.
func (p *Program) named() Finding {
	file := p.Command
	if !filepath.IsAbs(file) {
		file = filepath.Join(p.Folder, file)
	}
	_, err := exec.LookPath(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failed("the exec block's command "+file+" is not there", "name "+p.Self+" instead, or kubecred where it is on PATH")
	case err != nil:
		return failed("the exec block's command "+file+" cannot be run", "let it be executed (chmod +x), or name "+p.Self)
	case !sameFile(file, p.Self):
		return note("clients run %s, and this is %s", file, p.Self)
	}
	return ok("clients run %s", file)
}

// onPath returns every program of the command's name on PATH, in its order.
func (p *Program) onPath() (found []string) {
	for _, folder := range filepath.SplitList(p.Path) {
		if !filepath.IsAbs(folder) { // Go runs nothing from there
			continue
		}
		if file, err := exec.LookPath(filepath.Join(folder, p.Command)); err == nil {
			found = append(found, file)
		}
	}
	return found
}

func different(first string, others []string) []string {
	return slices.DeleteFunc(others, func(other string) bool { return sameFile(first, other) })
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// usualFolder reports whether a program that a desktop starts looks there too.
func usualFolder(folder string) bool {
	switch runtime.GOOS {
	case "windows": // PATH is one for all
		return true
	case "darwin":
		return folder == "/usr/bin" || folder == "/bin"
	}
	return folder == "/usr/bin" || folder == "/bin" || folder == "/usr/local/bin"
}

// version asks nothing but a program on PATH under our own name: a kubeconfig
// may name any other.
func (p *Program) version(ctx context.Context) Finding {
	if !p.bare() || p.Command != ownName {
		return ok("this is %s", p.Version)
	}
	found := p.onPath()
	if len(found) == 0 || sameFile(found[0], p.Self) {
		return ok("this is %s", p.Version)
	}
	ask := p.ask
	if ask == nil {
		ask = askVersion
	}
	other, err := ask(ctx, found[0])
	switch {
	case err != nil:
		return warning(found[0]+" does not tell its version", "see whether it is kubecred, and remove or replace it")
	case other != p.Version:
		return warning("clients run version "+other+", and this is "+p.Version, "remove or replace "+found[0]+", or put "+filepath.Dir(p.Self)+" before its folder on PATH")
	}
	return ok("clients run version %s, as this is", other)
}

// askVersion runs "kubecred version". It gets nothing of ours but what a program
// needs to start, and is not waited for longer than ctx.
func askVersion(ctx context.Context, path string) (string, error) {
	var out capped
	program := exec.CommandContext(ctx, path, "version", "-o", "json")
	program.Stdout, program.WaitDelay = &out, time.Second
	program.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "SystemRoot=" + os.Getenv("SystemRoot")}
	if err := program.Run(); err != nil {
		return "", err
	}
	var answer struct {
		Version string `json:"version"`
	}
	err := json.Unmarshal(out.text, &answer)
	if err == nil && answer.Version == "" {
		err = errors.New("it names none")
	}
	return answer.Version, err
}

// capped takes 4 KB; what comes after makes the writer fail. It is no
// bytes.Buffer, which would read by itself, without an end.
type capped struct{ text []byte }

func (c *capped) Write(p []byte) (int, error) {
	if len(c.text)+len(p) > 4096 {
		return 0, errors.New("too much")
	}
	c.text = append(c.text, p...)
	return len(p), nil
}
