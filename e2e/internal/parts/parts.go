// Package parts knows the real programs that the end-to-end tests drive,
// where each is found, and what to say where one is not.
//
// A part that is missing is skipped by name, never silently; in CI it fails the test.
package parts

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The parts, by the names that tests need them under and summaries list them under.
const (
	Kubernetes = "kubernetes"
	Provider   = "oidc-provider"
	ClientNode = "client-node"
	Chromium   = "chromium"
	Keyring    = "gnome-keyring"
	OpenLDAP   = "openldap"
	Samba      = "samba"
	Terminal   = "terminal"
	Race       = "race detector"
)

// A Part is one thing that is either whole or missing.
type Part struct {
	Name     string
	Commands []string // executables, in the build folder or on PATH
	Files    []string // files and folders under the build folder
	Debian   []string // the packages that bring the commands
	Hint     string   // what to run where those packages cannot be installed
}

// All lists the parts in the order a summary shows them.
func All() []Part {
	servers := "make parts"
	return []Part{
		{Name: Kubernetes, Commands: []string{"kube-apiserver", "kubectl", "etcd"}, Hint: servers},
		{Name: Provider, Commands: []string{"node"}, Files: []string{"node/node_modules/oidc-provider"}, Hint: servers},
		{Name: ClientNode, Commands: []string{"node"}, Files: []string{"node/node_modules/@kubernetes/client-node"}, Hint: servers},
		{Name: Chromium, Commands: []string{"chromium"}, Debian: []string{"chromium"},
			Hint: "install Chromium, as `chromium` on PATH"},
		{Name: Keyring, Commands: []string{"gnome-keyring-daemon", "dbus-run-session", "dbus-send"},
			Debian: []string{"gnome-keyring", "dbus-daemon", "dbus-bin"},
			Hint:   "apt-get install --no-install-recommends gnome-keyring dbus-daemon dbus-bin"},
		{Name: OpenLDAP, Commands: []string{"slapd", "ldapadd", "ldapmodify", "ldapsearch"}, Files: []string{"/usr/lib/ldap/ppolicy.so"},
			Debian: []string{"slapd", "ldap-utils"}, Hint: "apt-get install --no-install-recommends slapd ldap-utils"},
		{Name: Samba, Commands: []string{"samba", "samba-tool", "/usr/bin/python3"}, Files: []string{"/usr/share/samba/setup/provision.ldif"},
			Debian: []string{"samba", "samba-dsdb-modules", "samba-vfs-modules", "samba-ad-provision", "winbind"},
			Hint:   "apt-get install --no-install-recommends samba samba-dsdb-modules samba-vfs-modules samba-ad-provision winbind"},
		{Name: Terminal, Files: []string{"/dev/ptmx"}, Hint: "run on a system with pseudo-terminals"},
		{Name: Race, Commands: []string{"gcc"}, Debian: []string{"gcc", "libc6-dev"},
			Hint: "install a C compiler, as `gcc` on PATH"},
	}
}

// Lacks says what a part lacks, or "" when it is whole.
func (p Part) Lacks() string {
	for _, c := range p.Commands {
		if _, err := Command(c); err != nil {
			return c + " was not found"
		}
	}
	for _, f := range p.Files {
		if _, err := os.Stat(inBuild(f)); err != nil {
			return f + " was not found"
		}
	}
	return ""
}

// Command finds an executable in the build folder, else on PATH.
func Command(name string) (string, error) {
	built := Build("bin", name)
	if info, err := os.Stat(built); err == nil && info.Mode().IsRegular() {
		return built, nil
	}
	return exec.LookPath(name)
}

// Root is the repository's folder, found upward from the working folder.
// It panics outside a checkout, where no test of this module can run.
func Root() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "e2e", "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("not inside a checkout of kubecred")
		}
		dir = filepath.Dir(dir)
	}
	panic(err)
}

// Build is a path under the folder that holds what was built or fetched; git ignores it.
func Build(elem ...string) string {
	return filepath.Join(append([]string{Root(), ".build"}, elem...)...)
}

func inBuild(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return Build(file)
}

// CI says whether a missing part is a failure.
func CI() bool { return os.Getenv("CI") != "" }

// A Test is what Need asks of *testing.T and *testing.B.
type Test interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
}

// Need skips the test, naming the part, where one of the parts is missing; in CI it fails it.
func Need(t Test, names ...string) {
	t.Helper()
	if why := missing(All(), names); why == "" {
		return
	} else if CI() {
		t.Fatal(why)
	} else {
		t.Skip(why)
	}
}

// missing describes the first part in names that is not whole.
func missing(all []Part, names []string) string {
	for _, name := range names {
		i := indexOf(all, name)
		if i < 0 {
			return fmt.Sprintf("part %s: unknown; one of %s is meant", name, strings.Join(Names(all), ", "))
		}
		if lacks := all[i].Lacks(); lacks != "" {
			return fmt.Sprintf("part %s: %s; %s", name, lacks, all[i].Hint)
		}
	}
	return ""
}

func indexOf(all []Part, name string) int {
	for i, p := range all {
		if p.Name == name {
			return i
		}
	}
	return -1
}

// Names lists the parts' names.
func Names(all []Part) []string {
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names
}
