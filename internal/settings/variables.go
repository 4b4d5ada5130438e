package settings

// The KUBECRED_ variables. Their content has the syntax of the flag, except
// that a list of files (certificate-authority) takes one.

// variables returns what the environment says. An empty variable is none.
func variables(lookup func(string) string, specs *[keyCount]spec) (layer, error) {
	l := layer{from: Source{Kind: FromVariable}, values: map[key]value{}}
	if lookup == nil {
		return l, nil
	}
	for k := range specs {
		s := &specs[k]
		if s.from&inVariable == 0 {
			continue
		}
		content := lookup(s.variable())
		if content == "" {
			continue
		}
		v, err := parse(s, content)
		if err != nil {
			return l, &Error{Problem: Invalid, Setting: s.name, Source: l.source(s), Detail: err.Error()}
		}
		l.values[key(k)] = v
	}
	return l, nil
}
