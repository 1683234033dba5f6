/** Values as configuration: all issues are reported at once, and no secret is shown. */
import type { z } from 'zod';
import { UsageError } from '../errors.js';
import { HIDDEN, readSecretFiles, type Values } from './secret-files.js';

const SHOWN_LENGTH = 80;

/** A name of a variable within the text of an issue. */
const VARIABLE = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g;

/** Lists with a line per entry. */
const WITH_LINES: ReadonlySet<string> = new Set(['API_TOKENS']);

/** Secrets that only the AWS SDK reads. With a line break at their end, S3 refuses every signature. */
const OF_AWS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];

/** What neither HTTP nor Redis carries, or what nobody sees in a file or a form. */
const UNUSABLE: readonly (readonly [RegExp, string])[] = [
  [/[\r\n]/, 'must hold no line break'],
  [/\uFEFF/, 'must hold no byte order mark'],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  [/[\u0000-\u001f\u007f-\u009f]/, 'must hold no control character'],
  [/^\s|\s$/, 'must not begin or end with a blank'],
  [
    /^(tcp|udp):\/\//,
    'is a service link of Kubernetes; set it in the pod, or enableServiceLinks: false there',
  ],
];

/** A wrong variable, and the end of a sentence that begins with its name. */
export type Issue = readonly [variable: string, issue: string];

/**
 * @param values by the names of the environment. An empty one counts as not set. A secret may be in a
 *   file that `X_FILE` names.
 * @param nameOf How the caller spells the name of a variable.
 * @param known What is wrong with variables that have no value for that reason.
 * @throws UsageError naming every wrong or missing value.
 */
export function parse<Type extends z.ZodObject>(
  type: Type,
  values: Values,
  nameOf: (variable: string) => string = (variable) => variable,
  known: readonly Issue[] = [],
): z.infer<Type> {
  const { data, issues } = read(type, values, known);
  if (issues.length > 0) throw wrong(issues, nameOf);
  return data as z.infer<Type>;
}

/** @throws UsageError naming what is wrong by one of the types. */
export function checkAll(types: readonly z.ZodObject[], values: Values): void {
  const issues = types.flatMap((type) => read(type, values).issues);
  if (issues.length > 0) throw wrong(issues);
}

function wrong(issues: readonly Issue[], nameOf = (variable: string) => variable): UsageError {
  const lines = issues.map((issue) => issue.join(' ').replace(VARIABLE, nameOf));
  return new UsageError(`The configuration is wrong:\n  ${[...new Set(lines)].join('\n  ')}`);
}

function read(
  type: z.ZodObject,
  given: Values,
  known: readonly Issue[] = [],
): { data?: unknown; issues: Issue[] } {
  const names = Object.keys(type.shape);
  const { values, issues } = readSecretFiles(names, given);
  issues.unshift(...known);
  for (const name of [...names, ...OF_AWS]) {
    if (WITH_LINES.has(name)) continue;
    const value = values[name] ?? given[name] ?? '';
    const issue = UNUSABLE.find(([pattern]) => pattern.test(value))?.[1];
    if (issue) issues.push([name, issue]);
  }
  const named = new Set(issues.map(([name]) => name.replace(/_FILE$/, '')));
  const { data, error } = type.safeParse(values);
  for (const { path, message } of error?.issues ?? []) {
    const name = String(path[0]);
    const value = values[name];
    const got = value === undefined ? '' : `; got ${shown(name, value)}`;
    if (!named.has(name)) issues.push([name, message + got]);
  }
  return { data, issues };
}

function shown(name: string, value: string): string {
  // A URL may carry a password where none belongs.
  return HIDDEN.has(name) || value.includes('@')
    ? 'a value that is not shown'
    : JSON.stringify(value.slice(0, SHOWN_LENGTH));
}
