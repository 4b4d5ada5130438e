package setup

import (
	"strconv"
	"strings"
)

// AuthenticationConfiguration is the file for the API server's flag
// --authentication-config (apiserver.config.k8s.io/v1, stable since Kubernetes
// 1.34). Its rules refuse what the --oidc-* flags cannot: names of Kubernetes'
// own and tokens that live long.
func (s Server) AuthenticationConfiguration() string {
	return `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: ` + scalar(s.Issuer) + `
    audiences:
    - ` + scalar(s.Audience) + `
` + s.authority() + `  claimMappings:
    username:
` + s.Username.lines() + s.groups() + `    uid:
      claim: sub
  claimValidationRules:
  - expression: int(claims.exp) - int(claims.iat) <= ` + strconv.Itoa(int(MaxLife.Seconds())) + `
    message: the token lives for longer than ` + inHours(MaxLife) + `
  userValidationRules:
  - expression: "!user.username.startsWith('` + reserved + `')"
    message: "user names that begin with ` + reserved + ` are Kubernetes' own"
  - expression: "user.groups.all(group, !group.startsWith('` + reserved + `'))"
    message: "groups that begin with ` + reserved + ` are Kubernetes' own"
`
}

func (s Server) authority() string {
	if len(s.CAPEM) == 0 {
		return ""
	}
	return "    certificateAuthority: |\n" + block(string(s.CAPEM), "      ")
}

func (s Server) groups() string {
	if s.Groups.Claim == "" {
		return ""
	}
	return "    groups:\n" + s.Groups.lines()
}

func (m Mapping) lines() string {
	return "      claim: " + scalar(m.Claim) + "\n      prefix: " + scalar(m.Prefix) + "\n"
}

// Flags are the API server's flags that say the same, one a line, without the
// rules, which no flag can say.
func (s Server) Flags() string {
	flags := []string{
		"--oidc-issuer-url=" + s.Issuer,
		"--oidc-client-id=" + s.Audience,
		"--oidc-username-claim=" + s.Username.Claim,
		"--oidc-username-prefix=" + orDash(s.Username.Prefix),
	}
	if s.Groups.Claim != "" {
		flags = append(flags, "--oidc-groups-claim="+s.Groups.Claim)
		if s.Groups.Prefix != "" {
			flags = append(flags, "--oidc-groups-prefix="+s.Groups.Prefix)
		}
	}
	if len(s.CAPEM) > 0 {
		flags = append(flags, "--oidc-ca-file="+caFile)
	}
	if s.Algorithm != "" && s.Algorithm != "RS256" {
		flags = append(flags, "--oidc-signing-algs="+s.Algorithm)
	}
	return strings.Join(flags, "\n") + "\n"
}

// caFile is where the flags expect the provider's authority.
const caFile = "/etc/kubernetes/oidc-ca.pem"

// orDash is how the flag for the prefix says that there is none.
func orDash(prefix string) string {
	if prefix == "" {
		return "-"
	}
	return prefix
}
