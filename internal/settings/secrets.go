package settings

// Secrets, and to whom they may go.
//
// A kubeconfig may set any variable for the command but cannot read one. So a
// secret that the person keeps in a variable could be drawn to a host of the
// kubeconfig's choice: the kubeconfig names the issuer, by flag or by variable,
// and the secret is there already. Therefore a secret in a variable is used
// only where something vouches for the issuer that a kubeconfig cannot write:
// the profile that names the issuer, the policy's list, the person's earlier
// consent, or the variable itself, which may carry the issuer in front of the
// secret: "https://issuer.example SECRET". And never together with a CA or a
// switched-off check that the kubeconfig could have chosen.

import (
	"net/url"
	"strings"

	"github.com/kubecred/kubecred/internal/secret"
)

// setSecrets finds the client's secret and the password.
func (r *resolution) setSecrets() (err error) {
	s := r.settings
	if s.Imported != "" { // nothing is sent, so no variable's secret is asked for
		return nil
	}
	if s.ClientSecret, err = r.secret(keyClientSecret, keyClientSecretFile, keyClientSecretCommand); err != nil {
		return err
	}
	s.Password, err = r.secret(keyPassword, keyPasswordFile, keyPasswordCommand)
	return err
}

// secret returns what was picked, or else what the variable holds.
func (r *resolution) secret(direct, file, command key) (Secret, error) {
	s := Secret{File: r.picked[file].text, Command: r.picked[command].list}
	if s.File != "" && len(s.Command) > 0 {
		return s, r.wrong(command, Invalid, "is given together with "+r.specs[file].name)
	}
	if from := r.picked[direct].from; from != nil {
		if from != r.bundle && r.bundle != nil {
			if reason := r.mistrust(false); reason != "" {
				return s, r.wrong(direct, Unbound, reason)
			}
		}
		s = Secret{Text: secret.New(r.picked[direct].text)}
		r.settings.ExposedSecrets = append(r.settings.ExposedSecrets, r.specs[direct].name)
	}
	if !s.Empty() || !r.wanted(direct) {
		return s, nil
	}
	held, err := r.fromVariable(direct)
	return Secret{Text: held}, err
}

// wanted reports whether the secret k would be used. A password in the
// environment is no reason to fail for those who sign in by browser.
func (r *resolution) wanted(k key) bool {
	s := r.settings
	if k == keyPassword {
		return s.Grant == GrantPassword || (s.Grant == GrantAuto && s.Username != "")
	}
	return s.AuthMethod != "none" && s.AuthMethod != "private_key_jwt"
}

// fromVariable returns the secret that the variable for k holds, if it is
// meant for this issuer. It is empty when the variable names another one.
func (r *resolution) fromVariable(k key) (secret.Text, error) {
	l := r.layerOf(FromVariable)
	content := l.values[k].text
	if content == "" || r.bundle == nil {
		return secret.Text{}, nil
	}
	bound, held := splitBound(content)
	if bound != "" && bound != r.settings.IssuerURL {
		return secret.Text{}, nil
	}
	s := &r.specs[k]
	if err := checkText(held); err != nil {
		return secret.Text{}, &Error{Problem: Invalid, Setting: s.name, Source: l.source(s), Detail: err.Error()}
	}
	if reason := r.mistrust(bound != ""); reason != "" {
		return secret.Text{}, &Error{Problem: Unbound, Setting: s.name, Source: l.source(s), Detail: reason}
	}
	return secret.New(held), nil
}

// mistrust says why a secret that does not come with the issuer may not go to
// it; "" is that it may. Bound is a secret that names the issuer itself.
func (r *resolution) mistrust(bound bool) string {
	if r.bundle.from.owned() {
		return ""
	}
	if issuer := r.settings.IssuerURL; !bound && !r.vouched(issuer) {
		return "nothing says that it is meant for " + printable(issuer, 200)
	}
	if source, ok := r.foreignTrust(); ok {
		return "is not sent where " + source.String() + " says whom to trust"
	}
	return ""
}

// foreignTrust returns the source outside the person's own configuration that
// names a CA or switches the check of certificates off.
func (r *resolution) foreignTrust() (Source, bool) {
	for _, k := range []key{keyCA, keyCAData, keySkipTLSVerify} {
		if p := r.picked[k]; p.from != nil && !p.from.from.owned() && (p.on || len(p.list) > 0) {
			return r.source(k), true
		}
	}
	return Source{}, false
}

// splitBound splits "https://issuer.example SECRET".
func splitBound(content string) (issuer, held string) {
	before, after, ok := strings.Cut(content, " ")
	if ok && (strings.HasPrefix(before, "https://") || strings.HasPrefix(before, "http://")) {
		return before, after
	}
	return "", content
}

// vouched reports whether the administrator or the person named the issuer.
func (r *resolution) vouched(issuer string) bool {
	if r.policy.vouches(issuer, r.settings.Exchange) {
		return true
	}
	u, err := url.Parse(issuer)
	return err == nil && r.in.Agreed != nil && r.in.Agreed(u)
}

func (r *resolution) layerOf(kind SourceKind) *layer {
	for i := range r.layers {
		if r.layers[i].from.Kind == kind {
			return &r.layers[i]
		}
	}
	return &layer{from: Source{Kind: kind}}
}
