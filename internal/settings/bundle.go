package settings

// One source for what a secret's safety rests on. The source that names the
// issuer, or what stands in for one (an exchange, an imported credential), gives
// the client, its secret, the CA and the TLS options as well. What a weaker
// source says about them is overridden as a whole; what a stronger one says
// without naming the issuer is refused, since it would be a kubeconfig's CA over
// a person's secret.

// chooseBundle finds the source that names the issuer or what stands in for it.
func (r *resolution) chooseBundle() {
	for i := range r.layers {
		l := &r.layers[i]
		if l.gives(keyIssuerURL) || l.gives(keyExchangeURL) || l.gives(keyImported) {
			r.bundle = l
			return
		}
	}
}

// address is the setting that says where credentials go, or which one it is.
func (r *resolution) address() key {
	if r.imported() {
		return keyImported
	}
	if r.bundle != nil && r.bundle.gives(keyExchangeURL) {
		return keyExchangeURL
	}
	return keyIssuerURL
}

// checkBundle refuses parts of the bundle in sources that are stronger than
// the bundle's own. Without an issuer anywhere they are harmless, and the
// missing issuer is the better complaint.
func (r *resolution) checkBundle() error {
	if r.imported() {
		return r.alone()
	}
	if r.bundle != nil && r.bundle.gives(keyIssuerURL) && r.bundle.gives(keyExchangeURL) {
		return r.wrong(keyExchangeURL, Invalid, "is given together with "+r.specs[keyIssuerURL].name+", and credentials go to one of them")
	}
	for i := range r.layers {
		l := &r.layers[i]
		if l == r.bundle || r.bundle == nil {
			break
		}
		for k := range r.specs {
			if _, given := l.values[key(k)]; given && r.mixes(key(k), l) {
				s := &r.specs[k]
				return &Error{Problem: Mixed, Setting: s.name, Source: l.source(s), Detail: "the issuer comes from " +
					r.source(r.address()).String() + "; issuer, client, secret and TLS options must come from one source"}
			}
		}
	}
	return nil
}

// imported reports whether a credential is named that lies in the cache already.
func (r *resolution) imported() bool { return r.bundle != nil && r.bundle.gives(keyImported) }

// alone refuses what would tell of another credential than the imported one.
// Weaker sources are overridden.
func (r *resolution) alone() error {
	for i := range r.layers {
		l := &r.layers[i]
		for k := range r.specs {
			told := r.specs[k].is&(bundled|identifying) != 0 && key(k) != keyImported
			if _, given := l.values[key(k)]; given && told {
				s := &r.specs[k]
				return &Error{Problem: Invalid, Setting: s.name, Source: l.source(s), Detail: "is given together with imported, which names a credential as it is"}
			}
		}
		if l == r.bundle {
			break
		}
	}
	return nil
}

// mixes reports whether k of l belongs to the bundle. A secret in a variable
// has rules of its own (secrets.go).
func (r *resolution) mixes(k key, l *layer) bool {
	return r.specs[k].is&bundled != 0 && !(l.from.Kind == FromVariable && k == keyClientSecret)
}

// counts reports whether l's word on k is taken. Secrets in variables are
// chosen in secrets.go.
func (r *resolution) counts(k key, l *layer) bool {
	if l.from.Kind == FromVariable && (k == keyClientSecret || k == keyPassword) {
		return false
	}
	return r.specs[k].is&bundled == 0 || l == r.bundle
}
