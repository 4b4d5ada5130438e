package browser

// Where the person sits. The choice of the login is made elsewhere.

import (
	"os"
	"runtime"
	"strings"
)

// Surroundings says what a browser login can count on.
type Surroundings struct {
	Browser bool // $BROWSER names one (VS Code Remote sets it, and forwards the port)
	Display bool // a window that is opened here is one that the person sees
	WSL     bool // Windows programs can be run, its browser among them
	SSH     bool // the person sits at another machine
}

// Look reads the environment and, on Linux, the kernel's name.
func Look() Surroundings {
	return look(runtime.GOOS, os.Getenv, func(path string) string {
		text, _ := os.ReadFile(path) // what cannot be read is not there
		return string(text)
	})
}

func look(goos string, getenv, read func(string) string) Surroundings {
	s := Surroundings{
		SSH: getenv("SSH_CONNECTION") != "" || getenv("SSH_TTY") != "" || getenv("SSH_CLIENT") != "",
	}
	switch goos {
	case "windows":
		s.Display = !s.SSH
	case "darwin":
		s.Browser = getenv("BROWSER") != ""
		s.Display = !s.SSH
	default:
		s.Browser = getenv("BROWSER") != ""
		s.Display = getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
		s.WSL = goos == "linux" && isWSL(getenv, read)
	}
	return s
}

// isWSL asks for the kernel and for the interop that starts Windows programs:
// a container on the same kernel has none.
func isWSL(getenv, read func(string) string) bool {
	if !strings.Contains(strings.ToLower(read("/proc/sys/kernel/osrelease")), "microsoft") {
		return false
	}
	return getenv("WSL_INTEROP") != "" ||
		read("/proc/sys/fs/binfmt_misc/WSLInterop") != "" ||
		read("/proc/sys/fs/binfmt_misc/WSLInterop-late") != ""
}
