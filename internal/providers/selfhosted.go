package providers

// selfHosted are providers that people run themselves, or can.
func selfHosted() []row {
	return []row{
		{
			name: "keycloak", title: "Keycloak", device: true,
			issuers:  "/realms/",
			redirect: "localhost", ports: true,
			username: "preferred_username", groups: "groups",
			hints: `Clients > Create client: Client type OpenID Connect, a Client ID, Next.
Capability config: Client authentication off, Standard flow on, OAuth 2.0 Device Authorization Grant on, Direct access grants off, PKCE method S256, Next.
Login settings: the Valid redirect URIs, one a line, Save.
Client scopes > the client's dedicated scope > Configure a new mapper > Group Membership: Token Claim Name groups, Full group path on, Add to ID token on, Save.`,
			notes: `Groups have their path in front (/developers), so that two of one name stay two.`,
		},
		{
			name: "dex", title: "Dex", device: true,
			issuers:  "/dex/",
			scopes:   "email groups offline_access",
			username: "email", groups: "groups",
			hints: `Add to staticClients an entry with id, name and public: true, without secret and without redirectURIs.
Where oauth2.grantTypes is set, it lists authorization_code, refresh_token and urn:ietf:params:oauth:grant-type:device_code.
Restart Dex.`,
			notes: `Whether there are groups, and whether a session renews itself, is the connector's: several have neither.`,
		},
		{
			name: "gitlab", title: "GitLab",
			issuers:  "gitlab.com",
			redirect: "localhost", ports: true,
			scopes:   "email",
			username: "email", groups: "groups_direct",
			hints: `Applications of your user, of a group (Settings > Applications) or of the instance (Admin > Applications): Add new application.
Redirect URI: the redirect URIs, one a line; Confidential off; Scopes openid and email; Save application.
Copy the Application ID: it is the client's ID.`,
			notes: `GitLab's discovery document does not name its device login, so kubecred does not find it: where no browser can open, paste.
The ID token has groups_direct, the groups that one is a direct member of; groups, with the inherited ones, is in userinfo alone, which an API server does not read.`,
		},
		{
			name: "ping", title: "PingOne and PingFederate", device: true,
			issuers:  "auth.pingone.com auth.pingone.ca auth.pingone.eu auth.pingone.asia auth.pingone.com.au auth.pingone.sg",
			redirect: "localhost", ports: true,
			scopes:   "profile offline_access",
			username: "preferred_username", groups: "groups",
			hints: `PingOne, Applications > Applications > +: Application Type Native, Save.
PingOne, Configuration: Response Type Code, Grant Type Authorization Code and Refresh Token, PKCE Enforcement S256_REQUIRED, Token Auth Method None, the Redirect URIs, Save.
PingOne, Resources: add profile and offline_access; Attribute Mappings: preferred_username to Username, groups to Group Names; then switch the application on.
PingFederate, Applications > OAuth > Clients > Add Client: Client Authentication None, the Redirect URIs, Allowed Grant Types Authorization Code, Refresh Token and Device Authorization Grant, Require Proof Key for Code Exchange (PKCE).
PingFederate, System > OAuth Settings > Scope Management: profile and offline_access are among the scopes.
PingFederate, Applications > OAuth > OpenID Connect Policy Management: Return ID Token on Refresh Grant on; map preferred_username and groups into the ID token.`,
			notes: `Without Return ID Token on Refresh Grant PingFederate renews without an ID token; kubecred then stops with an error that says so.
In PingOne the device login takes an application of its own, of the type Device Authorization.`,
		},
	}
}
