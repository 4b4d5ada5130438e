package setup

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The sizes past which somebody in the middle may give up.
const (
	// manyGroups is where Entra ID sends no groups any more.
	manyGroups = 200
	// largeToken is what proxies commonly allow one header, in bytes.
	largeToken = 8 << 10
)

// Sight is what the API server makes of a token. Names are the provider's own
// texts and MUST be cleaned before they are shown.
type Sight struct {
	User   string
	Groups []string
	// Refused says why the API server will not take the token; empty where it will.
	Refused []string
	// Doubts are what is likely not meant.
	Doubts []string
}

// See reads a token as the API server will, with the rules of its
// AuthenticationConfiguration.
func (s Server) See(t Token) Sight {
	v := &viewer{server: s, token: t}
	v.audience()
	v.user()
	v.groups()
	v.life()
	v.size()
	return v.Sight
}

type viewer struct {
	Sight
	server Server
	token  Token
}

func (v *viewer) refuse(format string, args ...any) {
	v.Refused = append(v.Refused, fmt.Sprintf(format, args...))
}

func (v *viewer) doubt(format string, args ...any) {
	v.Doubts = append(v.Doubts, fmt.Sprintf(format, args...))
}

func (v *viewer) audience() {
	if !strings.HasPrefix(v.server.Issuer, "https://") {
		v.refuse("an API server takes issuers with https alone")
	}
	if named, _ := v.token.texts("aud"); !slices.Contains(named, v.server.Audience) {
		v.refuse("the token is for the audience %s, not for %s", list(named), v.server.Audience)
	}
}

func (v *viewer) user() {
	claim := v.server.Username.Claim
	name := v.token.Text(claim)
	if name != "" {
		v.User = v.server.Username.Prefix + name
	}
	switch verified, said := v.token.Token["email_verified"]; {
	case name == "":
		v.refuse("the token has no claim %s, or it is no text; --oidc-username-claim names another, and --oidc-extra-scope asks for more claims", claim)
	case strings.HasPrefix(v.User, reserved):
		v.refuse("the user name begins with %s, which is Kubernetes' own", reserved)
	case claim != "email":
	case !said:
		v.doubt("the provider does not say whether the address is verified: who may choose theirs there can be anyone here")
	case verified != true:
		v.refuse("the provider has not verified the address (email_verified)")
	}
}

func (v *viewer) groups() {
	claim := v.server.Groups.Claim
	if claim == "" {
		return
	}
	names, ok := v.token.texts(claim)
	_, there := v.token.Token[claim]
	switch {
	case !there && v.elsewhere(claim):
		v.refuse("in place of the groups the token names an address to ask for them, as Entra ID does for people in more than %d; let the provider send those alone that the cluster's rules use", manyGroups)
	case !there:
		v.doubt("the token has no claim %s, so nobody has groups%s", claim, v.otherLists())
	case !ok:
		v.refuse("the claim %s is neither a text nor a list of texts", claim)
	case len(names) > manyGroups:
		v.doubt("%d groups: Entra ID sends none past %d, and the token grows with each; let the provider send those alone that the cluster's rules use", len(names), manyGroups)
	}
	for _, name := range names {
		v.Groups = append(v.Groups, v.server.Groups.Prefix+name)
	}
	if i := slices.IndexFunc(v.Groups, func(name string) bool { return strings.HasPrefix(name, reserved) }); i >= 0 {
		v.refuse("the group %s begins with %s, which is Kubernetes' own", v.Groups[i], reserved)
	}
}

// elsewhere reports whether the claim is a distributed one (OpenID Connect Core
// 1.0, section 5.6.2), which Entra ID answers for its own clients alone.
func (v *viewer) elsewhere(claim string) bool {
	names, _ := v.token.Token["_claim_names"].(map[string]any)
	_, there := names[claim]
	return there
}

// otherLists names the claims that could be the groups.
func (v *viewer) otherLists() string {
	var names []string
	for name := range v.token.Token {
		if _, isText := v.token.Token[name].(string); isText || slices.Contains([]string{"aud", "amr"}, name) {
			continue
		}
		if _, ok := v.token.texts(name); ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "; the provider may need to be told to send them (a scope, or a mapper of the client)"
	}
	slices.Sort(names)
	return "; other lists in it: " + list(names)
}

func (v *viewer) life() {
	switch life := v.token.life(); {
	case life == 0:
		v.refuse("the token does not say when it was issued and when it ends (iat, exp)")
	case life > MaxLife:
		v.refuse("the token lives for %s, and nothing revokes it at a cluster: the rules take %s at most; shorten it at the provider", inHours(life), inHours(MaxLife))
	}
}

func (v *viewer) size() {
	if v.token.Size > largeToken {
		v.doubt("the token has %d KiB, and each request carries it: many proxies refuse headers of more than %d KiB", v.token.Size>>10, largeToken>>10)
	}
}

// inHours rounds up: what is too long shall not look as if it were not.
func inHours(d time.Duration) string {
	hours := int((d + time.Hour - 1) / time.Hour)
	if hours < 48 {
		return fmt.Sprintf("%d hours", hours)
	}
	return fmt.Sprintf("%d days", (hours+23)/24)
}

func list(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}
