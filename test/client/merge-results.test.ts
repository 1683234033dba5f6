import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chainResults, mergeResults, type ResultSource } from '../../src/client/merge-results.js';
import type { ResultDocument } from '../../src/storage/results/result-document.js';

/** A results object with the documents at `present`, sent with those at `indexes`. */
function source(name: string, indexes: number[], present = indexes) {
  const state = { opened: 0, closed: 0 };
  return {
    state,
    indexes,
    async *open(): AsyncGenerator<ResultDocument, void, undefined> {
      state.opened += 1;
      try {
        for (const i of present) yield { documentId: `d${i}`, extracts: [`"${name}"`] };
      } finally {
        state.closed += 1;
      }
    },
  };
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => `d${i}`);

async function read(documents: AsyncIterable<ResultDocument>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { documentId, extracts } of documents) seen.push(`${documentId} ${extracts}`);
  return seen;
}

test('a document that one results object lacks comes from a later one, in its place', async () => {
  const first = source('first', [0, 1, 2, 3], [0, 2]);
  const again = source('again', [1, 3]);
  expect(await read(mergeResults(ids(4), [first, again]))).toEqual([
    'd0 "first"',
    'd1 "again"',
    'd2 "first"',
    'd3 "again"',
  ]);
});

test('of two results objects that have a document the earlier wins', async () => {
  const sources = [source('first', [0, 1]), source('again', [1])];
  expect(await read(mergeResults(ids(2), sources))).toEqual(['d0 "first"', 'd1 "first"']);
});

test('a results object is opened only when its first document is due, and closed when left early', async () => {
  const early = source('early', [0, 1]);
  const late = source('late', [2, 3]);
  const documents = mergeResults(ids(4), [early, late]);
  await documents.next();
  expect([early.state.opened, late.state.opened]).toEqual([1, 0]);
  await documents.return();
  expect([early.state, late.state]).toEqual([
    { opened: 1, closed: 1 },
    { opened: 0, closed: 0 },
  ]);
});

test('every document that was found comes once, in the order of the job, whatever the rounds', async () => {
  const rounds = fc.integer({ min: 1, max: 30 }).chain((count) =>
    fc.tuple(
      fc.constant(count),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.infiniteStream(fc.boolean())), {
        minLength: 1,
        maxLength: 4,
      }),
    ),
  );
  await fc.assert(
    fc.asyncProperty(rounds, async ([count, plan]) => {
      let missing = Array.from({ length: count }, (_, i) => i);
      const found = new Set<number>();
      const sources: ResultSource[] = [];
      for (const [size, luck] of plan) {
        const round = missing;
        missing = [];
        for (let from = 0; from < round.length; from += size) {
          const sent = round.slice(from, from + size);
          const present = sent.filter(() => luck.next().value);
          sources.push(source(`s${sources.length}`, sent, present));
          for (const i of present) found.add(i);
          missing.push(...sent.filter((i) => !present.includes(i)));
        }
      }
      const seen = await read(mergeResults(ids(count), sources));
      expect(seen.map((line) => line.split(' ')[0])).toEqual(
        [...found].sort((a, b) => a - b).map((i) => `d${i}`),
      );
    }),
  );
});

test('documents come object after object, each once, when the job is not known', async () => {
  const sources = [source('first', [0, 2]), source('again', [1, 2])];
  expect(await read(chainResults(sources))).toEqual(['d0 "first"', 'd2 "first"', 'd1 "again"']);
});
