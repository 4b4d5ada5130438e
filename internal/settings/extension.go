package settings

// The cluster's exec extension: what the administrator of a cluster writes
// into its entry. It reaches us from the kubeconfig, so it chooses among what
// the person has, and sets nothing that secrets depend on.

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// maxExtension bounds the extension, in bytes.
const maxExtension = 64 << 10

// extension reads {"audience": "…", "scopes": ["…"], "profile": "…"}. Other
// keys are errors: an ignored issuer would look like one that counts.
func extension(raw json.RawMessage) (layer, error) {
	l := layer{from: Source{Kind: FromCluster}, values: map[key]value{}}
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return l, nil
	}
	if len(raw) > maxExtension {
		return l, l.refuse("", "is larger than %d bytes", maxExtension)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return l, l.refuse("", "is not a JSON object")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := l.member(name, fields[name]); err != nil {
			return l, err
		}
	}
	return l, nil
}

func (l *layer) member(name string, raw json.RawMessage) error {
	switch name {
	case "audience":
		return l.word(keyAudience, name, raw)
	case "profile":
		return l.word(keyProfile, name, raw)
	case "scopes":
		var v value
		if err := json.Unmarshal(raw, &v.list); err != nil {
			return l.refuse(name, "expects a list of strings")
		}
		if len(v.list) > 0 {
			l.values[keyExtraScope] = v
		}
		return nil
	}
	return &Error{Problem: Unknown, Source: l.from, Detail: "may set audience, scopes and profile only, not " + quoted(name)}
}

func (l *layer) word(k key, name string, raw json.RawMessage) error {
	var v value
	if err := json.Unmarshal(raw, &v.text); err != nil {
		return l.refuse(name, "expects a string")
	}
	if v.text != "" {
		l.values[k] = v
	}
	return nil
}

func (l *layer) refuse(name, format string, args ...any) error {
	e := invalid(format, args...)
	e.Setting, e.Source = name, l.from
	return e
}
