package login

import "testing"

// Each row of the order, and each by itself.
func TestChoose(t *testing.T) {
	for _, test := range []struct {
		name   string
		s      Surroundings
		want   Method
		reason string
	}{
		{"a user name before all", Surroundings{UserName: true, BrowserSet: true, Display: true, SSH: true}, MethodPassword, "a user name is given"},
		{"BROWSER before SSH", Surroundings{BrowserSet: true, SSH: true, Terminal: true}, MethodBrowser, "BROWSER is set"},
		{"a display", Surroundings{Display: true, Terminal: true}, MethodBrowser, "there is a display"},
		{"a forwarded display", Surroundings{Display: true, SSH: true, Terminal: true}, MethodBrowser, "there is a display"},
		{"WSL", Surroundings{WSL: true, Terminal: true}, MethodBrowser, "this is WSL, where the Windows browser can be opened"},
		{"SSH", Surroundings{SSH: true, Terminal: true}, MethodPaste, "this is an SSH session"},
		{"no display", Surroundings{Terminal: true}, MethodPaste, "there is no display"},
		{"SSH, no terminal", Surroundings{SSH: true}, MethodDevice, "this is an SSH session and no terminal to paste into"},
		{"nothing at all", Surroundings{}, MethodDevice, "there is no display and no terminal to paste into"},
		{"no code", Surroundings{NoCode: true, Terminal: true, SSH: true}, MethodDevice, "authorization codes are not to be had"},
		{"no code, display", Surroundings{NoCode: true, Display: true}, MethodDevice, "authorization codes are not to be had"},
		{"no terminal, no device", Surroundings{NoDevice: true}, MethodNone, "there is no display, no terminal to paste into, and no device login"},
		{"neither", Surroundings{NoDevice: true, NoCode: true, Display: true}, MethodNone, "neither authorization codes nor device login are to be had"},
		{"neither, but a name", Surroundings{NoDevice: true, NoCode: true, UserName: true}, MethodPassword, "a user name is given"},
	} {
		if got, reason := Choose(test.s); got != test.want || reason != test.reason {
			t.Errorf("%s: %q because %q, want %q because %q", test.name, got, reason, test.want, test.reason)
		}
	}
}

func TestObserve(t *testing.T) {
	type env = map[string]string
	for _, test := range []struct {
		name, goos string
		env        env
		want       Surroundings
	}{
		{"bare Linux", "linux", nil, Surroundings{}},
		{"X11", "linux", env{"DISPLAY": ":0"}, Surroundings{Display: true}},
		{"Wayland", "freebsd", env{"WAYLAND_DISPLAY": "wayland-0"}, Surroundings{Display: true}},
		{"SSH", "linux", env{"SSH_CONNECTION": "a b"}, Surroundings{SSH: true}},
		{"SSH with X11", "linux", env{"SSH_TTY": "/dev/pts/1", "DISPLAY": "localhost:10.0"}, Surroundings{SSH: true, Display: true}},
		{"VS Code Remote", "linux", env{"SSH_CLIENT": "a b", "BROWSER": "/vscode/bin/helper"}, Surroundings{SSH: true, BrowserSet: true}},
		{"WSL", "linux", env{"WSL_DISTRO_NAME": "Debian"}, Surroundings{WSL: true}},
		{"WSL without a name", "linux", env{"WSL_INTEROP": "/run/WSL/1"}, Surroundings{WSL: true}},
		{"macOS", "darwin", nil, Surroundings{Display: true}},
		{"macOS by SSH", "darwin", env{"SSH_CONNECTION": "a b"}, Surroundings{SSH: true}},
		{"Windows", "windows", env{"WSL_DISTRO_NAME": "leaked"}, Surroundings{Display: true}},
		{"Windows by SSH", "windows", env{"SSH_CLIENT": "a b"}, Surroundings{SSH: true}},
	} {
		if got := Observe(test.goos, func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}
