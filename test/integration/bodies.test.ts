/** In which form the bodies of Atlas may come: each of these was an incident somewhere. */
import { describe, expect, it } from 'vitest';
import type { AtlasFaultRule, AtlasRequestView } from '../../src/simulator/index.js';
import { endOf, sendUnder } from '../helpers/faulty-batch.js';

describe('the body', () => {
  it.each(['comma', 'mark', 'before', 'after', 'twice', 'string'] as const)(
    'responses that are JSON but for a flaw (%s) are read, and nothing is sent twice for them',
    async (flaw) => {
      const system = await sendUnder([{ fault: 'nearly-json', flaw }], { documents: 12 });
      const { data, stored, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 12 }, polls: 1 });
      expect(uploads).toBe(1);
      const truth = system.atlas.truth(data.batchIds[0] ?? '');
      expect(stored[0]?.documents.map(({ extracts }) => extracts)).toEqual(
        truth.map(({ extracts }) => extracts.map((raw) => JSON.parse(raw))),
      );
      expect(stored[0]?.unreadable).toEqual([]);
    },
  );

  it.each(['gzip', 'deflate', 'br'] as const)(
    'a page in %s that nobody asked for is read',
    async (encoding) => {
      const system = await sendUnder([{ fault: 'compressed', encoding }]);
      expect((await endOf(system)).data).toMatchObject({ status: 'completed', polls: 1 });
    },
  );

  it('a page that is compressed without a word of it is read', async () => {
    const system = await sendUnder([{ fault: 'compressed', unnamed: true }]);
    expect((await endOf(system)).data).toMatchObject({ status: 'completed', polls: 1 });
  });

  it.each([
    { fault: 'compressed', encoding: 'br' },
    { fault: 'charset', charset: 'iso-8859-1' },
  ] as AtlasFaultRule[])(
    'responses that are not what their headers say (%j) are read, and nothing is sent twice for them',
    async (rule) => {
      const system = await sendUnder([{ ...rule, mislabelled: true }], { documents: 40 });
      const { data, stored, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 40 } });
      expect(uploads).toBe(1);
      const truth = system.atlas.truth(data.batchIds[0] ?? '');
      expect(stored[0]?.documents.map(({ extracts }) => extracts)).toEqual(
        truth.map(({ extracts }) => extracts.map((raw) => JSON.parse(raw))),
      );
      expect(stored[0]?.unreadable).toEqual([]);
    },
  );

  it('a page whose charset nobody names is read as windows-1252, which is noted where it matters', async () => {
    const system = await sendUnder([{ fault: 'charset', unnamed: true }], { documents: 40 });
    const { data, stored } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 40 } });
    const text = JSON.stringify(stored[0]?.documents);
    expect(text).toContain('Zoë');
    const noted = new Set(stored[0]?.unreadable.map(({ documentId }) => documentId));
    const odd = stored[0]?.documents.filter((one) => /Zoë|Müller/.test(JSON.stringify(one)));
    expect(odd?.length).toBeGreaterThan(0);
    expect(odd?.filter(({ documentId }) => !noted.has(documentId))).toEqual([]);
    expect(noted.size).toBeLessThan(40);
  });

  it.each(['iso-8859-1', 'windows-1252', 'utf-16le'] as const)(
    'a page in %s is read',
    async (charset) => {
      const system = await sendUnder([{ fault: 'charset', charset }]);
      const { data, stored } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', polls: 1 });
      const truth = system.atlas.truth(data.batchIds[0] ?? '');
      expect(stored[0]?.documents.map(({ extracts }) => extracts)).toEqual(
        truth.map(({ extracts }) => extracts.map((raw) => JSON.parse(raw))),
      );
    },
  );

  it('a page that is too large is asked for again with half as many, which the upload remembers', {
    timeout: 180_000,
  }, async () => {
    const sizes: number[] = [];
    const match = ({ perPage }: AtlasRequestView) => sizes.push(perPage ?? 0) > 0;
    const system = await sendUnder([{ fault: 'huge-extracts', bytes: 900 * 1024, match }], {
      documents: 60,
      // A page that a busy machine reads too late would be asked for again as it was.
      environment: { ATLAS_TIMEOUT_MS: '120000' },
    });
    const { data, stored } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 60 } });
    expect(stored[0]?.documents).toHaveLength(60);
    // A worker that stands still for long loses the job before it has said so: the next one asks as it did.
    const halved = sizes.indexOf(25);
    expect(sizes.slice(0, halved)).toContain(50);
    // Beside the count, which is a page of one.
    expect(new Set(sizes.slice(halved).filter((size) => size > 1))).toEqual(new Set([25]));
  });

  it.each([200, 404, 403, 500] as const)(
    "a web page with status %i on extracts is a gateway's, and passes",
    async (fault) => {
      const rule: AtlasFaultRule = { fault, endpoint: 'extracts', body: 'html', times: 4 };
      const system = await sendUnder([rule]);
      const { data, uploads } = await endOf(system);
      expect(data.status).toBe('completed');
      expect(uploads).toBe(1);
      expect(system.atlas.requests.count('authtoken')).toBe(1);
    },
  );
});
