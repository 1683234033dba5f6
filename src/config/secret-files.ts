/**
 * Secrets that are in files: `X_FILE` names the file of the variable `X`. A file is read again every
 * 10 s, so that a secret can be rotated without a restart. Who uses a secret reads it from the
 * configuration each time.
 */
import { createHash } from 'node:crypto';
import { errorName } from '../errors.js';
import type { Logger } from '../logging.js';
import { readRegularFile } from '../regular-file.js';

export type Values = Readonly<Record<string, string | undefined>>;

/** They may be in a file. Ids are among them, since they are rotated with their secret. */
const SECRETS = [
  'API_TOKENS',
  'ATLAS_CLIENT_ID',
  'ATLAS_CLIENT_SECRET',
  'CALLBACK_CLIENT_ID',
  'CALLBACK_CLIENT_SECRET',
  'COMPLETION_WEBHOOK_SECRET',
  // Receivers put tokens into the path or the query.
  'COMPLETION_WEBHOOK_URL',
  'DASHBOARD_USER',
  'DASHBOARD_PASSWORD',
  'REDIS_URL',
  'REDIS_SENTINEL_PASSWORD',
  // Their URLs hold a password.
  'HTTPS_PROXY',
  'HTTP_PROXY',
];

/** Variables whose value is never shown. */
export const HIDDEN: ReadonlySet<string> = new Set([
  ...SECRETS,
  // It is a path, unless somebody takes it for the key itself.
  'REDIS_TLS_KEY_FILE',
  'https_proxy',
  'http_proxy',
]);

/** What operators of secret stores are used to: a new value is in use within seconds. */
const READ_EVERY_MS = 10_000;

/** The values that are set, with those of files, less one line break at the end of a file. */
export function readSecretFiles(names: readonly string[], given: Values) {
  const values: Record<string, string | undefined> = {};
  const issues: (readonly [variable: string, issue: string])[] = [];
  for (const name of names) {
    if (given[name]) values[name] = given[name];
    const variable = `${name}_FILE`;
    const path = SECRETS.includes(name) && given[variable];
    if (!path) continue;
    if (values[name] !== undefined) {
      issues.push([variable, `cannot go together with ${name}`]);
      continue;
    }
    try {
      const text = readRegularFile(path)
        .toString()
        .replace(/\r?\n$/, '');
      if (text === '') issues.push([variable, 'names a file that is empty']);
      else values[name] = text;
    } catch (error) {
      issues.push([variable, `cannot be read (${errorName(error)})`]);
    }
  }
  return { values, issues };
}

/** Where a configuration comes from. */
export interface ConfigSource<Config> {
  environment: Values;
  /** @throws UsageError when it is wrong. */
  parse(environment: Values): Config;
}

/**
 * What was said last of the secret in each file, a value by its digest: a worker and a server in one process say it
 * once.
 */
const told = new Map<string, string>();

/**
 * Keeps the secrets of a configuration as their files have them. A value that is wrong is not used, and
 * keeps no other from being used.
 */
export function followSecretFiles<Config extends object>(
  config: Config,
  { environment, parse }: ConfigSource<Config>,
  logger: Logger,
): { stop(): void } {
  const names = SECRETS.filter((name) => environment[`${name}_FILE`]);
  /** In the place of its file, what a secret was when it was last valid. */
  const pinned = new Map<string, Values>();
  const lastIssues = new Map<string, string>();
  const tellOnce = (name: string, what: string, say: () => void) => {
    const path = environment[`${name}_FILE`] ?? '';
    if (told.get(path) !== what) say();
    told.set(path, what);
  };

  const read = (name: string): Values => {
    const { values } = readSecretFiles([name], environment);
    // Where it cannot be read, whoever parses it says why.
    return values[name] === undefined ? {} : { [name]: values[name], [`${name}_FILE`]: undefined };
  };
  const follow = (name: string) => {
    const others = names.filter((other) => other !== name).map((other) => pinned.get(other));
    const now = read(name);
    try {
      const next = parse(Object.assign({}, environment, ...others, now));
      pinned.set(name, now);
      lastIssues.delete(name);
      const value: unknown = Reflect.get(next, name);
      if (value === Reflect.get(config, name)) {
        told.delete(environment[`${name}_FILE`] ?? '');
        return;
      }
      Reflect.set(config, name, value);
      tellOnce(name, digestOf(value), () =>
        logger.info({ variable: name }, `${name} has a new value, which is used from now on`),
      );
    } catch (error) {
      const issue = error instanceof Error ? error.message : String(error);
      if (issue !== lastIssues.get(name))
        tellOnce(name, issue, () => logger.error({}, `${issue}\n${name} stays as it was`));
      lastIssues.set(name, issue);
    }
  };
  const followAll = () => {
    for (const name of names) follow(name);
  };
  for (const name of names) pinned.set(name, read(name));
  const timer = setInterval(followAll, READ_EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** Tells values apart without keeping them. */
function digestOf(value: unknown): string {
  return createHash('sha256').update(String(value)).digest('base64url');
}
