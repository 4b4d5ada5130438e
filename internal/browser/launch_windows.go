package browser

// The launcher on Windows.

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	pkgbrowser "github.com/pkg/browser"
	"golang.org/x/sys/windows"
)

// systemsOwn stands for the system's own way in a list of programs.
const systemsOwn = "ShellExecute"

func system() launcher {
	return launcher{
		programs: func(url string) [][]string { return [][]string{{systemsOwn, url}} },
		start:    start,
		grace:    grace,
	}
}

func start(argv []string) (<-chan error, error) {
	ended := make(chan error, 1)
	if argv[0] == systemsOwn {
		// It returns at once as a rule, but may wait for a browser that does
		// not answer.
		go func() { ended <- pkgbrowser.OpenURL(argv[1]) }()
		return ended, nil
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS,
	}
	switch strings.ToLower(filepath.Ext(cmd.Path)) { // PATHEXT may have added it
	case ".bat", ".cmd":
		// These run in cmd.exe, to which "&" in the URL is a command.
		return nil, errors.New("a batch file cannot be given a URL safely")
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { ended <- cmd.Wait() }()
	return ended, nil
}
