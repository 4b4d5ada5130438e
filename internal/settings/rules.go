package settings

import "strings"

// Rules says what the administrator's policy allows, denies and decides, one
// rule each, fit for a terminal; none where there is no policy. Its error is
// Resolve's where the policy cannot be used.
func (f *Files) Rules() ([]string, error) {
	p, err := f.policy()
	if err != nil {
		return nil, err
	}
	return p.rules(), nil
}

func (p *policy) rules() (rules []string) {
	say := func(rule string, values ...string) {
		if text := strings.Join(values, ", "); text != "" {
			rules = append(rules, rule+" "+printable(text, maxShown))
		}
	}
	toggle := func(on bool, rule string) {
		if on {
			rules = append(rules, rule)
		}
	}
	say("allows issuers", p.issuers...)
	say("allows exchanges", p.exchanges...)
	for _, denied := range p.grants {
		say("denies", string(denied))
	}
	toggle(p.noBrowser, "denies browser-command")
	toggle(p.noInsecure, "denies insecure options")
	say("storage", p.storage)
	say("kernel-keyring", p.kernel)
	say("certificate-authority", p.authorities...)
	toggle(p.systemRoots, "and the system's certificate authorities")
	say("proxy", p.proxy)
	return rules
}
