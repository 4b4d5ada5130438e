package providers

import "strings"

// row is a preset as it is kept: in texts, whose lists are taken apart when
// somebody asks, since the program starts for every kubectl call and setup runs
// once.
type row struct {
	_ [0]func() // no two are compared, and no code for it is linked

	name, title, issuers, redirect, scopes, params, username, groups string
	ports, secret, device                                            bool
	hints, notes                                                     string // one a line
}

func (r row) preset() Preset {
	p := Preset{
		Name: r.name, Title: r.title, Issuers: strings.Fields(r.issuers), RedirectHost: r.redirect, Scopes: strings.Fields(r.scopes),
		ClientSecret: r.secret, DeviceGrant: r.device, UsernameClaim: r.username, GroupsClaim: r.groups,
		Hints: strings.Split(r.hints, "\n"), Notes: strings.Split(r.notes, "\n"), Doc: "docs/providers/" + r.name + ".md",
	}
	if r.ports {
		p.Ports = []int{8000, 18000} // where kubecred listens unless it is told otherwise
	}
	if name, value, ok := strings.Cut(r.params, "="); ok {
		p.ExtraParams = map[string]string{name: value}
	}
	return p
}
