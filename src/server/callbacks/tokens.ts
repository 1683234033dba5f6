/**
 * The tokens that Atlas presents with its callbacks: signed JWTs. No replica stores them, every
 * replica accepts them, and a change of the secret makes them all invalid.
 */
import { createSecretKey, hkdfSync } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';

export const TOKEN_LIFE_SECONDS = 3600;
/** The clocks of replicas may differ by this much. */
const CLOCK_TOLERANCE_SECONDS = 60;
/** Our tokens have about 200 characters. Longer ones are refused unread. */
const MAX_TOKEN_LENGTH = 1024;
const ALGORITHM = 'HS256';
const AUDIENCE = 'atlas-callbacks';
const ISSUER = 'atlas-batch';
const KEY_BYTES = 32;

export interface CallbackTokens {
  issue(): Promise<string>;
  isValid(token: string): Promise<boolean>;
}

export function createCallbackTokens(clientId: string, clientSecret: string): CallbackTokens {
  const derived = hkdfSync('sha256', clientSecret, clientId, 'callback tokens', KEY_BYTES);
  const key = createSecretKey(Buffer.from(derived));
  return {
    issue: () =>
      new SignJWT()
        .setProtectedHeader({ alg: ALGORITHM })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime(`${TOKEN_LIFE_SECONDS} s`)
        .sign(key),
    async isValid(token) {
      if (token === '' || token.length > MAX_TOKEN_LENGTH) return false;
      try {
        await jwtVerify(token, key, {
          algorithms: [ALGORITHM],
          audience: AUDIENCE,
          issuer: ISSUER,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          requiredClaims: ['exp'],
        });
        return true;
      } catch {
        return false;
      }
    },
  };
}
