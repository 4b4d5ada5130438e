package kubeconfig

import "go.yaml.in/yaml/v3"

// Impersonation is whom a user entry acts as. The zero Impersonation is itself.
type Impersonation struct {
	User, UID string
	Groups    []string
	Extra     map[string][]string
}

// Any reports whether a client would ask to act as someone else.
func (i Impersonation) Any() bool {
	return i.User != "" || i.UID != "" || len(i.Groups) > 0 || len(i.Extra) > 0
}

// userBody is a user entry but for its name.
type userBody struct {
	exec *Exec // nil where the user authenticates otherwise
	as   Impersonation
}

func (b userBody) named(name string) User { return User{name, b.exec, b.as} }

func (w *walk) impersonation(user map[string]*yaml.Node) Impersonation {
	as := Impersonation{User: w.text(user["as"]), UID: w.text(user["as-uid"]), Groups: list(w, user["as-groups"], w.text)}
	for key, values := range w.mapping(user["as-user-extra"]) {
		if as.Extra == nil {
			as.Extra = map[string][]string{}
		}
		as.Extra[key] = list(w, values, w.text)
	}
	return as
}
