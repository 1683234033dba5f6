/** Checks a plan of faults: a misspelt one would never happen, and its test would pass for nothing. */
import { inspect } from 'node:util';
import * as z from 'zod';
import { UsageError } from '../errors.js';
import {
  BODIES,
  CHARSETS,
  EMPTY_VALUES,
  ENCODINGS,
  type FaultPlan,
  type FaultRule,
  FLAWS,
  STATUSES_OF_HABITS,
} from './fault-rules.js';

/** What a stand-in knows. */
export interface KnownFaults {
  faults: readonly (string | number)[];
  endpoints: readonly string[];
}

/** The values that a setting may have. */
interface Values {
  /** For people, after "must be". */
  says: string;
  hold: (value: unknown) => boolean;
}

const SETTINGS = z.record(z.string(), z.unknown());
/** A wrong value is shown in part. */
const SHORT = { depth: 0, breakLength: Infinity, maxStringLength: 50, maxArrayLength: 5 };

const NUMBER: Values = { says: 'a number', hold: Number.isFinite };
const SHARE: Values = { says: 'a number from 0 to 1', hold: (value) => isBetween(0, value, 1) };
const COUNT: Values = {
  says: 'a whole number from 1',
  hold: (value) => Number.isInteger(value) && isBetween(1, value),
};
const SIZE: Values = {
  says: 'a whole number from 0',
  hold: (value) => Number.isInteger(value) && isBetween(0, value),
};
const TIME: Values = { says: 'milliseconds, from 0', hold: (value) => isBetween(0, value) };
/** Node's timers overflow beyond this, and would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const DELAY: Values = {
  says: `milliseconds, from 0 to ${MAX_TIMER_MS}`,
  hold: (value) => isBetween(0, value, MAX_TIMER_MS),
};
const FLAG: Values = { says: 'true or false', hold: (value) => typeof value === 'boolean' };
/** Anything else cannot be sent as the value of a header. */
const HEADER: Values = {
  says: 'text on one line, of Latin letters',
  hold: (value) => typeof value === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
};
const FUNCTION: Values = { says: 'a function', hold: (value) => typeof value === 'function' };
const PROMISE: Values = {
  says: 'a promise',
  hold: (value) => typeof Object(value).then === 'function',
};
/** For what has a message of its own. */
const CHECKED_APART: Values = { says: 'anything', hold: () => true };

const PLAN: Readonly<Record<keyof FaultPlan<string, string, unknown>, Values>> = {
  seed: NUMBER,
  rate: SHARE,
  rules: CHECKED_APART,
  onFault: FUNCTION,
};
const RULE: Readonly<Record<keyof FaultRule<string, string, unknown>, Values>> = {
  fault: CHECKED_APART,
  endpoint: CHECKED_APART,
  match: FUNCTION,
  probability: SHARE,
  fromMs: TIME,
  untilMs: TIME,
  times: COUNT,
  retryAfter: HEADER,
  body: oneOf(BODIES),
  handled: FLAG,
  delayMs: DELAY,
  until: PROMISE,
  long: FLAG,
  empty: oneOf(EMPTY_VALUES),
  flaw: oneOf(FLAWS),
  bytes: SIZE,
  count: COUNT,
  status: oneOf(STATUSES_OF_HABITS),
  region: HEADER,
  encoding: oneOf(ENCODINGS),
  charset: oneOf(CHARSETS),
  unnamed: FLAG,
  mislabelled: FLAG,
  location: HEADER,
};

/** @throws UsageError that names the rule and what is wrong in it, and what may be there. */
export function checkPlan(plan: unknown, { faults, endpoints }: KnownFaults): void {
  const settings = SETTINGS.safeParse(plan).data ?? {};
  refuseUnknown('setting of faults', Object.keys(settings), Object.keys(PLAN));
  const { rules } = settings;
  if (!Array.isArray(rules)) throw new UsageError('faults are { rules: [{ fault: 503 }] }');
  checkValues('faults', settings, PLAN);
  for (const [i, given] of rules.entries()) {
    const name = `rule ${i + 1} of the faults`;
    const rule = SETTINGS.safeParse(given).data;
    if (rule?.fault === undefined) {
      throw new UsageError(`${name} names no fault; a rule is an object such as { fault: 503 }`);
    }
    const { fault, endpoint } = rule;
    refuseUnknown('fault', [fault], faults);
    if (endpoint !== undefined) refuseUnknown('endpoint', [endpoint], endpoints);
    refuseUnknown(`setting of the fault ${fault}`, Object.keys(rule), Object.keys(RULE));
    checkValues(`${name} (${fault})`, rule, RULE);
  }
}

function refuseUnknown(
  what: string,
  given: readonly unknown[],
  known: readonly (string | number)[],
): void {
  for (const name of given) {
    if (known.some((each) => each === name)) continue;
    throw new UsageError(
      `there is no ${what} ${JSON.stringify(name)}; known are ${known.join(', ')}`,
    );
  }
}

function checkValues(
  where: string,
  settings: Readonly<Record<string, unknown>>,
  allowed: Readonly<Record<string, Values>>,
): void {
  for (const [name, { says, hold }] of Object.entries(allowed)) {
    const value = settings[name];
    if (value === undefined || hold(value)) continue;
    throw new UsageError(`${where}: ${name} must be ${says}, not ${inspect(value, SHORT)}`);
  }
}

function isBetween(min: number, value: unknown, max = Number.POSITIVE_INFINITY): boolean {
  return typeof value === 'number' && value >= min && value <= max;
}

function oneOf(values: readonly (string | number)[]): Values {
  return {
    says: values.join(', ').replace(/, ([^,]*)$/, ' or $1'),
    hold: (value) => values.some((each) => each === value),
  };
}
