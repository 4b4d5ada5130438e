package providers

// Providers that people run themselves, or can.

func keycloak() Preset {
	return Preset{
		Name:          "keycloak",
		Title:         "Keycloak",
		Issuers:       []string{"/realms/"},
		RedirectHost:  "localhost",
		Ports:         ports(),
		DeviceGrant:   true,
		UsernameClaim: "preferred_username",
		GroupsClaim:   "groups",
		Hints: []string{
			"Clients > Create client: Client type OpenID Connect, a Client ID, Next.",
			"Capability config: Client authentication off, Standard flow on, OAuth 2.0 Device Authorization Grant on, Direct access grants off, PKCE Method S256, Next.",
			"Login settings: the Valid redirect URIs, one a line, Save.",
			"Client scopes > the client's dedicated scope > Configure a new mapper > Group Membership: Token Claim Name groups, Full group path on, Add to ID token on, Save.",
		},
		Notes: []string{
			"Groups have their path in front (/developers), so that two of one name stay two.",
			"A session lives as long as Keycloak's own (SSO Session Idle, 30 minutes by default); the scope offline_access makes it an offline session, which lives on (30 days idle).",
		},
		Doc: "docs/providers/keycloak.md",
	}
}

func dex() Preset {
	return Preset{
		Name:          "dex",
		Title:         "Dex",
		Issuers:       []string{"/dex/"},
		Scopes:        []string{"email", "groups", "offline_access"},
		DeviceGrant:   true,
		UsernameClaim: "email",
		GroupsClaim:   "groups",
		Hints: []string{
			"Add to staticClients an entry with id, name and public: true, without secret and without redirectURIs.",
			"Where oauth2.grantTypes is set, it lists authorization_code, refresh_token and urn:ietf:params:oauth:grant-type:device_code.",
			"Restart Dex.",
		},
		Notes: []string{
			"A public client without redirectURIs may use any port of localhost; with redirectURIs only those, as they stand.",
			"Whether there are groups, and whether a session renews itself, is the connector's: several have neither.",
			"Dex has no revocation endpoint: kubecred logout forgets the session here, and Dex keeps it until it expires.",
		},
		Doc: "docs/providers/dex.md",
	}
}

func gitlab() Preset {
	return Preset{
		Name:          "gitlab",
		Title:         "GitLab",
		Issuers:       []string{"gitlab.com"},
		RedirectHost:  "localhost",
		Ports:         ports(),
		Scopes:        []string{"email"},
		UsernameClaim: "email",
		GroupsClaim:   "groups_direct",
		Hints: []string{
			"Applications of your user, of a group (Settings > Applications) or of the instance (Admin > Applications): Add new application.",
			"Redirect URI: the redirect URIs, one a line; Confidential off; Scopes openid and email; Save application.",
			"Copy the Application ID: it is the client's ID.",
		},
		Notes: []string{
			"GitLab refuses the scope offline_access, and gives a refresh token without it.",
			"The user name is in userinfo alone at older versions, and can be changed and then taken by someone else; so the verified address is mapped.",
			"GitLab's discovery document does not name its device login, so kubecred does not find it: where no browser can open, paste.",
			"The ID token has groups_direct, the groups that one is a direct member of; groups, with the inherited ones, is in userinfo alone, which an API server does not read.",
		},
		Doc: "docs/providers/gitlab.md",
	}
}

func ping() Preset {
	return Preset{
		Name:          "ping",
		Title:         "PingOne and PingFederate",
		Issuers:       pingRegions(),
		RedirectHost:  "localhost",
		Ports:         ports(),
		Scopes:        []string{"profile", "offline_access"},
		DeviceGrant:   true,
		UsernameClaim: "preferred_username",
		GroupsClaim:   "groups",
		Hints: []string{
			"PingOne, Applications > Applications > +: Application Type Native, Save.",
			"PingOne, Configuration: Response Type Code, Grant Type Authorization Code and Refresh Token, PKCE Enforcement S256_REQUIRED, Token Auth Method None, the Redirect URIs, Save.",
			"PingOne, Resources: add profile and offline_access; Attribute Mappings: preferred_username to Username, groups to Group Names; then switch the application on.",
			"PingFederate, Applications > OAuth > Clients > Add Client: Client Authentication None, the Redirect URIs, Allowed Grant Types Authorization Code, Refresh Token and Device Authorization Grant, Require Proof Key for Code Exchange (PKCE).",
			"PingFederate, System > OAuth Settings > Scope Management: profile and offline_access are among the scopes.",
			"PingFederate, Applications > OAuth > OpenID Connect Policy Management: Return ID Token on Refresh Grant on; map preferred_username and groups into the ID token.",
		},
		Notes: []string{
			"Without Return ID Token on Refresh Grant PingFederate renews without an ID token; kubecred then stops with an error that says so.",
			"In PingOne the device login takes an application of its own, of the type Device Authorization.",
		},
		Doc: "docs/providers/ping.md",
	}
}

func pingRegions() []string {
	return []string{
		"auth.pingone.com", "auth.pingone.ca", "auth.pingone.eu", "auth.pingone.asia", "auth.pingone.com.au", "auth.pingone.sg",
	}
}

// ports are those that kubecred listens at unless it is told otherwise.
func ports() []int { return []int{8000, 18000} }
