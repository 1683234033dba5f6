/**
 * Whether a name and a password are somebody's: the one of `DASHBOARD_USER`, or a line of the users file. A
 * browser sends both with each request, so what was right is remembered, as a digest with a key that
 * nobody else has; the hash is derived once.
 */
import { createHmac, randomBytes } from 'node:crypto';
import pLimit from 'p-limit';
import { type Credentials, credentialCheck } from '../credentials.js';
import type { Operator } from './operator.js';
import { isPassword, NOBODY } from './password-hash.js';
import type { User } from './users-file.js';

/** Logins that are remembered. The oldest make room for new ones. */
const REMEMBERED = 1000;
/** Each derivation takes a thread of the pool that names of hosts are resolved in, too. */
const DERIVED_AT_ONCE = 2;
/** With more than that waiting, somebody guesses. A person waits for some seconds at most. */
const MAX_WAITING = 100;

export class Passwords {
  private readonly key = randomBytes(32);
  private readonly isSingle: (user: string, password: string) => boolean;
  /** Digest of name and password, by the line of the file that it was right for. */
  private readonly right = new Map<string, User>();
  private readonly underWay = new Map<string, Promise<Operator | null>>();
  private readonly limit = pLimit(DERIVED_AT_ONCE);

  constructor(
    private readonly sources: {
      /** Those of `DASHBOARD_USER`. */
      single: () => readonly Credentials[];
      users: () => ReadonlyMap<string, User>;
    },
  ) {
    this.isSingle = credentialCheck(sources.single);
  }

  /** Who it is, as far as that is known without deriving a hash. */
  known(name: string, password: string): Operator | null {
    if (this.isSingle(name, password)) return { name, role: 'operate' };
    const user = this.right.get(this.digest(name, password));
    // A line that has changed since is another one.
    return user && this.sources.users().get(name) === user ? user : null;
  }

  /** Somebody asks the same just now, as a browser does with the parts of a page. */
  pending(name: string, password: string): Promise<Operator | null> | undefined {
    return this.underWay.get(this.digest(name, password));
  }

  /** Whether so many wait that nothing more is compared. */
  get isBusy(): boolean {
    return this.limit.pendingCount >= MAX_WAITING;
  }

  check(name: string, password: string): Promise<Operator | null> {
    const digest = this.digest(name, password);
    const checked = this.derive(name, password, digest).finally(() => this.underWay.delete(digest));
    this.underWay.set(digest, checked);
    return checked;
  }

  private async derive(name: string, password: string, digest: string): Promise<Operator | null> {
    const users = this.sources.users();
    if (users.size === 0) return null;
    const user = users.get(name);
    const isRight = await this.limit(() => isPassword(password, user?.hash ?? NOBODY));
    if (!isRight || user === undefined || user.hash === null) return null;
    this.right.set(digest, user);
    for (const oldest of this.right.keys()) {
      if (this.right.size <= REMEMBERED) break;
      this.right.delete(oldest);
    }
    return user;
  }

  private digest(name: string, password: string): string {
    return createHmac('sha256', this.key)
      .update(JSON.stringify([name, password]))
      .digest('base64');
  }
}
