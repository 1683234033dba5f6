/** Checks a plan of faults: a misspelt one would never happen, and its test would pass for nothing. */
import { UsageError } from '../errors.js';
import type { FaultPlan, FaultRule } from './fault-rules.js';

/** What a stand-in knows. */
export interface KnownFaults {
  faults: readonly (string | number)[];
  endpoints: readonly string[];
}

const PLAN_KEYS: Readonly<Record<keyof FaultPlan<string, string, unknown>, true>> = {
  seed: true,
  rate: true,
  rules: true,
  onFault: true,
};
const RULE_KEYS: Readonly<Record<keyof FaultRule<string, string, unknown>, true>> = {
  fault: true,
  endpoint: true,
  match: true,
  probability: true,
  fromMs: true,
  untilMs: true,
  times: true,
  retryAfter: true,
  body: true,
  handled: true,
  delayMs: true,
  until: true,
  long: true,
  empty: true,
  flaw: true,
  bytes: true,
  count: true,
  status: true,
  region: true,
  encoding: true,
  charset: true,
  unnamed: true,
  mislabelled: true,
  location: true,
};

/** @throws UsageError that names what is not known, and all that is. */
export function checkPlan(plan: object, { faults, endpoints }: KnownFaults): void {
  refuseUnknown('setting of faults', Object.keys(plan), Object.keys(PLAN_KEYS));
  const { rate, rules } = plan as Partial<FaultPlan<string, string | number, unknown>>;
  if (!Array.isArray(rules)) throw new UsageError('faults are { rules: [{ fault }] }');
  checkShare('rate', rate);
  for (const rule of rules) {
    refuseUnknown('fault', [rule.fault], faults);
    if (rule.endpoint !== undefined) refuseUnknown('endpoint', [rule.endpoint], endpoints);
    refuseUnknown(`setting of the fault ${rule.fault}`, Object.keys(rule), Object.keys(RULE_KEYS));
    checkShare('probability', rule.probability);
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

function checkShare(name: string, share: unknown): void {
  if (share === undefined || (typeof share === 'number' && share >= 0 && share <= 1)) return;
  throw new UsageError(`the ${name} of faults is a number from 0 to 1`);
}
