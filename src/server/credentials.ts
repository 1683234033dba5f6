import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface Credentials {
  user: string;
  password: string;
}

/** The check takes the same time whatever the lengths are and whichever part is wrong. */
export function credentialCheck(
  credentials: Credentials,
): (user: string, password: string) => boolean {
  const key = randomBytes(32);
  const digest = (...parts: [user: string, password: string]) =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest();
  const expected = digest(credentials.user, credentials.password);
  return (user, password) => timingSafeEqual(digest(user, password), expected);
}
