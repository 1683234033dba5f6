/**
 * What each response of each endpoint means, as one table.
 *
 * The first row of an endpoint that matches decides. The table is data, so that people can read it:
 * `docs/responses.md` is printed from it.
 */
import type { ReasonCode } from '../../errors.js';
import type { BodyForm } from '../../http/body-text.js';
import type { HttpFailure } from '../../http/http-result.js';
import type { Endpoint } from '../observer.js';

/**
 * What came back, as far as it matters. `unusable`: a 2xx with a body that cannot be used;
 * `another-page`: one with another page of extracts than the one asked for.
 */
export type ResponseKind = number | HttpFailure | 'unusable' | 'another-page';

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
  /** Only when the response is a web page: a gateway's, which stands before Atlas. */
  readonly asWebPage?: true;
  /** Only when the response is no JSON, which is all that Atlas speaks. */
  readonly unlessJson?: true;
  readonly meaning: Meaning;
  /** Reason code of the error; none for success. */
  readonly code?: ReasonCode;
  /** Atlas may be down: the response counts towards opening the circuit. */
  readonly countsAsOutage?: true;
  /** Every process holds its requests back, for `Retry-After` or a default. */
  readonly holdsAllProcesses?: true;
  /** Sending it again at once is safe and may well help. Retry-After comes first. */
  readonly retryNow?: true;
  /** It was too much at once, or something in it is bad: half of it is tried next. */
  readonly halve?: 'at-once' | 'when-it-lasts';
  /** Atlas says that it has these documents already. */
  readonly conflict?: true;
  /** Atlas has it, and did not say under which id: it is sent once more at most. */
  readonly onceMore?: true;
  readonly consequence: string;
}

type Row = Omit<ResponseRow, 'endpoint'>;

const UNAVAILABLE = { code: 'ATLAS_UNAVAILABLE', countsAsOutage: true } as const;
const PROTOCOL = { code: 'ATLAS_PROTOCOL', countsAsOutage: true } as const;
/** Of one Atlas batch: says nothing of Atlas. */
const UNREADABLE = { code: 'ATLAS_PROTOCOL' } as const;

const DELAYED = { consequence: 'the job is delayed and tries again until its deadline' } as const;
const CONFIGURED = { consequence: 'ON_AMBIGUOUS_SUBMISSION decides' } as const;
const ONCE_MORE = {
  onceMore: true,
  consequence: 'sent once more at most, when ON_AMBIGUOUS_SUBMISSION says so',
} as const;
const RETRIED = {
  retryNow: true,
  consequence: `sent again at once, a couple of times; then ${DELAYED.consequence}`,
} as const;
const HALF_A_PAGE = 'asked again with half the page size; a single extract is listed as unreadable';
const HALVED_AT_ONCE = { halve: 'at-once', consequence: HALF_A_PAGE } as const;
/** One bad extract costs itself, and not the others on its page. */
function halvedWhenItLasts({ consequence, ...row }: Row): Row {
  return {
    ...row,
    halve: 'when-it-lasts',
    consequence: `${consequence}. When it comes twice in a row: ${HALF_A_PAGE}`,
  };
}

const TOO_MANY_REQUESTS: Row = {
  when: [429],
  meaning: 'not-taken',
  code: 'ATLAS_UNAVAILABLE',
  holdsAllProcesses: true,
  consequence: 'every process holds its requests for Retry-After; the job is delayed',
};
/** Of a request that Atlas need not have seen, and that does no harm when it is repeated. */
const GATEWAY: Row = {
  when: ['unusable', '3xx', '4xx', '5xx'],
  asWebPage: true,
  meaning: 'broken',
  ...UNAVAILABLE,
  ...DELAYED,
};
const TOKEN_REFUSED: Row = {
  when: [401, 403],
  meaning: 'auth',
  code: 'ATLAS_AUTH',
  countsAsOutage: true,
  consequence:
    'that token is dropped, one is fetched, the request is repeated once; then the job is delayed',
};
/** A gateway may check tokens as well, and answers in its own way. */
const TOKEN_REFUSED_BY_GATEWAY: Row = { ...TOKEN_REFUSED, when: [401], asWebPage: true };

