/** Who calls: the token of a request, compared with all lines of the file. */
import { timingSafeEqual } from 'node:crypto';
import { type ApiToken, hashToken, parseApiTokens } from '../../config/api-tokens.js';
import type { Caller } from './access.js';

/** Who holds a token; null for one that is not known. */
export type FindCaller = (token: string) => Caller | null;

/** @param current Asked each time: the content of the file, which is read again when it changes. */
export function callerFinder(current: () => string): FindCaller {
  let text = '';
  let tokens: ApiToken[] = [];
  return (token) => {
    const now = current();
    if (now !== text) {
      tokens = parseApiTokens(now);
      text = now;
    }
    const given = hashToken(token);
    // All lines are compared, so that the time says nothing of them.
    const [found] = tokens.filter(({ sha256 }) => timingSafeEqual(given, sha256));
    return found ? { name: found.name, role: found.role, tenant: found.tenant } : null;
  };
}
