package login

// How to sign in, by where the program runs. No peer notices SSH.

// Method is a way to sign in, by kubelogin's name for it.
type Method string

// The methods. None means that a login is not possible from here.
const (
	MethodPassword          Method = "password"
	MethodBrowser           Method = "authcode"
	MethodPaste             Method = "authcode-keyboard"
	MethodDevice            Method = "device-code"
	MethodClientCredentials Method = "client-credentials"
	MethodNone              Method = ""
)

// Surroundings is what Choose goes by.
type Surroundings struct {
	UserName bool // a user name was given
	Terminal bool // a person can type at a terminal
	NoCode   bool // the provider or the policy refuses authorization codes
	NoPaste  bool // the policy refuses pasting
	NoDevice bool // the provider or the policy refuses device login

	BrowserSet bool // BROWSER is set: VS Code Remote does, and forwards the port
	Display    bool // windows that are opened here are seen by the person
	WSL        bool // Linux under Windows, whose browser reaches this loopback
	SSH        bool // the person sits elsewhere
}

// Choose returns the method for `--grant-type auto`, and why, for status and
// the log.
func Choose(s Surroundings) (Method, string) {
	switch {
	case s.UserName:
		return MethodPassword, "a user name is given"
	case s.NoCode && s.NoDevice:
		return MethodNone, "neither authorization codes nor device login are to be had"
	case s.NoCode:
		return MethodDevice, "authorization codes are not to be had"
	case s.BrowserSet:
		return MethodBrowser, "BROWSER is set"
	case s.Display:
		return MethodBrowser, "there is a display"
	case s.WSL:
		return MethodBrowser, "this is WSL, where the Windows browser can be opened"
	}
	where := "there is no display"
	if s.SSH {
		where = "this is an SSH session"
	}
	switch {
	case s.Terminal && !s.NoPaste:
		return MethodPaste, where
	case !s.NoDevice:
		return MethodDevice, where + " and nowhere to paste"
	}
	return MethodNone, where + ", nowhere to paste, and no device login"
}
