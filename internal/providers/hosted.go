package providers

// Providers that are a service.

func entra() Preset {
	return Preset{
		Name:          "entra",
		Title:         "Microsoft Entra ID",
		Issuers:       []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net"},
		RedirectHost:  "localhost",
		Scopes:        []string{"profile", "offline_access"},
		DeviceGrant:   true,
		UsernameClaim: "oid",
		GroupsClaim:   "groups",
		Hints: []string{
			"Entra ID > App registrations > New registration: Supported account types Single tenant, Register.",
			"Authentication > Add a platform > Mobile and desktop applications: the redirect URI, Configure.",
			"Authentication > Settings > Allow public client flows: Yes, for the device login.",
			"Token configuration > Add groups claim: Groups assigned to the application, ID: Group ID, Add.",
			"Enterprise applications > the application > Users and groups: who may sign in, and with Properties > Assignment required: Yes nobody else.",
		},
		Notes: []string{
			"The port of a localhost redirect does not count here, so one is registered without it.",
			"Groups are object IDs. Above 200 groups the token has a reference instead of them, which no API server follows; Groups assigned to the application keeps below it.",
			"The issuer is https://login.microsoftonline.com/TENANT/v2.0 with the tenant's ID; common and organizations are no issuers that an API server can check.",
			"email and preferred_username can be changed and are no identity; oid is never given to someone else.",
		},
		Doc: "docs/providers/entra.md",
	}
}

func okta() Preset {
	return Preset{
		Name:          "okta",
		Title:         "Okta",
		Issuers:       []string{"*.okta.com", "*.oktapreview.com", "*.okta-emea.com", "*.okta-gov.com", "*.okta.mil"},
		RedirectHost:  "localhost",
		Ports:         ports(),
		Scopes:        []string{"profile", "groups", "offline_access"},
		DeviceGrant:   true,
		UsernameClaim: "preferred_username",
		GroupsClaim:   "groups",
		Hints: []string{
			"Applications > Applications > Create App Integration: OIDC - OpenID Connect, Native Application, Next.",
			"Grant type: Authorization Code, Refresh Token and Device Authorization; Sign-in redirect URIs: the redirect URIs; Assignments; Save.",
			"General > Client Credentials: Client authentication None, Require PKCE as additional verification.",
			"At the org authorization server (the issuer without a path): Sign On > OpenID Connect ID Token: Groups claim type Filter, Groups claim filter groups, Matches regex, .*, Save.",
			"At a custom one (the issuer with /oauth2/default or the like): Security > API > Authorization Servers > the server > Scopes > Add Scope: groups.",
			"Claims > Add Claim there: groups, ID Token, Always, Value type Groups, Matches regex, .*, in the scope groups; Access Policies: a rule for the application with the three grants and the scopes.",
		},
		Notes: []string{
			"The org authorization server puts groups into the ID token alone, and only for the scope groups.",
			"A custom authorization server refuses a scope that it does not have, and has no groups until you add it.",
			"Where refresh tokens rotate, one that is used twice ends the session.",
		},
		Doc: "docs/providers/okta.md",
	}
}

func google() Preset {
	return Preset{
		Name:          "google",
		Title:         "Google",
		Issuers:       []string{"accounts.google.com"},
		Scopes:        []string{"email"},
		ExtraParams:   map[string]string{"prompt": "consent"},
		ClientSecret:  true,
		DeviceGrant:   true,
		UsernameClaim: "email",
		Hints: []string{
			"Google Auth Platform > Audience: Internal, so that only your organisation's accounts can sign in.",
			"Google Auth Platform > Clients > Create client: Application type Desktop app, Create.",
			"Copy the Client ID and the Client secret: it is shown once.",
		},
		Notes: []string{
			"A desktop client needs its secret, although Google does not count on its being secret.",
			"Google refuses the scope offline_access. It gives a refresh token for access_type=offline, which kubecred always sends, and after the first sign-in only where prompt=consent is sent as well.",
			"There are no groups in Google's tokens.",
			"The device login takes a client of its own, of the type TVs and Limited Input devices.",
		},
		Doc: "docs/providers/google.md",
	}
}

func auth0() Preset {
	return Preset{
		Name:          "auth0",
		Title:         "Auth0",
		Issuers:       []string{"*.auth0.com"},
		RedirectHost:  "localhost",
		Ports:         ports(),
		Scopes:        []string{"email", "offline_access"},
		DeviceGrant:   true,
		UsernameClaim: "email",
		GroupsClaim:   "https://kubernetes/groups",
		Hints: []string{
			"Applications > Applications > Create Application: Native, Create.",
			"Settings > Application URIs > Allowed Callback URLs: the redirect URIs, with a comma between them.",
			"Settings > Advanced Settings > Grant Types: Authorization Code, Refresh Token and Device Code; Save Changes.",
			"Actions > Library > Create Action > Build from scratch, Login / Post Login: api.idToken.setCustomClaim(\"https://kubernetes/groups\", event.authorization?.roles ?? []); Deploy.",
			"Actions > Triggers > post-login: put the action into the flow, Apply.",
		},
		Notes: []string{
			"The issuer ends in a slash, and the slash counts.",
			"Auth0 leaves out a claim named groups or roles; a name that is a URL of one's own is passed on.",
		},
		Doc: "docs/providers/auth0.md",
	}
}

func cognito() Preset {
	return Preset{
		Name:          "cognito",
		Title:         "Amazon Cognito",
		Issuers:       []string{"cognito-idp.*.amazonaws.com"},
		RedirectHost:  "localhost",
		Ports:         ports(),
		UsernameClaim: "cognito:username",
		GroupsClaim:   "cognito:groups",
		Hints: []string{
			"User pools > the pool > Branding > Domain: the pool has a domain; without one there is no sign-in page.",
			"Applications > App clients > Create app client: Single-page application (SPA) or Mobile app, which are the types without a secret; a return URL; Create.",
			"App clients > the client > Login pages > Edit: Allowed callback URLs: the redirect URIs; OAuth grant types Authorization code grant; OpenID Connect scopes OpenID; Save changes.",
		},
		Notes: []string{
			"There is no device login: where no browser can open, paste.",
			"Cognito refuses the scope offline_access, and gives a refresh token without it.",
			"An address need not be one person's alone, and people may change theirs; the user name is and they cannot. Where people sign in by address it is an ID.",
			"The issuer is https://cognito-idp.REGION.amazonaws.com/POOL, not the domain of the sign-in page.",
		},
		Doc: "docs/providers/cognito.md",
	}
}