const ROWS: Readonly<Record<Endpoint, readonly Row[]>> = {
  authtoken: [
    TOO_MANY_REQUESTS,
    { ...GATEWAY, meaning: 'not-taken' },
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
        'workers begin no batch until Atlas takes the credentials; the job is delayed. ' +
        'Not asked again for some seconds',
    },
    { when: ['not-sent', 'cut'], meaning: 'not-taken', ...UNAVAILABLE, ...RETRIED },
    { when: ['timed-out', '5xx'], meaning: 'not-taken', ...UNAVAILABLE, ...DELAYED },
    { when: ['other'], meaning: 'not-taken', ...PROTOCOL, ...DELAYED },
  ],
  multiupload: [
    { when: ['2xx'], meaning: 'taken', consequence: 'the Atlas batch is watched' },
    { when: ['unusable'], asWebPage: true, meaning: 'unknown', ...PROTOCOL, ...ONCE_MORE },
    {
      when: ['unusable', 'too-large', 'not-text'],
      meaning: 'unknown',
      code: 'ATLAS_PROTOCOL',
      ...ONCE_MORE,
    },
    TOO_MANY_REQUESTS,
    {
      when: [413],
      meaning: 'refused',
      code: 'ATLAS_REJECTED',
      halve: 'at-once',
      consequence: 'each half is sent; an upload of one document ends',
    },
    TOKEN_REFUSED_BY_GATEWAY,
    { when: ['4xx'], asWebPage: true, meaning: 'not-taken', ...UNAVAILABLE, ...DELAYED },
    // Gateways and meshes without a route say so in text, XML or nothing at all; Atlas has the route.
    { when: [404, 405], unlessJson: true, meaning: 'not-taken', ...UNAVAILABLE, ...DELAYED },
    TOKEN_REFUSED,
    { when: ['not-sent'], meaning: 'not-taken', ...UNAVAILABLE, ...RETRIED },
    { when: [503, 407, 408, 421, 425], meaning: 'not-taken', ...UNAVAILABLE, ...DELAYED },
    {
      when: [301, 302, 307, 308],
      meaning: 'not-taken',
      ...PROTOCOL,
      consequence: `not followed; ${DELAYED.consequence}`,
    },
    { when: ['timed-out', 'cut', '5xx', 499], meaning: 'unknown', ...UNAVAILABLE, ...CONFIGURED },
    {
      when: [409],
      meaning: 'refused',
      code: 'ATLAS_REJECTED',
      conflict: true,
      consequence:
        'the upload ends: AMBIGUOUS_SUBMISSION when an earlier attempt to send it was unknown, ' +
        'for Atlas probably has it',
    },
    {
      when: ['4xx'],
      meaning: 'refused',
      code: 'ATLAS_REJECTED',
      consequence: 'the upload ends; the same again would be refused again',
    },
    { when: ['other'], meaning: 'unknown', ...PROTOCOL, ...CONFIGURED },
  ],
  extracts: [
    TOO_MANY_REQUESTS,
    { when: [413], meaning: 'broken', ...UNREADABLE, ...HALVED_AT_ONCE },
    TOKEN_REFUSED_BY_GATEWAY,
    halvedWhenItLasts(GATEWAY),
    {
      when: ['2xx'],
      meaning: 'taken',
      consequence:
        'the page is reconciled; 202, no body, nothing in it, `data` null or left out where the total is 0, ' +
        'or a `status` such as `processing` alone: not yet, polled again',
    },
    {
      when: [404],
      meaning: 'not-yet',
      code: 'ATLAS_REJECTED',
      consequence:
        "polled again; a 404 that is unbroken for two minutes rejects the upload once its share of the batch's deadline is over. " +
        'Of a later page: the list ends there, or is read again',
    },
    TOKEN_REFUSED,
    { when: ['not-sent'], meaning: 'broken', ...UNAVAILABLE, ...RETRIED },
    halvedWhenItLasts({ when: ['cut', '5xx'], meaning: 'broken', ...UNAVAILABLE, ...RETRIED }),
    halvedWhenItLasts({ when: ['timed-out'], meaning: 'broken', ...UNAVAILABLE, ...DELAYED }),
    { when: [408, 425], meaning: 'broken', code: 'ATLAS_UNAVAILABLE', ...RETRIED },
    halvedWhenItLasts({
      when: ['unusable', 'not-text'],
      meaning: 'broken',
      ...UNREADABLE,
      ...RETRIED,
    }),
    // Smaller pages would be other ones as well.
    { when: ['another-page'], meaning: 'broken', ...UNREADABLE, ...RETRIED },
    { when: ['too-large'], meaning: 'broken', ...UNREADABLE, ...HALVED_AT_ONCE },
    { when: ['3xx'], meaning: 'broken', ...UNREADABLE, ...DELAYED },
    halvedWhenItLasts({ when: ['other'], meaning: 'broken', ...UNREADABLE, ...DELAYED }),
  ],
};

export const RESPONSES: readonly ResponseRow[] = (
  ['authtoken', 'multiupload', 'extracts'] as const
).flatMap((endpoint) => ROWS[endpoint].map((row) => ({ endpoint, ...row })));

/** The row that decides about a response. The last row of every endpoint is for `other`. */
export function rowFor(
  endpoint: Endpoint,
  kind: ResponseKind,
  form: BodyForm = 'json',
): ResponseRow {
  const statusClass = typeof kind === 'number' ? `${Math.trunc(kind / 100)}xx` : undefined;
  const row = RESPONSES.find(
    (candidate) =>
      candidate.endpoint === endpoint &&
      (form === 'web-page' || candidate.asWebPage === undefined) &&
      (form !== 'json' || candidate.unlessJson === undefined) &&
      candidate.when.some((when) => when === kind || when === statusClass || when === 'other'),
  );
  if (row === undefined) throw new Error(`no row for ${kind} from ${endpoint}`);
  return row;
}
