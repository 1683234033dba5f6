/**
 * `DASHBOARD_USERS_FILE`: one person a line, `name:hash:role`. `-` in the place of a hash is a person whom
 * the proxy names, without a password here. Empty lines and those that begin with `#` do not count.
 */
import { errorName, UsageError } from '../../errors.js';
import type { Logger } from '../../logging.js';
import { readRegularFile } from '../../regular-file.js';
import { OPERATOR_NAME, type Operator, ROLES } from './operator.js';
import { type PasswordHash, parsePasswordHash } from './password-hash.js';

export interface User extends Operator {
  /** Null for one who cannot log in by a password. */
  hash: PasswordHash | null;
}

/** As secrets in files: a new line holds within seconds. */
const READ_EVERY_MS = 10_000;

/**
 * @param options `mayBeEmpty`: at the start a file of nobody is a mistake, later its last person was taken out.
 * @throws UsageError naming each line that is wrong, and nothing of what stands in it.
 */
export function parseUsers(text: string, { mayBeEmpty = false } = {}): Map<string, User> {
  const users = new Map<string, User>();
  const issues: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const user = parseLine(trimmed);
    const issue = typeof user === 'string' ? user : users.has(user.name) && 'a name stands twice';
    if (issue) issues.push(`line ${index + 1}: ${issue}`);
    else if (typeof user !== 'string') users.set(user.name, user);
  }
  if (users.size === 0 && issues.length === 0 && !mayBeEmpty) issues.push('it holds nobody');
  if (issues.length > 0) {
    throw new UsageError(
      `The configuration is wrong:\n  DASHBOARD_USERS_FILE: ${issues.join('\n  DASHBOARD_USERS_FILE: ')}`,
    );
  }
  return users;
}

/** A person, or what is wrong with the line. */
function parseLine(line: string): User | string {
  const [name = '', hash = '', asked = '', ...rest] = line.split(':');
  if (rest.length > 0 || asked === '') return 'must be name:hash:role';
  if (!OPERATOR_NAME.test(name)) return 'the name must be 1 to 64 letters, digits and . _ @ + -';
  const role = ROLES.find((one) => one === asked);
  if (role === undefined) return `the role must be ${ROLES.join(' or ')}`;
  if (hash === '-') return { name, role, hash: null };
  const parsed = parsePasswordHash(hash);
  return parsed
    ? { name, role, hash: parsed }
    : 'the hash must be one that `atlas-batch user` makes, or -';
}

export interface UsersFile {
  users: ReadonlyMap<string, User>;
  stop(): void;
}

/**
 * Reads the file, and again every 10 s. What is wrong then is logged, and those before stay.
 * @throws UsageError when it is wrong at the start.
 */
export function followUsersFile(path: string, logger: Logger): UsersFile {
  let text = read(path);
  let complained: string | undefined;
  const file = { users: parseUsers(text), stop: () => clearInterval(timer) };
  const timer = setInterval(() => {
    try {
      const now = read(path);
      if (now !== text) {
        file.users = parseUsers(now, { mayBeEmpty: true });
        text = now;
        logger.info({}, `DASHBOARD_USERS_FILE has changed: ${file.users.size} people may log in`);
      }
      complained = undefined;
    } catch (error) {
      const issue = error instanceof Error ? error.message : String(error);
      if (issue !== complained) logger.error({}, `${issue}\nwho could log in before still can`);
      complained = issue;
    }
  }, READ_EVERY_MS);
  timer.unref();
  return file;
}

function read(path: string): string {
  try {
    return readRegularFile(path).toString();
  } catch (error) {
    throw new UsageError(
      `The configuration is wrong:\n  DASHBOARD_USERS_FILE cannot be read (${errorName(error)})`,
    );
  }
}
