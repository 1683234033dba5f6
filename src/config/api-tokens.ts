/**
 * The tokens of the HTTP API, one per line: `name:role[:tenant]:sha256-hex`. The file holds hashes, so
 * whoever reads it has no token. Pure.
 */
import { createHash, randomBytes } from 'node:crypto';
import { TENANT_PATTERN } from '../jobs/request/request.js';

/**
 * `submit` adds, reads and cancels the batches of its tenant, which it must have. `read` reads. `operate`
 * does everything.
 */
export const API_ROLES = ['submit', 'read', 'operate'] as const;
export type ApiRole = (typeof API_ROLES)[number];

export interface ApiToken {
  /** Who calls, in the log. */
  name: string;
  role: ApiRole;
  /** Bounds what it sees and adds; null for everything. */
  tenant: string | null;
  sha256: Buffer;
}

/** As tenants are named. */
export const TOKEN_NAME_PATTERN = TENANT_PATTERN;
/** A file that is no list of tokens has as many as it has lines. */
const SHOWN_ISSUES = 5;
const SHA256_HEX = /^[0-9a-f]{64}$/i;
/** Nobody guesses 256 bits. */
const TOKEN_BYTES = 32;
/** Programs that search for secrets in public files know tokens by their first letters. */
const TOKEN_PREFIX = 'atlas_';

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** A new token, and its line for the file. */
export function createToken(name: string, role: ApiRole, tenant: string | null) {
  const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
  const parts = [name, role, tenant ?? [], hashToken(token).toString('hex')];
  return { token, line: parts.flat().join(':') };
}

/** The tokens of a file. Blank lines and those that begin with `#` are comments. */
export function parseApiTokens(text: string): ApiToken[] {
  return linesOf(text).flatMap(({ line }) => {
    const parsed = parseLine(line);
    return typeof parsed === 'string' ? [] : parsed;
  });
}

/** What is wrong with a file, as the end of a sentence. It repeats nothing of a line but its number. */
export function apiTokensIssue(text: string): string | undefined {
  const names = new Set<string>();
  const issues = linesOf(text).flatMap(({ line, number }) => {
    const parsed = parseLine(line);
    if (typeof parsed === 'string') return [`line ${number}: ${parsed}`];
    if (names.has(parsed.name)) return [`line ${number}: the name is used by an earlier line`];
    names.add(parsed.name);
    return [];
  });
  if (issues.length > 0)
    return `must hold lines name:role[:tenant]:sha256-hex; ${issues.slice(0, SHOWN_ISSUES).join('; ')}`;
  return names.size === 0 ? 'must hold at least one token' : undefined;
}

function linesOf(text: string): { line: string; number: number }[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'));
}

/** The token of a line, or what is wrong with it. */
function parseLine(line: string): ApiToken | string {
  const parts = line.split(':');
  const [name = '', role = ''] = parts;
  const sha256 = parts.at(-1) ?? '';
  if (parts.length < 3 || parts.length > 4) return 'it has 3 or 4 parts, with colons between';
  if (!TOKEN_NAME_PATTERN.test(name)) return 'a name is 1 to 64 of A-Z a-z 0-9 . _ -';
  if (!isApiRole(role)) return `a role is ${API_ROLES.join(', ')}`;
  if (!SHA256_HEX.test(sha256)) return 'it ends in the 64 hexadecimal digits of a SHA-256';
  const tenant = parts.length === 4 ? (parts[2] ?? '') : null;
  if (tenant !== null && !TENANT_PATTERN.test(tenant)) {
    return 'a tenant is 1 to 64 of A-Z a-z 0-9 . _ -';
  }
  if (role === 'submit' && tenant === null) return 'the role submit must have a tenant';
  return { name, role, tenant, sha256: Buffer.from(sha256, 'hex') };
}

export function isApiRole(text: string): text is ApiRole {
  return API_ROLES.some((role) => role === text);
}
