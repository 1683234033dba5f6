import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PageItem, Reconciliation } from '../../src/extracts/reconcile.js';
import { item } from './page-item.js';

describe('laws', () => {
  const ids = ['a', 'b', 'c', '__proto__', 'r/a', ''];
  const pages = fc.array(
    fc.array(
      fc.record({
        atlasDocumentId: fc.constantFrom(...ids, ...ids.map((id) => `r/${id}`), 'x', 'r/x'),
        // Two of them are the same.
        fileData: fc.constantFrom('"1"', '2', '3', '"\\u0031"'),
      }),
      { maxLength: 8 },
    ),
    { maxLength: 5 },
  );
  const scopes = fc.constantFrom(null, 'r');

  function reconcile(
    scope: string | null,
    content: readonly (readonly [number, readonly PageItem[]])[],
  ) {
    const reconciliation = new Reconciliation(ids, scope);
    const added = content.map(([page, extracts]) => reconciliation.addPage(page, extracts).added);
    return { reconciliation, added };
  }

  const numbered = (content: PageItem[][]) =>
    content.map((extracts, index) => [index + 1, extracts] as const);

  test('the order in which pages arrive does not change what is reconciled', () => {
    const shuffledPages = pages.chain((content) =>
      fc.tuple(
        fc.constant(numbered(content)),
        fc.shuffledSubarray(numbered(content), { minLength: content.length }),
      ),
    );
    fc.assert(
      fc.property(scopes, shuffledPages, (scope, [inOrder, shuffled]) => {
        const one = reconcile(scope, inOrder).reconciliation;
        const other = reconcile(scope, shuffled).reconciliation;
        expect(other.documents()).toEqual(one.documents());
        expect(other.unexpected()).toEqual(one.unexpected());
        expect(other.missing()).toEqual(one.missing());
        expect(other.extractCount).toBe(one.extractCount);
      }),
    );
  });

  test('present and missing documents make up all documents', () => {
    fc.assert(
      fc.property(scopes, pages, (scope, content) => {
        const { reconciliation } = reconcile(scope, numbered(content));
        const missing = reconciliation.missing().map((index) => ids[index]);
        const present = reconciliation.documents().map(({ documentId }) => documentId);
        expect(present).toHaveLength(reconciliation.present);
        expect([...present, ...missing].sort()).toEqual([...ids].sort());
      }),
    );
  });

  test('no extract is lost: as many of each are kept as the richest page has', () => {
    fc.assert(
      fc.property(scopes, pages, (scope, content) => {
        const { reconciliation, added } = reconcile(scope, numbered(content));
        const own = (id: string) =>
          scope !== null && id.startsWith(`${scope}/`) ? id.slice(scope.length + 1) : id;
        const isSent = (id: string) =>
          scope === null ? ids.includes(id) : id.startsWith(`${scope}/`) && ids.includes(own(id));
        const richest = new Map<string, number>();
        for (const extracts of content) {
          const onPage = new Map<string, number>();
          for (const { atlasDocumentId: documentId, fileData } of extracts) {
            const name = JSON.stringify([
              isSent(documentId),
              own(documentId),
              JSON.parse(fileData),
            ]);
            onPage.set(name, (onPage.get(name) ?? 0) + 1);
          }
          for (const [name, count] of onPage) {
            richest.set(name, Math.max(richest.get(name) ?? 0, count));
          }
        }
        const kept = new Map<string, number>();
        for (const [sent, documents] of [
          [true, reconciliation.documents()],
          [false, reconciliation.unexpected()],
        ] as const) {
          for (const { documentId, extracts } of documents) {
            for (const fileData of extracts) {
              const name = JSON.stringify([sent, documentId, JSON.parse(fileData)]);
              kept.set(name, (kept.get(name) ?? 0) + 1);
            }
          }
        }
        const byName = (counts: Map<string, number>) => [...counts].sort();
        expect(byName(kept)).toEqual(byName(richest));

        const total = [...kept.values()].reduce((sum, count) => sum + count, 0);
        expect(reconciliation.extractCount).toBe(total);
        expect(added.reduce((sum, count) => sum + count, 0)).toBe(total);
        expect(reconciliation.itemCount).toBe(content.flat().length);
      }),
    );
  });

  test('each document has exactly its items in page order when no page repeats any', () => {
    fc.assert(
      fc.property(pages, (content) => {
        const distinct = content.map((extracts, page) =>
          extracts.map(({ atlasDocumentId }, offset) =>
            item(atlasDocumentId, `[${page},${offset}]`),
          ),
        );
        const { reconciliation } = reconcile(null, numbered(distinct));
        for (const { documentId, extracts } of reconciliation.documents()) {
          const expected = distinct
            .flat()
            .filter((extract) => extract.atlasDocumentId === documentId);
          expect(extracts).toEqual(expected.map(({ fileData }) => fileData));
        }
      }),
    );
  });
});
