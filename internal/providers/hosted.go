package providers

// hosted are providers that are a service.
func hosted() []row {
	return []row{
		{
			name: "entra", title: "Microsoft Entra ID", device: true,
			issuers:  "login.microsoftonline.com login.microsoftonline.us login.partner.microsoftonline.cn sts.windows.net",
			redirect: "localhost",
			scopes:   "profile offline_access",
			username: "oid", groups: "groups",
			hints: `Entra ID > App registrations > New registration: Supported account types Single tenant, Register.
Authentication > Add a platform > Mobile and desktop applications: the redirect URI, Configure.
Authentication > Settings > Allow public client flows: Yes, for the device login.
Token configuration > Add groups claim: Groups assigned to the application, ID: Group ID, Add.
Enterprise applications > the application > Users and groups: who may sign in, and with Properties > Assignment required: Yes nobody else.`,
			notes: `Groups are object IDs. Above 200 groups the token has a reference instead of them, and the API server, which cannot follow it, refuses the token; Groups assigned to the application keeps below it.
The issuer is https://login.microsoftonline.com/TENANT/v2.0 with the tenant's ID; common and organizations are no issuers that an API server can check.`,
		},
		{
			name: "okta", title: "Okta", device: true,
			issuers:  "*.okta.com *.oktapreview.com *.okta-emea.com *.okta-gov.com *.okta.mil",
			redirect: "localhost", ports: true,
			scopes:   "profile groups offline_access",
			username: "preferred_username", groups: "groups",
			hints: `Applications > Applications > Create App Integration: OIDC - OpenID Connect, Native Application, Next.
Grant type: Authorization Code, Refresh Token and Device Authorization; Sign-in redirect URIs: the redirect URIs; Assignments; Save.
General > Client Credentials: Client authentication None, Require PKCE as additional verification.
At the org authorization server (the issuer without a path): Sign On > OpenID Connect ID Token: Groups claim type Filter, Groups claim filter groups, Matches regex, .*, Save.
At a custom one (the issuer with /oauth2/default or the like): Security > API > Authorization Servers > the server > Scopes > Add Scope: groups.
Claims > Add Claim there: groups, ID Token, Always, Value type Groups, Matches regex, .*, in the scope groups; Access Policies: a rule for the application with the three grants and the scopes.`,
			notes: `A custom authorization server refuses a scope that it does not have, and has no groups until you add it.`,
		},
		{
			name: "google", title: "Google", device: true,
			issuers: "accounts.google.com",
			scopes:  "email",
			params:  "prompt=consent", secret: true,
			username: "email",
			hints: `Google Auth Platform > Audience: Internal, so that only your organisation's accounts can sign in.
Google Auth Platform > Clients > Create client: Application type Desktop app, Create.
Copy the Client ID and the Client secret, which is shown once.`,
			notes: `There are no groups in Google's tokens.
The device login takes a client of its own, of the type TVs and Limited Input devices.`,
		},
		{
			name: "auth0", title: "Auth0", device: true,
			issuers:  "*.auth0.com",
			redirect: "localhost", ports: true,
			scopes:   "email offline_access",
			username: "email", groups: "https://kubernetes/groups",
			hints: `Applications > Applications > Create Application: Native, Create.
Settings > Application URIs > Allowed Callback URLs: the redirect URIs, with a comma between them.
Settings > Advanced Settings > Grant Types: Authorization Code, Refresh Token and Device Code; Save Changes.
Actions > Library > Create Action > Build from scratch, Login / Post Login: api.idToken.setCustomClaim("https://kubernetes/groups", event.authorization?.roles ?? []); Deploy.
Actions > Triggers > post-login: put the action into the flow, Apply.`,
			notes: `The issuer ends in a slash, and the slash counts.`,
		},
		{
			name: "cognito", title: "Amazon Cognito",
			issuers:  "cognito-idp.*.amazonaws.com",
			redirect: "localhost", ports: true,
			username: "cognito:username", groups: "cognito:groups",
			hints: `User pools > the pool > Branding > Domain: the pool has a domain; without one there is no sign-in page.
Applications > App clients > Create app client: Single-page application (SPA) or Mobile app, which are the types without a secret; a return URL; Create.
App clients > the client > Login pages > Edit: Allowed callback URLs: the redirect URIs; OAuth 2.0 grant types Authorization code grant; OpenID Connect scopes OpenID; Save changes.`,
			notes: `There is no device login: where no browser can open, paste.
The issuer is https://cognito-idp.REGION.amazonaws.com/POOL, not the domain of the sign-in page.`,
		},
	}
}
