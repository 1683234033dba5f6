import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TransientError } from '../../../src/errors.js';
import { type ResultContent, renderResult } from '../../../src/storage/results/result-document.js';
import {
  type ResultEntry,
  readResult,
  readResultDocuments,
} from '../../../src/storage/results/result-reader.js';

const CONTENT: ResultContent = {
  reference: 'loan-8841',
  batchId: 'BATCH-1',
  productType: 'LOAN_APP',
  documents: [
    { documentId: '001', extracts: ['{"account":12345678901234567890,"rate":1.10}'] },
    { documentId: '"é\\', extracts: ['{\n  "a": [1,\n 2]\n}', '"text"', 'null'] },
  ],
  missing: ['003', '"004",'],
  unexpected: [{ documentId: ']}', extracts: ['[]'] }],
  unreadable: [
    { documentId: '003', reason: 'its file_data is null' },
    { documentId: null, reason: ']}' },
  ],
};

const EMPTY: ResultContent = {
  ...CONTENT,
  documents: [],
  missing: [],
  unexpected: [],
  unreadable: [],
};

function render(content: ResultContent): string {
  return [...renderResult(content)].join('');
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size)
    yield bytes.subarray(start, start + size);
}

async function read(text: string, chunkSize = 7): Promise<ResultEntry[]> {
  const entries: ResultEntry[] = [];
  for await (const entry of readResult(inChunks(Buffer.from(text), chunkSize))) entries.push(entry);
  return entries;
}

describe('a results object', () => {
  test('a results object is the JSON that the contract shows', () => {
    const shown = {
      ...CONTENT,
      documents: [
        { documentId: '001', extracts: [{ account: expect.any(Number), rate: 1.1 }] },
        { documentId: '"é\\', extracts: [{ a: [1, 2] }, 'text', null] },
      ],
      unexpected: [{ documentId: ']}', extracts: [[]] }],
    };
    expect(JSON.parse(render(CONTENT))).toEqual(shown);
    expect(Object.keys(JSON.parse(render(CONTENT)))).toEqual([
      'reference',
      'batchId',
      'productType',
      'documents',
      'missing',
      'unexpected',
      'unreadable',
    ]);
    expect(JSON.parse(render(EMPTY))).toEqual(EMPTY);
  });

  test('a results object holds extracts as they came, numbers too', () => {
    expect(render(CONTENT)).toContain('{"account":12345678901234567890,"rate":1.10}');
  });
});

describe('reading', () => {
  test('a results object that is read gives back what was written', async () => {
    expect(await read(render(CONTENT))).toEqual([
      { type: 'header', reference: 'loan-8841', batchId: 'BATCH-1', productType: 'LOAN_APP' },
      { type: 'document', ...CONTENT.documents[0] },
      {
        type: 'document',
        documentId: '"é\\',
        extracts: ['{   "a": [1,  2] }', '"text"', 'null'],
      },
      { type: 'missing', documentIds: CONTENT.missing },
      { type: 'unexpected', ...CONTENT.unexpected[0] },
      { type: 'unreadable', items: CONTENT.unreadable },
    ]);
  });

  test('a results object can be read for its documents alone', async () => {
    const ids: string[] = [];
    for await (const document of readResultDocuments(inChunks(Buffer.from(render(CONTENT)), 64))) {
      expect(Object.keys(document)).toEqual(['documentId', 'extracts']);
      ids.push(document.documentId);
    }
    expect(ids).toEqual(['001', '"é\\']);
  });

  test('a results object gives a document before the next is there', async () => {
    const [header, first] = render(CONTENT).split(/(?<=\]\},\n)/);
    async function* stopping() {
      yield Buffer.from(`${header}${first}`);
      throw new Error('read too far');
    }
    for await (const document of readResultDocuments(stopping())) {
      expect(document.documentId).toBe('001');
      break;
    }
  });

  test('any content of a results object comes back, however the bytes are cut', async () => {
    const ids = fc.string({ unit: 'binary', maxLength: 6 });
    const extracts = fc.array(
      fc
        .tuple(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(0, 2))
        .map(([value, indent]) => JSON.stringify(value, null, indent)),
      { minLength: 1, maxLength: 3 },
    );
    const documents = fc.array(fc.record({ documentId: ids, extracts }), { maxLength: 4 });
    const contents = fc.record({
      reference: ids,
      batchId: ids,
      productType: ids,
      documents,
      missing: fc.array(ids, { maxLength: 3 }),
      unexpected: documents,
      unreadable: fc.array(fc.record({ documentId: fc.option(ids), reason: ids }), {
        maxLength: 3,
      }),
    });
    await fc.assert(
      fc.asyncProperty(contents, fc.integer({ min: 1, max: 50 }), async (content, chunkSize) => {
        const oneLine = (all: ResultContent['documents']) =>
          all.map(({ documentId, extracts: texts }) => ({
            documentId,
            extracts: texts.map((text) => text.replaceAll('\n', ' ')),
          }));
        const { reference, batchId, productType } = content;
        expect(await read(render(content), chunkSize)).toEqual([
          { type: 'header', reference, batchId, productType },
          ...oneLine(content.documents).map((document) => ({ type: 'document', ...document })),
          { type: 'missing', documentIds: content.missing },
          ...oneLine(content.unexpected).map((document) => ({ type: 'unexpected', ...document })),
          { type: 'unreadable', items: content.unreadable },
        ]);
        const parse = (all: ResultContent['documents']) =>
          all.map(({ documentId, extracts: texts }) => ({
            documentId,
            extracts: texts.map((text): unknown => JSON.parse(text)),
          }));
        expect(JSON.parse(render(content))).toEqual({
          ...content,
          documents: parse(content.documents),
          unexpected: parse(content.unexpected),
        });
      }),
      { numRuns: 40 },
    );
  });

  test('the reader of a results object tells one that is cut short, wherever that is', async () => {
    const whole = render(CONTENT).trimEnd();
    for (let length = 0; length < whole.length; length += 1) {
      await expect(read(whole.slice(0, length), 1000)).rejects.toThrow(TransientError);
    }
  });

  test.each([
    ['no JSON', '<html>canary</html>\n'],
    ['another form', `${JSON.stringify(EMPTY, null, 2)}\n`],
    ['something after its end', `${render(CONTENT)}canary\n`],
    [
      'a header that lacks its names',
      '{"a":1,"documents":[\n],"missing":[],"unexpected":[\n],"unreadable":[]}\n',
    ],
    ['a document without an id', render(CONTENT).replace('{"documentId":"001"', '{"canary":1')],
    ['missing ids that are no list', render(EMPTY).replace('"missing":[]', '"missing":{}')],
    ['missing ids that are no JSON', render(EMPTY).replace('"missing":[]', '"missing":[canary')],
    ['a strange section', render(EMPTY).replace('],"missing"', '],"canary"')],
  ])('the reader of a results object refuses %s, without showing it', async (_, text) => {
    const error = await read(text).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).not.toContain('canary');
  });
});
