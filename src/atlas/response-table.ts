/**
 * What each response of each endpoint means, as one table.
 *
 * The first row of an endpoint that matches decides. The table is data, so that people can read it:
 * `docs/responses.md` is printed from it.
 */
import type { ReasonCode } from '../errors.js';
import type { HttpFailure } from '../http/exchange.js';
import type { Endpoint } from './observer.js';

/** What came back, as far as it matters. `unusable`: a 2xx with a body that cannot be used. */
export type ResponseKind = number | HttpFailure | 'unusable';

/**
 * `taken`: Atlas did what was asked. `not-taken`: it surely did not. `unknown`: it may have.
 * `refused`: a clear no. `not-yet`: Atlas does not know the batch, perhaps not yet. `broken`: no
 * response to a read, which has no effect to be unsure of. `auth`: the token or the credentials.
 */
export type Meaning = 'taken' | 'not-taken' | 'unknown' | 'refused' | 'not-yet' | 'broken' | 'auth';

export interface ResponseRow {
  readonly endpoint: Endpoint;
  /** A status, a class of statuses, or why there is no usable response. */
  readonly when: readonly (ResponseKind | '2xx' | '3xx' | '4xx' | '5xx' | 'other')[];
  readonly meaning: Meaning;
  /** Reason code of the error; none for success. */
  readonly code?: ReasonCode;
  /** Atlas may be down: the response counts towards opening the circuit. */
  readonly countsAsOutage?: true;
  /** Every process holds its requests back, for `Retry-After` or a default. */
  readonly holdsAllProcesses?: true;
  /** Sending it again at once is safe and may well help. Retry-After comes first. */
  readonly retryNow?: true;
  readonly consequence: string;
}

const DELAYED = 'the job is delayed and tries again until its deadline';
const RETRIED = `sent again at once, a couple of times; then ${DELAYED}`;
const HELD = 'every process holds its requests for Retry-After; the job is delayed';
const NEW_TOKEN =
  'that token is dropped, one is fetched, the request is repeated once; then the job is delayed';

const ROWS: Readonly<Record<Endpoint, readonly Omit<ResponseRow, 'endpoint'>[]>> = {
  authtoken: [
    {
      when: ['2xx'],
      meaning: 'taken',
      consequence: 'the token is kept and shared with every process',
    },
    {
      when: [400, 401, 403],
      meaning: 'auth',
      code: 'ATLAS_AUTH',
      countsAsOutage: true,
      consequence:
        'the batch ends if these credentials never gave a token; otherwise the job is delayed. ' +
        'Not asked again for some seconds',
    },
    {
      when: [429],
      meaning: 'not-taken',
      code: 'ATLAS_UNAVAILABLE',
      holdsAllProcesses: true,
      consequence: HELD,
    },
    {
      when: ['not-sent', 'cut'],
      meaning: 'not-taken',
      code: 'ATLAS_UNAVAILABLE',
      countsAsOutage: true,
      retryNow: true,
      consequence: RETRIED,
    },
    {
      when: ['timed-out', '5xx'],
      meaning: 'not-taken',
      code: 'ATLAS_UNAVAILABLE',
      countsAsOutage: true,
      consequence: DELAYED,
    },
    {
      when: ['other'],
      meaning: 'not-taken',
      code: 'ATLAS_PROTOCOL',
      countsAsOutage: true,
      consequence: DELAYED,
    },
  ],
  multiupload: [
    {
      when: ['2xx'],
      meaning: 'taken',
      consequence: 'the Atlas batch is watched',
    },
    {
      when: ['unusable', 'too-large', 'not-text'],
      meaning: 'unknown',
      code: 'ATLAS_PROTOCOL',
      countsAsOutage: true,
      consequence: 'ON_AMBIGUOUS_SUBMISSION decides',
    },
    {
      when: [401, 403],
      meaning: 'auth',
      code: 'ATLAS_AUTH',
      countsAsOutage: true,
      consequence: NEW_TOKEN,
    },
    {
      when: [429],
      meaning: 'not-taken',
      code: 'ATLAS_UNAVAILABLE',
      holdsAllProcesses: true,
      consequence: HELD,
    },
    {
      when: ['not-sent'],
      meaning: 'not-taken',
      code: 'ATLAS_UNAVAILABLE',
      countsAsOutage: true,
      retryNow: true,
      consequence: RETRIED,
    },
    {
      when: [503, 407, 408, 421, 425],
      meaning: 'not-taken',
      code: 'ATLAS_UNAVAILABLE',
      countsAsOutage: true,
      consequence: DELAYED,
    },
    {
      when: [301, 302, 307, 308],
      meaning: 'not-taken',
      code: 'ATLAS_PROTOCOL',
      countsAsOutage: true,
      consequence: `not followed; ${DELAYED}`,
    },
    {
      when: ['timed-out', 'cut', '5xx', 499],
      meaning: 'unknown',
      code: 'ATLAS_UNAVAILABLE',
      countsAsOutage: true,
      consequence: 'ON_AMBIGUOUS_SUBMISSION decides',
    },
    {
      when: ['4xx'],
      meaning: 'refused',
      code: 'ATLAS_REJECTED',
      consequence: 'the upload ends; the same again would be refused again',
    },
    {
      when: ['other'],
      meaning: 'unknown',
      code: 'ATLAS_PROTOCOL',
      countsAsOutage: true,
      consequence: 'ON_AMBIGUOUS_SUBMISSION decides',
    },
  ],
  extracts: [
    {
      when: ['2xx'],
      meaning: 'taken',
      consequence: 'the page is reconciled',
    },
    {
      when: [404],
      meaning: 'not-yet',
      code: 'ATLAS_REJECTED',
      consequence: 'polled again; an unbroken 404 for two minutes rejects the upload',
    },
    {
      when: [401, 403],
      meaning: 'auth',
      code: 'ATLAS_AUTH',
      countsAsOutage: true,
      consequence: NEW_TOKEN,
    },
    {
      when: [429],
      meaning: 'not-taken',
      code: 'ATLAS_UNAVAILABLE',
      holdsAllProcesses: true,
      consequence: HELD,
    },
    {
      when: ['not-sent', 'cut', '5xx', 408, 425],
      meaning: 'broken',
      code: 'ATLAS_UNAVAILABLE',
      countsAsOutage: true,
      retryNow: true,
      consequence: RETRIED,
    },
    {
      when: ['timed-out'],
      meaning: 'broken',
      code: 'ATLAS_UNAVAILABLE',
      countsAsOutage: true,
      consequence: DELAYED,
    },
    {
      when: ['unusable', 'not-text'],
      meaning: 'broken',
      code: 'ATLAS_PROTOCOL',
      countsAsOutage: true,
      retryNow: true,
      consequence: RETRIED,
    },
    {
      when: ['too-large', 'other'],
      meaning: 'broken',
      code: 'ATLAS_PROTOCOL',
      countsAsOutage: true,
      consequence: DELAYED,
    },
  ],
};

export const RESPONSES: readonly ResponseRow[] = (
  ['authtoken', 'multiupload', 'extracts'] as const
).flatMap((endpoint) => ROWS[endpoint].map((row) => ({ endpoint, ...row })));
