import { userInfo } from 'node:os';

/** Under whose account this process runs. In a container it may be a number without a name. */
export function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
