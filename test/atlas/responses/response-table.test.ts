import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/atlas/observer.js';
import {
  RESPONSES,
  type ResponseKind,
  type ResponseRow,
  rowFor,
} from '../../../src/atlas/responses/response-table.js';
import type { BodyForm } from '../../../src/http/body-text.js';

type Expected = [ResponseKind[], string, code?: string | undefined, form?: BodyForm];

/** What each response must mean, written again by hand: kinds, meaning, reason code. */
const EXPECTED: [Endpoint, Expected[]][] = [
  [
    'authtoken',
    [
      [[200, 201, 204], 'taken'],
      [[400, 401, 403], 'auth', 'ATLAS_AUTH'],
      [[429], 'not-taken', 'ATLAS_UNAVAILABLE'],
      [['not-sent', 'cut', 'timed-out'], 'not-taken', 'ATLAS_UNAVAILABLE'],
      [[500, 502, 503, 504, 599], 'not-taken', 'ATLAS_UNAVAILABLE'],
      [[302, 404, 405, 418, 700], 'not-taken', 'ATLAS_PROTOCOL'],
      [['unusable', 'too-large', 'not-text'], 'not-taken', 'ATLAS_PROTOCOL'],
    ],
  ],
  [
    'multiupload',
    [
      [[200, 201, 202], 'taken'],
      [['unusable', 'too-large', 'not-text'], 'unknown', 'ATLAS_PROTOCOL'],
      [[401, 403], 'auth', 'ATLAS_AUTH'],
      [['unusable'], 'unknown', 'ATLAS_PROTOCOL', 'web-page'],
      [[400, 403, 404, 409, 418], 'not-taken', 'ATLAS_UNAVAILABLE', 'web-page'],
      [[401], 'auth', 'ATLAS_AUTH', 'web-page'],
      [[429, 503], 'not-taken', 'ATLAS_UNAVAILABLE', 'web-page'],
      [[413], 'refused', 'ATLAS_REJECTED', 'web-page'],
      [[200], 'taken', undefined, 'web-page'],
      [[500, 502, 504], 'unknown', 'ATLAS_UNAVAILABLE', 'web-page'],
      [[404, 405], 'not-taken', 'ATLAS_UNAVAILABLE', 'other'],
      [[400, 409, 413, 422], 'refused', 'ATLAS_REJECTED', 'other'],
      [[401, 403], 'auth', 'ATLAS_AUTH', 'other'],
      [[500, 502], 'unknown', 'ATLAS_UNAVAILABLE', 'other'],
      [[429, 503, 407, 408, 421, 425], 'not-taken', 'ATLAS_UNAVAILABLE'],
      [['not-sent'], 'not-taken', 'ATLAS_UNAVAILABLE'],
      [[301, 302, 307, 308], 'not-taken', 'ATLAS_PROTOCOL'],
      [['timed-out', 'cut', 499, 500, 501, 502, 504, 520], 'unknown', 'ATLAS_UNAVAILABLE'],
      [[400, 404, 405, 409, 413, 415, 418, 422], 'refused', 'ATLAS_REJECTED'],
      [[300, 303, 304, 700], 'unknown', 'ATLAS_PROTOCOL'],
    ],
  ],
  [
    'extracts',
    [
      [[200, 206], 'taken'],
      [[404], 'not-yet', 'ATLAS_REJECTED'],
      [[404], 'not-yet', 'ATLAS_REJECTED', 'other'],
      [[401, 403], 'auth', 'ATLAS_AUTH'],
      [[401], 'auth', 'ATLAS_AUTH', 'web-page'],
      [[429], 'not-taken', 'ATLAS_UNAVAILABLE'],
      [['not-sent', 'cut', 'timed-out', 408, 425], 'broken', 'ATLAS_UNAVAILABLE'],
      [[500, 502, 503, 504], 'broken', 'ATLAS_UNAVAILABLE'],
      [['unusable', 'another-page', 'too-large', 'not-text'], 'broken', 'ATLAS_PROTOCOL'],
      [[302, 304, 400, 405, 410, 413, 422, 700], 'broken', 'ATLAS_PROTOCOL'],
    ],
  ],
];

const cases = EXPECTED.flatMap(([endpoint, rows]) =>
  rows.flatMap(([kinds, meaning, code, form]) =>
    kinds.map((kind) => ({ endpoint, kind, meaning, code, form })),
  ),
);

/** A gateway's web page is no word of Atlas, where asking again does no harm: but for a 401 to a token. */
const WEB_PAGES = (['authtoken', 'extracts'] as const).flatMap((endpoint) =>
  ([302, 400, 403, 404, 410, 500, 503, 'unusable'] as const).map((kind) => ({
    endpoint,
    kind,
  })),
);

