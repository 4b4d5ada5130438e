package settings

// Flags: int128/kubelogin's names, forms and meanings, and ours.

import (
	"errors"

	"github.com/spf13/pflag"
)

// Flags holds the flags of one command line or of one exec block.
type Flags struct {
	specs  *[keyCount]spec
	values [keyCount]value
	flags  [keyCount]*pflag.Flag
}

// AddFlags registers every setting that a flag may give on fs, in the order of
// help, and returns where they are read to.
func AddFlags(fs *pflag.FlagSet) *Flags {
	f := &Flags{specs: table()}
	fs.SortFlags = false
	for k := range f.specs {
		s := &f.specs[k]
		if s.from&inFlag == 0 {
			continue
		}
		bind(fs, s, &f.values[k])
		f.flags[k] = fs.Lookup(s.name)
		// Not MarkDeprecated: that writes to stderr on success, which some
		// clients merge into stdout.
		f.flags[k].Hidden = s.is&hidden != 0
	}
	addIgnored(fs)
	return f
}

func addIgnored(fs *pflag.FlagSet) {
	for _, name := range ignoredToggles() {
		fs.Bool(name, false, "")
		fs.Lookup(name).Hidden = true
	}
	for _, name := range ignoredTexts() {
		fs.String(name, "", "")
		fs.Lookup(name).Hidden = true
	}
}

// ParseArgs reads the arguments of an exec block, with or without the words
// "oidc-login" and "get-token" in front. Its errors are *Error.
func ParseArgs(args []string) (*Flags, error) {
	fs := pflag.NewFlagSet("get-token", pflag.ContinueOnError)
	fs.Usage = func() {} // pflag prints it at --help
	f := AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		return nil, FlagError(err)
	}
	rest := fs.Args()
	for _, word := range []string{"oidc-login", "get-token"} {
		if len(rest) > 0 && rest[0] == word {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		return nil, &Error{Problem: Unknown, Detail: "unexpected argument " + quoted(rest[0])}
	}
	return f, nil
}

// FlagError turns an error of pflag's into an *Error that does not repeat the
// flag's value, which may be a secret. Other errors pass.
func FlagError(err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		bad     *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown):
		return &Error{Problem: Unknown, Detail: "unknown flag " + quoted(dashed(unknown.GetSpecifiedName()))}
	case errors.As(err, &missing):
		return badFlag(missing.GetFlag(), "needs a value")
	case errors.As(err, &bad):
		return badFlag(bad.GetFlag(), "expects "+expectsOf(bad.GetFlag()))
	case errors.As(err, &syntax):
		return &Error{Problem: Invalid, Detail: "an argument is malformed"}
	case errors.Is(err, pflag.ErrHelp):
		return &Error{Problem: Unknown, Detail: "unknown flag --help", Err: err}
	}
	return err
}

func badFlag(f *pflag.Flag, detail string) error {
	return &Error{
		Problem: Invalid,
		Setting: f.Name,
		Source:  Source{Kind: FromFlag, Name: "--" + f.Name},
		Detail:  detail,
	}
}

// expectsOf is expects for a flag: pflag knows its own types' names only.
func expectsOf(f *pflag.Flag) string {
	kinds := map[string]kind{"stringSlice": kindWords, "stringArray": kindItems, "stringToString": kindPairs, "bool": kindToggle, "int": kindNumber}
	return expects(kinds[f.Value.Type()])
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// quoted shows a word from outside within a message.
func quoted(s string) string { return `"` + printable(s, 64) + `"` }

// layer returns the flags that were given.
func (f *Flags) layer(from SourceKind) layer {
	l := layer{from: Source{Kind: from}, values: map[key]value{}}
	if f == nil {
		return l
	}
	for k, flag := range f.flags {
		if flag != nil && flag.Changed && !f.values[k].empty(f.specs[k].kind) {
			l.values[key(k)] = f.values[k]
		}
	}
	return l
}
