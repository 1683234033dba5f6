/** Kinds of variables. An issue reads as the end of a sentence that begins with the name. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { andNot } from '../check-options.js';
import { BUCKET_NAME, BUCKET_NAME_RULE } from '../jobs/request/bucket-name.js';
import { TENANT_PATTERN } from '../jobs/request/request.js';

export const text = (want: string) => z.string({ error: `is missing; set ${want}` });
/** What travels as a header of HTTP. */
export const header = (want: string) =>
  text(want).regex(/^[\x20-\x7e\xa0-\xff]+$/, {
    error: 'must hold only characters that a header of HTTP can carry',
  });
export const integer = (min: number, max: number, unit: string) =>
  z
    .string()
    .regex(/^\d+$/, { error: `must be a whole number of ${unit}` })
    .transform(Number)
    .pipe(
      z
        .number()
        .min(min, { error: `must be at least ${min} ${unit}` })
        .max(max, { error: `must be at most ${max} ${unit}` }),
    );
/** Text that a function finds no issue with. */
export const withoutIssue = (type: z.ZodString, findIssue: (value: string) => string | undefined) =>
  type.superRefine((value, issues) => {
    const issue = findIssue(value);
    if (issue !== undefined) issues.addIssue({ code: 'custom', message: issue });
  });
export const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);
/** `loans=10,archive=1`: names of tenants, each with its share. */
export const weights = list.superRefine((parts, issues) => {
  const isWeight = (part: string) => {
    const [tenant = '', weight = '', ...rest] = part.split('=');
    return TENANT_PATTERN.test(tenant) && /^[1-9]\d{0,5}$/.test(weight) && rest.length === 0;
  };
  const message = 'must be tenants with whole numbers from 1 to 999999, such as loans=10,archive=1';
  const wrong = parts.filter((part) => !isWeight(part));
  if (wrong.length > 0) issues.addIssue({ code: 'custom', message: message + andNot(wrong) });
  const tenants = parts.map((part) => part.split('=')[0] ?? '');
  const twice = tenants.filter((tenant, i) => tenants.indexOf(tenant) < i);
  if (twice.length > 0)
    issues.addIssue({
      code: 'custom',
      message: `must name each tenant once${andNot(twice)} twice`,
    });
});
/** `10.0.0.1,192.168.0.0/16`: addresses and networks. */
export const addresses = list.superRefine((parts, issues) => {
  const isNetwork = (part: string) => {
    const [address = '', prefix = '0', ...rest] = part.split('/');
    const most = { 4: 32, 6: 128 }[isIP(address)] ?? -1;
    return /^\d{1,3}$/.test(prefix) && Number(prefix) <= most && rest.length === 0;
  };
  const message = 'must be addresses or networks, such as 10.0.0.7,192.168.0.0/16';
  const wrong = parts.filter((part) => !isNetwork(part));
  if (wrong.length > 0) issues.addIssue({ code: 'custom', message: message + andNot(wrong) });
});
/** Where routes of ours are, or begin. A test holds it to the routes of the server. */
const OWN_PATHS = [
  ...['/dashboard', '/api/v1', '/callbacks/atlas', '/metrics'],
  ...['/health/live', '/health/ready', '/livez', '/readyz'],
];
/** Some proxies take the path away, and others do not: an address must have one meaning with both. */
function hasOwnPath(path: string): boolean {
  const isBelow = (one: string, other: string) => `${one}/`.startsWith(`${other}/`);
  return OWN_PATHS.some((own) => isBelow(own, path) || isBelow(path, own));
}
/** `/` or `/ops/atlas`; the value has no slash at its end. */
export const basePath = z
  .string()
  .regex(/^\/([\w.~-]+\/?)*$/, {
    error: 'must begin with a slash and hold only letters, digits and . _ ~ - between slashes',
  })
  .refine((path) => !path.split('/').some((segment) => /^\.{1,2}$/.test(segment)), {
    error: 'must have no segment that is . or ..',
  })
  .transform((path) => path.replace(/(.)\/$/, '$1'))
  .refine((path) => path === '/' || !hasOwnPath(path), {
    error: 'must be another path than those of our own routes, such as /dashboard: try /ops',
  });
const bucketIssue = (value: string) => (BUCKET_NAME.test(value) ? undefined : BUCKET_NAME_RULE);
export const bucket = withoutIssue(text('the bucket that results are written to'), bucketIssue);
export const buckets = list.superRefine((names, issues) => {
  const wrong = names.filter((name) => !BUCKET_NAME.test(name));
  const message = `must be a list of names of buckets: each ${BUCKET_NAME_RULE}`;
  if (wrong.length > 0) issues.addIssue({ code: 'custom', message: message + andNot(wrong) });
});
export const yesOrNo = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .transform((value) => value === 'true' || value === '1');

export const port = integer(0, 65_535, 'as a port');

/** A value that may be left out. */
export const optional = <Type extends z.ZodType>(type: Type) => type.nullable().default(null);

/** One secret, or two with a comma in between while one is rotated. */
export const secrets = (findIssue: (secret: string) => string | undefined) =>
  withoutIssue(z.string(), (value) => {
    const all = secretsOf(value);
    if (all.length < 1 || all.length > 2) return 'must be one secret, or two with a comma between';
    return all.map(findIssue).find((issue) => issue !== undefined);
  });

/** The one to use first. */
export function secretsOf(value: string | null): string[] {
  return list.parse(value ?? '');
}

/**
 * What is guessed over the network, at most some tries a second. Twelve random characters resist that
 * for thousands of years. Whoever holds a token can also guess the secret of the callbacks at home, so
 * that one is better longer.
 */
const MIN_SECRET_LENGTH = 12;
const lengthIssue = (secret: string) =>
  secret.length < MIN_SECRET_LENGTH
    ? `must have at least ${MIN_SECRET_LENGTH} characters`
    : undefined;
export const secret = withoutIssue(z.string(), lengthIssue);

/** For schemas of workers and of servers: both have to know the credentials of callbacks. */
export const callbackFields = {
  CALLBACK_CLIENT_ID: optional(z.string()),
  CALLBACK_CLIENT_SECRET: optional(secrets(lengthIssue)),
};

/** A check for two variables of which one makes no sense without the other; both may be unset. */
export function needs<Name extends string>(name: Name, other: Name) {
  const isMet = (values: Partial<Record<Name, unknown>>) =>
    (values[name] ?? null) === null || (values[other] ?? null) !== null;
  const issue = { path: [other], error: `is missing; ${name} needs it`, when: () => true };
  return [isMet, issue] as const;
}
