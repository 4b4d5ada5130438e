//go:build !windows

package browser

// Launchers on Linux, macOS, the BSDs and WSL.

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// systemsOwn names a way that is no program; Unix has none.
const systemsOwn = ""

func system() launcher {
	return launcher{
		programs: func(url string) [][]string {
			return programs(url, runtime.GOOS, os.Getenv("BROWSER"), Look().WSL)
		},
		start: start,
		grace: grace,
	}
}

// start runs argv detached: in a session of its own, so that neither Ctrl-C
// nor the end of the terminal reaches it, and with the null device for its
// streams.
func start(argv []string) (<-chan error, error) {
	cmd := exec.Command(argv[0], argv[1:]...) // the person's own choice; see the rules above
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return ended, nil
}

// programs are the launchers of a system. A $BROWSER that is set is the only
// choice, as with xdg-open.
func programs(url, goos, browserEnv string, wsl bool) [][]string {
	if browserEnv != "" {
		return fromEnv(url, browserEnv)
	}
	if goos == "darwin" {
		return [][]string{{"open", url}}
	}
	var list [][]string
	if wsl {
		// Not cmd.exe, which is a shell. The second path is for a PATH that
		// does not have Windows' folders.
		const rundll = "rundll32.exe"
		list = append(list, []string{"wslview", url},
			[]string{rundll, "url.dll,FileProtocolHandler", url},
			[]string{"/mnt/c/Windows/System32/" + rundll, "url.dll,FileProtocolHandler", url})
	}
	for _, name := range []string{"xdg-open", "x-www-browser", "www-browser"} {
		list = append(list, []string{name, url})
	}
	return installed(list)
}

// installed leaves out what is not there, so that the last error is about a
// program that is.
func installed(list [][]string) [][]string {
	var found [][]string
	for _, argv := range list {
		if _, err := exec.LookPath(argv[0]); err == nil {
			found = append(found, argv)
		}
	}
	return found
}

// fromEnv reads $BROWSER as xdg-open does: commands separated by colons, each
// split at blanks, with the URL for "%s" or as the last argument. A command
// whose path contains blanks is taken whole when it exists.
func fromEnv(url, browserEnv string) [][]string {
	var list [][]string
	for command := range strings.SplitSeq(browserEnv, ":") {
		argv := strings.Fields(command)
		if len(argv) == 0 {
			continue
		}
		if _, err := exec.LookPath(command); err == nil {
			argv = []string{command}
		}
		list = append(list, withURL(argv, url))
	}
	return list
}

func withURL(argv []string, url string) []string {
	placed := false
	for i, arg := range argv[1:] {
		if strings.Contains(arg, "%s") {
			argv[i+1] = strings.ReplaceAll(arg, "%s", url)
			placed = true
		}
	}
	if !placed {
		argv = append(argv, url)
	}
	return argv
}
