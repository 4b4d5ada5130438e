// A certified OpenID Provider for the tests, behind TLS, with a door of its own for them.
//
// It reads one JSON object from standard input (see Config in ../internal/provider),
// answers with one JSON line on standard output once it listens,
// and ends when standard input closes: a test that dies takes it along.
import { createServer as createTLSServer } from 'node:https';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Store } from './store.mjs';
import { configure, passwordGrant, newKeys } from './provider-config.mjs';

// The modules lie in the build folder, beside none of these files.
const require = createRequire(`${process.env.NODE_MODULES_ROOT}/`);
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const input = await firstLine(process.stdin);
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();

const config = JSON.parse(input);
const store = new Store();
const requests = [];
let generation = 1;
let keys = [newKeys(generation)];
let provider;
let handle;

const server = createTLSServer({ cert: config.cert, key: config.key }, (req, res) => handle(req, res));
const issuer = `https://localhost:${await listen(server)}`;
start();
const admin = `http://127.0.0.1:${await listen(createServer(answerTest))}`;
process.stdout.write(`${JSON.stringify({ issuer, admin })}\n`);

// start makes the provider anew over the same store, as after a restart with other keys.
function start() {
  provider = new Provider(issuer, configure(config, store, keys));
  passwordGrant(provider, config);
  provider.on('server_error', (ctx, err) => console.error(err));
  provider.use(record);
  handle = provider.callback();
}

// record keeps what was asked and how it was answered, never a secret.
async function record(ctx, next) {
  await next();
  const { oidc } = ctx;
  requests.push({
    route: oidc?.route ?? ctx.path,
    grant: oidc?.params?.grant_type ?? oidc?.body?.grant_type ?? '',
    client: oidc?.client?.clientId ?? '',
    account: oidc?.entities?.Account?.accountId ?? oidc?.session?.accountId ?? '',
    status: ctx.status,
    error: typeof ctx.body === 'object' ? ctx.body?.error ?? '' : '',
    params: known(oidc?.params),
  });
}

function known(params) {
  const names = ['scope', 'prompt', 'login_hint', 'code_challenge_method', 'audience', 'resource', 'redirect_uri'];
  return Object.fromEntries(names.filter((n) => params?.[n]).map((n) => [n, `${params[n]}`]));
}

// answerTest is the tests' own door, on loopback without TLS.
async function answerTest(req, res) {
  const url = new URL(req.url, 'http://127.0.0.1');
  try {
    const body = await actions[url.pathname](Object.fromEntries(url.searchParams));
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}));
  } catch (err) {
    res.writeHead(400).end(`${err?.stack ?? err}`);
  }
}

const actions = {
  '/requests': () => requests,
  // The person of the device flow, who has typed the code and signed in, or has refused.
  '/device': ({ user_code, account, deny }) => answerDevice(user_code, account, deny),
  // An administrator ends every session of a person.
  '/revoke': ({ account }) => store.revokeAccount(account),
  // New tokens are signed with a new key; the old one stays published, unless it is dropped.
  '/keys': ({ drop }) => {
    keys = [newKeys(++generation), ...(drop ? [] : keys)];
    start();
  },
};

async function answerDevice(userCode, accountId, deny) {
  const code = await provider.DeviceCode.findByUserCode(userCode.replace(/[^A-Z]/g, ''));
  if (!code) throw new Error(`no device code for ${userCode}`);
  if (deny) {
    Object.assign(code, { error: 'access_denied', errorDescription: 'the person refused' });
  } else {
    const grant = new provider.Grant({ accountId, clientId: code.clientId });
    grant.addOIDCScope(code.params.scope);
    Object.assign(code, {
      accountId,
      grantId: await grant.save(),
      scope: code.params.scope,
      authTime: Math.floor(Date.now() / 1000),
      nonce: code.params.nonce,
    });
  }
  await code.save();
}

function listen(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

async function firstLine(stream) {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of { [Symbol.asyncIterator]: () => stream.iterator({ destroyOnReturn: false }) }) {
    text += chunk;
    if (text.includes('\n')) return text;
  }
  return text;
}
