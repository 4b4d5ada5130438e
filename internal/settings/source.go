package settings

// Where a value came from. Sources are named so that a person finds them: the
// flag, the variable, the file.

// SourceKind is one of the places that settings come from.
type SourceKind string

// The sources, the strongest first. FromPolicy stands above all.
const (
	FromPolicy     SourceKind = "policy"
	FromFlag       SourceKind = "flag"
	FromKubeconfig SourceKind = "kubeconfig" // the exec block's arguments
	FromVariable   SourceKind = "variable"
	FromProfile    SourceKind = "profile" // of the user's file or the machine's
	FromCluster    SourceKind = "cluster" // the cluster's exec extension
	FromDefault    SourceKind = "default"
)

// Source is where one value came from.
type Source struct {
	Kind SourceKind `json:"kind"`
	// Name is the flag, the variable, the file, or "" where the kind says all.
	Name string `json:"name,omitempty"`
	// Profile is the profile's name within the file.
	Profile string `json:"profile,omitempty"`
}

// String names the source for a person.
func (s Source) String() string {
	switch s.Kind {
	case FromKubeconfig:
		return s.Name + " in the kubeconfig"
	case FromProfile:
		return "profile " + s.Profile + " in " + s.Name
	case FromCluster:
		return "the cluster's exec extension"
	case FromDefault:
		return "the default"
	}
	return s.Name
}

// owned reports whether no kubeconfig can write the source.
func (s Source) owned() bool { return s.Kind == FromProfile || s.Kind == FromPolicy }

// layer is everything that one source says.
type layer struct {
	from   Source // without the name of a flag or a variable
	base   string // what relative paths start at; "" is the working folder
	values map[key]value
}

func (l *layer) gives(k key) bool {
	_, ok := l.values[k]
	return ok
}

// source returns where l gives the setting s.
func (l *layer) source(s *spec) Source {
	switch l.from.Kind {
	case FromFlag, FromKubeconfig:
		return Source{Kind: l.from.Kind, Name: "--" + s.name}
	case FromVariable:
		return Source{Kind: FromVariable, Name: s.variable()}
	}
	return l.from
}
