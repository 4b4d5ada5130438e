package owner

// A server that refuses a credential (401) says nothing of why: that is in its
// log. What it looks at is known, and so what to look at first.

import (
	"fmt"
	"strings"
	"time"
)

const (
	// longLife is what rules that refuse long-lived tokens have for long.
	longLife = 24 * time.Hour
	// skew is what clocks may be apart.
	skew = 10 * time.Second

	reserved = "system:"
)

// Suspects are the claims for which a server may have refused a token that
// lives, the likeliest first, in sentences.
func (t Token) Suspects(now time.Time) []string {
	var all []string
	suspect := func(on bool, format string, args ...any) {
		if on {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	issued, begins := t.Time("iat"), t.Time("nbf")
	suspect(begins.After(now.Add(skew)) || issued.After(now.Add(skew)), "iat or nbf is ahead of this machine's clock: a clock is wrong.")
	suspect(t.Text("iss") == "", "iss is missing: no JWT authenticator takes the token.")
	suspect(t.Text("iss") != "", "iss is %s: the cluster must name it to the letter (issuer.url, --oidc-issuer-url).", t.Text("iss"))
	suspect(len(t.List("aud")) == 0, "aud is missing: the cluster wants one of its audiences there.")
	suspect(len(t.List("aud")) > 0, "aud is %s: the cluster must have one of them among its audiences (issuer.audiences, --oidc-client-id).", strings.Join(t.List("aud"), ", "))
	suspect(t["email_verified"] == false, "email_verified is false: a cluster that takes the user name from email refuses that.")
	for _, name := range t.Names() {
		suspect(strings.HasPrefix(name.Value, reserved), "%s begins with %s: rules may refuse that (userValidationRules).", name.Name, reserved)
	}
	for _, group := range t.List("groups") {
		if strings.HasPrefix(group, reserved) {
			suspect(true, "groups holds a name that begins with %s: rules may refuse that (userValidationRules).", reserved)
			break
		}
	}
	ends := t.Time("exp")
	suspect(!issued.IsZero() && ends.Sub(issued) > longLife, "exp is %d hours after iat: rules may refuse such a long life (claimValidationRules).", int(ends.Sub(issued).Hours()))
	suspect(t["email"] == nil && t["preferred_username"] == nil, "email and preferred_username are missing: a cluster that takes the user name from either refuses that; ask for the scopes email or profile.")
	suspect(true, "The issuer's keys may have changed: the API server fetches them anew after a while; a new token may help as well.")
	return all
}

// SuspectsOfOpaque are those of a token that nobody but its issuer can read.
func SuspectsOfOpaque() []string {
	return []string{"The token is no JWT: the cluster must know it from a file or ask a webhook about it (--token-auth-file, --authentication-token-webhook-config-file)."}
}

// Suspects are what a server may have refused a certificate for.
func (c Certificate) Suspects(now time.Time) []string {
	var all []string
	if c.NotBefore.After(now) {
		all = append(all, "The certificate's life has not begun by this machine's clock: a clock is wrong.")
	}
	if !c.ForClients {
		all = append(all, "Its extended key usage does not let it be a client's.")
	}
	if c.CommonName == "" {
		all = append(all, "It has no CN, from which the cluster takes the user name.")
	}
	return append(all, fmt.Sprintf("Its authority is %s: the cluster must trust that for clients (--client-ca-file).", c.Issuer))
}
