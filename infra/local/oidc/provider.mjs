// An identity provider on loopback for the story of signing in: oidc-provider, which the OpenID Foundation has certified
// (https://openid.net/certification/). The first line of standard input says its port, its one client and its accounts; it ends with
// standard input.

import { generateKeyPairSync } from 'node:crypto';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => serve(JSON.parse(line)));
process.stdin.once('end', () => process.exit(0));

function serve({ port, client, accounts }) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwks = { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] };
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [client],
    jwks,
    cookies: { keys: ['of this test alone'] },
    // As most providers do: the ID token has the claims of the scopes that were asked for.
    conformIdTokenClaims: false,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
    // Without the page that asks whether Quell may know who they are.
    loadExistingGrant: async (ctx) => {
      const { client: of, session } = ctx.oidc;
      const grant = new ctx.oidc.provider.Grant({ clientId: of.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid email groups');
      await grant.save();
      return grant;
    },
  });
  provider.listen(port, '127.0.0.1');
}
