// A real OpenID provider for the tests: `oidc-provider` with one public client for command lines, and keys that the test changes.
// It ends with its standard input, so that it never outlives the test.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const client = {
  client_id: 'tidegate-cli',
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['http://127.0.0.1/callback'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
};

function newKey(alg, kid) {
  const { privateKey } = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  }[alg]();
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

// The keys that are published; tokens are signed by the first one of `alg`.
let keys = [];
let number = 0;
let handle;

function change(issuer, alg, keepsOld) {
  number += 1;
  keys = [newKey(alg, `key-${number}`), ...(keepsOld ? keys : [])];
  const provider = new Provider(issuer, {
    clients: [{ ...client, id_token_signed_response_alg: alg }],
    jwks: { keys },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
    features: { deviceFlow: { enabled: true } },
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['of the tests alone'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true }),
    }),
  });
  handle = provider.callback();
}

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://127.0.0.1');
  if (url.pathname === '/of-the-test/change-keys') {
    change(issuer, url.searchParams.get('alg'), url.searchParams.get('keep') === 'true');
    response.end('{}');
    return;
  }
  handle(request, response);
});

let issuer;
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  change(issuer, 'RS256', false);
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