describe('the table of responses', () => {
  it.each(WEB_PAGES)(
    'the table of responses takes $kind from $endpoint as a web page for an outage',
    ({ endpoint, kind }) => {
      const meaning = endpoint === 'extracts' ? 'broken' : 'not-taken';
      const outage = { meaning, code: 'ATLAS_UNAVAILABLE', countsAsOutage: true };
      expect(rowFor(endpoint, kind, 'web-page')).toMatchObject(outage);
      expect(rowFor(endpoint, 429, 'web-page')).toBe(rowFor(endpoint, 429));
      expect(rowFor(endpoint, 200, 'web-page').meaning).toBe('taken');
    },
  );

  it.each(cases)(
    'the table of responses has $kind from $endpoint for $meaning (a body of the form $form)',
    ({ endpoint, kind, meaning, code, form }) => {
      const row = rowFor(endpoint, kind, form);
      expect(row.meaning).toBe(meaning);
      expect(row.code).toBe(code);
    },
  );

  it('the table of responses has no row that nothing reaches', () => {
    const reached = new Set([
      ...cases.map(({ endpoint, kind, form }) => rowFor(endpoint, kind, form)),
      ...WEB_PAGES.map(({ endpoint, kind }) => rowFor(endpoint, kind, 'web-page')),
    ]);
    expect(RESPONSES.filter((row) => !reached.has(row))).toEqual([]);
  });

  it('the table of responses never sends an upload again at once that Atlas may have', () => {
    const rows = RESPONSES.filter((row) => row.endpoint === 'multiupload' && row.retryNow);
    expect(rows.map((row) => row.when)).toEqual([['not-sent']]);
  });

  it('the table of responses counts towards the circuit what says that Atlas may be down, and never what is said of one batch', () => {
    for (const row of RESPONSES) {
      const alive = ['taken', 'refused', 'not-yet'].includes(row.meaning) || row.holdsAllProcesses;
      // A response about one batch that cannot be read is that batch's.
      const ofOneBatch =
        row.endpoint === 'extracts' && (row.code === 'ATLAS_PROTOCOL' || row.when.includes(408));
      if (alive || ofOneBatch) expect([row, row.countsAsOutage]).toEqual([row, undefined]);
    }
    for (const kind of ['not-sent', 'timed-out', 'cut', 500, 502, 503] as const)
      expect(rowFor('multiupload', kind).countsAsOutage).toBe(true);
    for (const kind of ['unusable', 404] as const) {
      expect(rowFor('multiupload', kind).countsAsOutage).toBeUndefined();
      expect(rowFor('multiupload', kind, 'web-page').countsAsOutage).toBe(true);
    }
  });

  it('the table of responses halves an upload that is too large, whoever says so', () => {
    for (const form of ['json', 'web-page', 'other'] as const)
      expect(rowFor('multiupload', 413, form)).toMatchObject({ halve: 'at-once' });
  });

  it('the table of responses halves a page that is too large, and one that stays unreadable, and no other', () => {
    for (const kind of [413, 'too-large'] as const)
      expect(rowFor('extracts', kind).halve).toBe('at-once');
    for (const form of ['json', 'web-page', 'other'] as const)
      expect(rowFor('extracts', 413, form).halve).toBe('at-once');
    const lasting = ['timed-out', 'cut', 'unusable', 'not-text', 400, 422, 500, 504] as const;
    for (const kind of lasting) expect(rowFor('extracts', kind).halve).toBe('when-it-lasts');
    for (const kind of ['unusable', 504] as const)
      expect(rowFor('extracts', kind, 'web-page').halve).toBe('when-it-lasts');
    for (const kind of ['not-sent', 'another-page', 200, 302, 401, 403, 404, 429] as const)
      expect(rowFor('extracts', kind).halve).toBeUndefined();
  });

  it('the table of responses is the same in docs/responses.md', async () => {
    await expect(printed()).toMatchFileSnapshot('../../../docs/responses.md');
  });

  it('the table of responses holds all processes for a 429 of any endpoint, and for nothing else', () => {
    for (const row of RESPONSES) {
      expect([row, row.holdsAllProcesses === true]).toEqual([row, row.when.includes(429)]);
    }
  });
});

function printed(): string {
  const endpoints: [Endpoint, string][] = [
    ['authtoken', 'POST /v1/docstream/authtoken'],
    ['multiupload', 'POST /v1/docstream/multiupload'],
    ['extracts', 'GET /v1/docstream/extracts'],
  ];
  return `# What each response of Atlas means

Printed from \`src/atlas/responses/response-table.ts\` by its test. The first row that matches decides.

| meaning | |
| --- | --- |
| taken | Atlas did what was asked |
| not-taken | Atlas surely did not |
| unknown | Atlas may have: the response does not say |
| refused | a clear no; the same again would be refused again |
| not-yet | Atlas does not know the batch, perhaps not yet |
| broken | no response to a read, which has no effect to be unsure of |
| auth | the token or the credentials |

| response | |
| --- | --- |
| not-sent | never left us: refused, unresolved, connect time-out, TLS, no free connection in time |
| timed-out | sent, and no whole response in time |
| cut | sent, and reset or closed before the response was whole |
| too-large | a page of more than 32 MiB; a token or an upload's id in more than 1 MiB |
| not-text | bytes that are not what the headers say: a damaged compression, no text of that charset |
| … as a web page | \`Content-Type\` is HTML: a gateway's, which stands before Atlas |
| … without JSON | \`Content-Type\` is not JSON, or absent |
| unusable | a 2xx whose body will not do: HTML, truncated JSON, no usable \`batch_id\` |
| another-page | a 2xx with another page of extracts than the one asked for |
| other | anything that no row above names |

*Circuit*: counts towards opening the circuit breaker. *Holds all*: every process holds its
requests back.
${endpoints.map(([endpoint, title]) => printedEndpoint(endpoint, title)).join('')}`;
}

function printedEndpoint(endpoint: Endpoint, title: string): string {
  const line = (row: ResponseRow) =>
    `| ${row.when.join(', ')}${row.asWebPage ? ' as a web page' : ''}${row.unlessJson ? ' without JSON' : ''} | ${row.meaning} | ${row.code ?? ''} | ${row.countsAsOutage ? 'yes' : ''} | ${row.holdsAllProcesses ? 'yes' : ''} | ${row.consequence} |`;
  return `
## ${title}

| response | meaning | code | circuit | holds all | what follows |
| --- | --- | --- | --- | --- | --- |
${RESPONSES.filter((row) => row.endpoint === endpoint)
  .map(line)
  .join('\n')}
`;
}
