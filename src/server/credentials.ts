import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface Credentials {
  user: string;
  password: string;
}

/** Compares both in constant time, whatever their lengths and whichever is wrong. */
export function credentialCheck(
  credentials: Credentials,
): (user: string, password: string) => boolean {
  const key = randomBytes(32);
  const digest = (text: string) => createHmac('sha256', key).update(text).digest();
  const user = digest(credentials.user);
  const password = digest(credentials.password);
  return (triedUser, triedPassword) => {
    const userFits = timingSafeEqual(digest(triedUser), user);
    const passwordFits = timingSafeEqual(digest(triedPassword), password);
    return userFits && passwordFits;
  };
}
