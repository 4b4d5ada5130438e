package settings

// For status --explain: what holds, who said so, and who was not heard.

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kubecred/kubecred/internal/secret"
)

// Explained is one setting, where its value came from, and what else was said
// about it. It holds no secret and is fit for a terminal.
type Explained struct {
	Setting string `json:"setting"`
	// Value is "" where nothing is set.
	Value  string `json:"value"`
	Source Source `json:"source"`
	// Overridden are the sources that gave it as well and did not count.
	Overridden []Source `json:"overridden,omitempty"`
}

// Explain resolves like Resolve and says where everything came from. When
// resolving fails it returns what is known until there and the error.
func Explain(in Input) ([]Explained, error) {
	r, err := resolve(in)
	if r.layers == nil {
		return nil, err
	}
	explained := make([]Explained, 0, keyCount+1)
	for k := range r.specs {
		if r.specs[k].is&hidden == 0 || r.picked[k].from != nil {
			explained = append(explained, r.explain(key(k)))
		}
	}
	if r.policy.proxy != "" {
		explained = append(explained, Explained{Setting: "proxy", Value: r.policy.proxy, Source: r.policy.source()})
	}
	return explained, err
}

func (r *resolution) explain(k key) Explained {
	s, p := &r.specs[k], &r.picked[k]
	e := Explained{Setting: s.name, Value: p.show(s), Source: r.source(k)}
	if k == keyCacheDir && p.from == nil {
		e.Value = printable(r.files.Cache, maxShown)
	}
	if l := r.usedVariable(k); l != nil {
		e.Value, e.Source = secret.Redacted, l.source(s)
	}
	for i := range r.layers {
		l := &r.layers[i]
		if _, ok := l.values[k]; ok && l.source(s) != e.Source {
			e.Overridden = append(e.Overridden, l.source(s))
		}
	}
	return e
}

// usedVariable returns the variables' layer if the secret k was taken from it.
// Those are chosen apart from the rest (secrets.go).
func (r *resolution) usedVariable(k key) *layer {
	used := k == keyClientSecret && !r.settings.ClientSecret.Text.Empty() ||
		k == keyPassword && !r.settings.Password.Text.Empty()
	if !used || r.picked[k].from != nil {
		return nil
	}
	return r.layerOf(FromVariable)
}

// maxShown bounds a value that is shown, in runes.
const maxShown = 300

// show returns the value for a person's eyes.
func (p *pick) show(s *spec) string {
	if p.from == nil && !p.forced && s.kind != kindNumber && s.def == "" && s.kind != kindToggle {
		return ""
	}
	switch s.kind {
	case kindToggle:
		return strconv.FormatBool(p.on)
	case kindNumber:
		return strconv.Itoa(p.number)
	case kindPairs:
		return printable(showPairs(p.pairs), maxShown)
	case kindWords, kindItems:
		return printable(showList(s, p.list), maxShown)
	}
	if s.is&confidential != 0 && p.text != "" {
		return secret.Redacted
	}
	return printable(p.text, maxShown)
}

// showList keeps certificate data and a command's arguments out: the first is
// long, and the second may hold what should not be seen.
func showList(s *spec, list []string) string {
	switch {
	case len(list) == 0:
		return ""
	case s.name == "certificate-authority-data":
		return fmt.Sprintf("%d bytes", len(strings.Join(list, "")))
	case strings.HasSuffix(s.name, "-command"):
		return list[0] + when(len(list) > 1, " …")
	}
	return strings.Join(list, ", ")
}

// showPairs shows values only of parameters that are known to hold no secret.
func showPairs(m map[string]string) string {
	shown := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		content := secret.Redacted
		switch name {
		case "audience", "resource", "prompt", "max_age", "acr_values", "login_hint", "access_type",
			"display", "ui_locales", "hd", "domain_hint", "Origin":
			content = m[name]
		}
		shown = append(shown, name+"="+content)
	}
	return strings.Join(shown, ", ")
}
