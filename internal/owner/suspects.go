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
	suspect(t.Text("iss") != "", "iss is %s: the cluster must name it to the letter (issuer.url).", t.Text("iss"))
	suspect(len(t.List("aud")) == 0, "aud is missing: the cluster wants one of its own there.")
	suspect(len(t.List("aud")) > 0, "aud is %s: one of them must be the cluster's (issuer.audiences).", strings.Join(t.List("aud"), ", "))
	suspect(t["email_verified"] == false, "email_verified is false: no user name is taken from email then.")
	for _, name := range t.Names() {
		suspect(strings.HasPrefix(name.Value, reserved), "%s begins with %s, which rules may refuse (userValidationRules).", name.Name, reserved)
	}
	for _, group := range t.List("groups") {
		if strings.HasPrefix(group, reserved) {
			suspect(true, "groups has a name with %s, which rules may refuse (userValidationRules).", reserved)
			break
		}
	}
	ends := t.Time("exp")
	suspect(!issued.IsZero() && ends.Sub(issued) > longLife, "exp is %d hours after iat: rules may refuse so long a life.", int(ends.Sub(issued).Hours()))
	suspect(t["email"] == nil && t["preferred_username"] == nil, "email and preferred_username are missing: the scopes email and profile bring them.")
	suspect(true, "The issuer's keys may have changed: a new token may help.")
	return all
}

// SuspectsOfOpaque are those of a token that nobody but its issuer can read.
func SuspectsOfOpaque() []string {
	return []string{"The token is no JWT: the cluster must have it in a file or a Secret, or ask a webhook."}
}

// Suspects are what a server may have refused a certificate for.
func (c Certificate) Suspects(now time.Time) []string {
	var all []string
	if c.NotBefore.After(now) {
		all = append(all, "Its life has not begun by this machine's clock: a clock is wrong.")
	}
	if !c.ForClients {
		all = append(all, "Its extended key usage does not let it be a client's.")
	}
	if c.CommonName == "" {
		all = append(all, "It has no CN, from which the cluster takes the user name.")
	}
	return append(all, fmt.Sprintf("Its authority is %s: the cluster must trust it (--client-ca-file).", c.Issuer))
}
