/** Checks values against a schema. All issues are reported at once, and no secret is shown. */
import type { z } from 'zod';
import { UsageError } from '../errors.js';

/** Variables whose value is never shown. */
const SECRETS: ReadonlySet<string> = new Set([
  'ATLAS_CLIENT_SECRET',
  'CALLBACK_CLIENT_SECRET',
  'DASHBOARD_PASSWORD',
  'REDIS_URL',
  'REDIS_SENTINEL_PASSWORD',
  // It is a path, unless somebody takes it for the key itself.
  'REDIS_TLS_KEY_FILE',
  // Receivers put tokens into the query.
  'COMPLETION_WEBHOOK_URL',
  'COMPLETION_WEBHOOK_SECRET',
]);
const SHOWN_LENGTH = 80;

/** A name of a variable within the text of an issue. */
const VARIABLE = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g;

/**
 * @param values by the names of the environment. An empty one counts as not set.
 * @param nameOf How the caller spells the name of a variable.
 * @throws UsageError naming every wrong or missing value.
 */
export function parse<Type extends z.ZodType>(
  type: Type,
  values: Readonly<Record<string, string | undefined>>,
  nameOf: (variable: string) => string = (variable) => variable,
): z.infer<Type> {
  const set = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
  const parsed = type.safeParse(set);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    const value = set[name];
    const got = value === undefined ? '' : `; got ${shown(name, value)}`;
    return `${`${name} ${issue.message}`.replace(VARIABLE, nameOf)}${got}`;
  });
  throw new UsageError(`The configuration is wrong:\n  ${issues.join('\n  ')}`);
}

function shown(name: string, value: string): string {
  // A URL may carry a password where none belongs.
  return SECRETS.has(name) || value.includes('@')
    ? 'a value that is not shown'
    : JSON.stringify(value.slice(0, SHOWN_LENGTH));
}
