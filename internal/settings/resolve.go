package settings

// Resolving: gather what each source says, take each setting from the first
// that gives it (the bundle from one), lay the policy over it, check the rest.

import (
	"encoding/json"
	"net/url"
)

// Input is what settings are resolved from.
type Input struct {
	Flags      *Flags              // of the command line; nil is none
	Kubeconfig *Flags              // of the exec block that login or status took; nil is none
	Variable   func(string) string // the environment, as os.Getenv; nil is none
	Extension  json.RawMessage     // spec.cluster.config; nil is none

	// Agreed reports whether the person agreed before to send secrets to the
	// host of the address. It is asked only about a secret in a variable. Nil
	// is no.
	Agreed func(*url.URL) bool

	// Loose lets the issuer and the client be missing: for commands that only
	// need to know where the cache is.
	Loose bool

	Files *Files // nil is SystemFiles()
}

// Resolve returns the settings. Its errors are *Error.
func Resolve(in Input) (*Settings, error) {
	r, err := resolve(in)
	if err != nil {
		return nil, err
	}
	return r.settings, nil
}

// pick is a setting's value and where it came from.
type pick struct {
	value
	from *layer // nil is the default
	// forced is the policy's, which replaces what from says.
	forced bool
}

// resolution is the work in progress. What it holds stays of use when a later
// step fails: status --explain shows it.
type resolution struct {
	in       Input
	files    *Files
	specs    *[keyCount]spec
	policy   *policy
	layers   []layer // the strongest first
	bundle   *layer  // the one that names the issuer; nil is none
	picked   [keyCount]pick
	settings *Settings
}

func resolve(in Input) (*resolution, error) {
	r := &resolution{in: in, files: in.Files, specs: table(), settings: &Settings{}}
	if r.files == nil {
		r.files = SystemFiles()
	}
	for _, step := range []func() error{r.gather, r.pick, r.checkBundle, r.build, r.denied} {
		if err := step(); err != nil {
			return r, err
		}
	}
	return r, nil
}

// gather reads every source. The policy comes first: if it is broken, nothing
// else matters.
func (r *resolution) gather() (err error) {
	if r.policy, err = r.files.policy(); err != nil {
		return err
	}
	layers := []layer{r.in.Flags.layer(FromFlag), r.in.Kubeconfig.layer(FromKubeconfig)}
	vars, err := variables(r.in.Variable, r.specs)
	if err != nil {
		return err
	}
	layers = append(layers, vars)
	cluster, err := extension(r.in.Extension)
	if err != nil {
		return err
	}
	profile, err := r.profile(append(layers, cluster))
	if err != nil {
		return err
	}
	if profile != nil {
		layers = append(layers, *profile)
	}
	r.layers = append(layers, cluster)
	return nil
}

// profile reads the profile that the strongest of layers names.
func (r *resolution) profile(layers []layer) (*layer, error) {
	for i := range layers {
		name, ok := layers[i].values[keyProfile]
		if !ok {
			continue
		}
		l, err := r.files.profile(name.text, r.specs)
		return &l, blame(err, layers[i].source(&r.specs[keyProfile]))
	}
	return nil, nil
}

// pick takes each setting from the strongest source that gives it, and the
// bundle from its own. What is left is the default, and the policy's own values
// replace what was found.
func (r *resolution) pick() error {
	r.chooseBundle()
	for k := range r.picked {
		r.picked[k] = pick{value: defaultValue(&r.specs[k])}
		for i := range r.layers {
			l := &r.layers[i]
			if v, ok := l.values[key(k)]; ok && r.counts(key(k), l) {
				r.picked[k] = pick{value: v, from: l}
				break
			}
		}
	}
	r.force()
	return nil
}

// force lays the policy's own values over what was picked.
func (r *resolution) force() {
	if r.policy.storage != "" {
		r.picked[keyStorage] = pick{value: value{text: r.policy.storage}, forced: true}
	}
	if r.policy.kernel != "" {
		r.picked[keyKernel] = pick{value: value{text: r.policy.kernel}, forced: true}
	}
	if r.policy.authorities != nil {
		r.picked[keyCA] = pick{value: value{list: r.policy.authorities}, forced: true}
		r.picked[keyCAData] = pick{forced: true}
		r.picked[keySystemRoots] = pick{value: value{on: r.policy.systemRoots}, forced: true}
	}
}

// source returns where the setting k was taken from.
func (r *resolution) source(k key) Source {
	switch p := &r.picked[k]; {
	case p.forced:
		return r.policy.source()
	case p.from == nil:
		return Source{Kind: FromDefault}
	default:
		return p.from.source(&r.specs[k])
	}
}

// wrong is an error about the setting k.
func (r *resolution) wrong(k key, problem Problem, detail string) *Error {
	return &Error{Problem: problem, Setting: r.specs[k].name, Source: r.source(k), Detail: detail}
}

// denied holds what was chosen against the policy.
func (r *resolution) denied() error {
	s, p := r.settings, r.policy
	by := " by " + p.path
	switch {
	case s.IssuerURL != "" && !p.allows(s.IssuerURL, s.Exchange):
		return r.wrong(r.address(), Denied, s.IssuerURL+" is not an "+what(s.Exchange)+" that is allowed"+by)
	case s.Exchange != "" && s.Denies(s.Grant):
		return r.wrong(keyExchangeURL, Denied, "signing in with a password is forbidden"+by)
	case s.Denies(s.Grant):
		return r.wrong(keyGrant, Denied, string(s.Grant)+" is forbidden"+by)
	case s.Grant == GrantAuto && s.Username != "" && s.Denies(GrantPassword):
		return r.wrong(keyUsername, Denied, "signing in with a password is forbidden"+by)
	case s.BrowserCommand != "" && p.noBrowser:
		return r.wrong(keyBrowserCommand, Denied, "is forbidden"+by)
	case s.InsecureSkipTLSVerify && (p.noInsecure || p.authorities != nil):
		return r.wrong(keySkipTLSVerify, Denied, "is forbidden"+by)
	case s.PKCE == "no" && p.noInsecure:
		return r.wrong(keyPKCE, Denied, "no is forbidden"+by)
	}
	return nil
}
