/**
 * The tokens that Atlas presents with its callbacks: signed JWTs. No replica stores them, every
 * replica accepts them, and a secret that is gone makes those that it signed invalid.
 */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { Credentials } from '../credentials.js';

export const TOKEN_LIFE_SECONDS = 3600;
/** The clocks of replicas may differ by this much. */
const CLOCK_TOLERANCE_SECONDS = 60;
/** Our tokens have about 200 characters. Longer ones are refused unread. */
const MAX_TOKEN_LENGTH = 1024;
const ALGORITHM = 'HS256';
const AUDIENCE = 'atlas-callbacks';
const ISSUER = 'atlas-batch';
const KEY_BYTES = 32;
const REQUIRED = {
  algorithms: [ALGORITHM],
  audience: AUDIENCE,
  issuer: ISSUER,
  clockTolerance: CLOCK_TOLERANCE_SECONDS,
  requiredClaims: ['exp'],
};

export interface CallbackTokens {
  issue(): Promise<string>;
  isValid(token: string): Promise<boolean>;
}

function keyOf({ user, password }: Credentials): KeyObject {
  const derived = hkdfSync('sha256', password, user, 'callback tokens', KEY_BYTES);
  return createSecretKey(Buffer.from(derived));
}

/** @param credentials All that are right now. The first one signs, each verifies. */
export function createCallbackTokens(credentials: () => readonly Credentials[]): CallbackTokens {
  let last: { of: string; keys: KeyObject[] } | undefined;
  const keys = () => {
    const current = credentials();
    const of = JSON.stringify(current);
    if (last?.of !== of) last = { of, keys: current.map(keyOf) };
    return last.keys;
  };
  return {
    issue: async () =>
      new SignJWT()
        .setProtectedHeader({ alg: ALGORITHM })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime(`${TOKEN_LIFE_SECONDS} s`)
        .sign(keys()[0] as KeyObject),
    async isValid(token) {
      if (token === '' || token.length > MAX_TOKEN_LENGTH) return false;
      const verified = keys().map((key) => jwtVerify(token, key, REQUIRED));
      return (await Promise.allSettled(verified)).some(({ status }) => status === 'fulfilled');
    },
  };
}
