// What the tests' provider offers, and the password grant, which it lacks by itself.
import { generateKeyPairSync } from 'node:crypto';

// newKeys makes one signing key; the provider publishes its public half.
export function newKeys(n) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: `key-${n}`, use: 'sig', alg: 'RS256' };
}

export function configure({ clients, lifetimes, groups }, store, keys) {
  return {
    clients,
    jwks: { keys },
    adapter: store.adapter,
    cookies: { keys: ['a key for the tests alone'] },
    scopes: ['openid', 'offline_access', 'email', 'profile', 'groups'],
    claims: {
      openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'], groups: ['groups'],
    },
    // Kubernetes reads the ID token and never asks the userinfo endpoint.
    conformIdTokenClaims: false,
    findAccount: (ctx, accountId) => ({ accountId, claims: () => claimsOf(accountId, groups) }),
    extraTokenClaims: (ctx, token) => (token.accountId ? claimsOf(token.accountId, groups) : { groups: ['machines'] }),
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: resources(lifetimes),
    },
    pkce: { required: (ctx, client) => client.clientAuthMethod === 'none' },
    rotateRefreshToken: true,
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    // A loopback page of the tests' own is no reason to end a session.
    expiresWithSession: () => false,
    ttl: lifetime(lifetimes),
  };
}

function claimsOf(sub, groups) {
  const name = sub.replace(/@.*/, '');
  return {
    sub, email: sub, email_verified: true, name, preferred_username: name, groups: groups[sub] ?? ['developers'],
  };
}

// An access token that Kubernetes can verify is a JWT made for one resource.
function resources(lifetimes) {
  return {
    enabled: true,
    defaultResource: () => undefined,
    useGrantedResource: () => true,
    getResourceServerInfo: (ctx, resource, client) => ({
      scope: 'openid email profile groups offline_access api',
      audience: resource.replace(/^urn:/, ''),
      accessTokenFormat: 'jwt',
      accessTokenTTL: lifetimes[client.clientId] ?? 3600,
      jwt: { sign: { alg: 'RS256' } },
    }),
  };
}

// lifetime answers in seconds: a client's own, else an hour.
function lifetime(lifetimes) {
  const own = (ctx, token, client) => lifetimes[client.clientId] ?? 3600;
  return {
    AccessToken: own,
    ClientCredentials: own,
    IdToken: own,
    AuthorizationCode: 60,
    DeviceCode: 300,
    Grant: 86400,
    Interaction: 600,
    RefreshToken: 86400,
    Session: 86400,
  };
}

// passwordGrant adds the resource owner password grant of RFC 6749 section 4.3.
export function passwordGrant(provider, { password, groups }) {
  const params = ['username', 'password', 'scope'];
  provider.registerGrantType('password', async (ctx) => {
    const { username, password: given, scope } = ctx.oidc.params;
    if (!username || given !== password) {
      ctx.status = 400;
      ctx.body = { error: 'invalid_grant', error_description: 'wrong user name or password' };
      return;
    }
    ctx.body = await tokens(provider, ctx, username, scope ?? 'openid', groups);
  }, params);
}

async function tokens(provider, ctx, accountId, scope, groups) {
  const { client } = ctx.oidc;
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  const claims = claimsOf(accountId, groups);
  ctx.oidc.entity('Account', { accountId, claims: () => claims });
  const common = { accountId, client, grantId, gty: 'password', scope };
  const access = new provider.AccessToken(common);
  const refresh = new provider.RefreshToken({ ...common, rotations: 0, authTime: Math.floor(Date.now() / 1000) });
  const id = new provider.IdToken(claims, { ctx });
  id.scope = scope;
  return {
    access_token: await access.save(),
    id_token: await id.issue({ use: 'idtoken' }),
    refresh_token: await refresh.save(),
    token_type: 'Bearer',
    expires_in: access.expiration,
    scope,
  };
}
