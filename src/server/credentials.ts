import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface Credentials {
  user: string;
  password: string;
}

/** The check compares both parts in constant time, whatever their lengths and whichever is wrong. */
export function credentialCheck(
  credentials: Credentials,
): (user: string, password: string) => boolean {
  const key = randomBytes(32);
  const digest = (text: string) => createHmac('sha256', key).update(text).digest();
  const user = digest(credentials.user);
  const password = digest(credentials.password);
  return (givenUser, givenPassword) => {
    const userMatches = timingSafeEqual(digest(givenUser), user);
    const passwordMatches = timingSafeEqual(digest(givenPassword), password);
    return userMatches && passwordMatches;
  };
}
