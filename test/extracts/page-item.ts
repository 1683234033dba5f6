import type { PageItem } from '../../src/extracts/reconcile.js';

export function item(documentId: string, fileData = `{"of":"${documentId}"}`): PageItem {
  return { atlasDocumentId: documentId, fileData };
}
