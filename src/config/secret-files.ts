/**
 * Secrets that are in files: `X_FILE` names the file of the variable `X`. A file is read again every
 * 10 s, so that a secret can be rotated without a restart. Who uses a secret reads it from the
 * configuration each time.
 */
import { readFileSync } from 'node:fs';
import { errorName } from '../errors.js';
import type { Logger } from '../logging.js';

export type Values = Readonly<Record<string, string | undefined>>;

/** They may be in a file. Ids are among them, since they are rotated with their secret. */
const SECRETS = [
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
      const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      if (text === '') issues.push([variable, 'names a file that is empty']);
      else values[name] = text;
    } catch (error) {
      issues.push([variable, `cannot be read (${errorName(error)})`]);
    }
  }
  return { values, issues };
}

/**
 * Keeps the secrets of a configuration as their files have them. A value that is wrong is not used.
 * @param load Reads the whole configuration again; throws when it is wrong.
 */
export function followSecretFiles<Config extends object>(
  config: Config,
  load: (() => Config) | undefined,
  logger: Logger,
): { stop(): void } {
  let lastIssue = '';
  const follow = () => {
    try {
      const next = load?.() ?? config;
      lastIssue = '';
      for (const name of SECRETS) {
        const value: unknown = Reflect.get(next, name);
        if (value === Reflect.get(config, name)) continue;
        Reflect.set(config, name, value);
        logger.info({ variable: name }, `${name} has a new value, which is used from now on`);
      }
    } catch (error) {
      const issue = error instanceof Error ? error.message : String(error);
      if (issue !== lastIssue) logger.error({}, `${issue}\nSecrets stay as they were`);
      lastIssue = issue;
    }
  };
  const timer = setInterval(follow, READ_EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
