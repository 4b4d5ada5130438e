package settings

// Flags, written as arguments again: an exec block is to mean what a command
// line meant.

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Args returns the flags that were given: those that an exec block is to have,
// with absolute paths, since clients run it in any folder, and those that are
// for one call, or a secret, and have no place in a kubeconfig.
func (f *Flags) Args(files *Files) (lasting, once []string, err error) {
	given := f.layer(FromFlag).values
	for k := range keyCount {
		v, ok := given[k]
		if !ok {
			continue
		}
		args, err := f.specs[k].args(v, files)
		if err != nil {
			return nil, nil, &Error{Problem: Invalid, Setting: f.specs[k].name, Source: Source{Kind: FromFlag, Name: "--" + f.specs[k].name}, Err: err}
		}
		if k.forOneCall() {
			once = append(once, args...)
		} else {
			lasting = append(lasting, args...)
		}
	}
	return lasting, once, nil
}

// forOneCall reports whether a setting has no place in a kubeconfig.
func (k key) forOneCall() bool {
	switch k {
	case keyClientSecret, keyPassword, keyRequestHeader, keyForceRefresh, keyExecAPIVersion, keyVerbosity:
		return true
	}
	return false
}

// args writes a value as the flags that give it.
func (s *spec) args(v value, files *Files) ([]string, error) {
	var values []string
	switch s.kind {
	case kindText:
		values = []string{v.text}
	case kindWords:
		words := slices.Clone(v.list)
		for i := range words {
			words[i] = inCSV(words[i])
		}
		values = []string{strings.Join(words, ",")}
	case kindItems:
		values = v.list
	case kindPairs:
		for _, name := range slices.Sorted(maps.Keys(v.pairs)) {
			values = append(values, pair(name, v.pairs[name]))
		}
	case kindToggle:
		if v.on {
			return []string{"--" + s.name}, nil
		}
		values = []string{"false"}
	case kindNumber:
		values = []string{strconv.Itoa(v.number)}
	}
	var args []string
	for _, value := range values {
		if s.is&pathlike != 0 {
			absolute, err := files.expand(value, "")
			if err != nil {
				return nil, err
			}
			value = absolute
		}
		args = append(args, "--"+s.name+"="+value)
	}
	return args, nil
}

// pair writes name=value so that pflag reads it as one: it takes a text with a
// single equals sign whole, and any other as CSV.
func pair(name, value string) string {
	text := name + "=" + value
	if strings.Contains(value, "=") {
		return inCSV(text)
	}
	return text
}

// inCSV quotes a text that CSV would take apart.
func inCSV(text string) string {
	if !strings.ContainsAny(text, `,"`) {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
