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
		{"SSH, no terminal", Surroundings{SSH: true}, MethodDevice, "this is an SSH session and nowhere to paste"},
		{"nothing at all", Surroundings{}, MethodDevice, "there is no display and nowhere to paste"},
		{"no pasting", Surroundings{SSH: true, Terminal: true, NoPaste: true}, MethodDevice, "this is an SSH session and nowhere to paste"},
		{"no code", Surroundings{NoCode: true, Terminal: true, SSH: true}, MethodDevice, "authorization codes are not to be had"},
		{"no code, display", Surroundings{NoCode: true, Display: true}, MethodDevice, "authorization codes are not to be had"},
		{"no terminal, no device", Surroundings{NoDevice: true}, MethodNone, "there is no display, nowhere to paste, and no device login"},
		{"neither", Surroundings{NoDevice: true, NoCode: true, Display: true}, MethodNone, "neither authorization codes nor device login are to be had"},
		{"neither, but a name", Surroundings{NoDevice: true, NoCode: true, UserName: true}, MethodPassword, "a user name is given"},
	} {
		if got, reason := Choose(test.s); got != test.want || reason != test.reason {
			t.Errorf("%s: %q because %q, want %q because %q", test.name, got, reason, test.want, test.reason)
		}
	}
}
