/** A batch of 10,000 documents, and everything as long as it may be. */
import { expect, it } from 'vitest';
import type { Upload } from '../../src/jobs/state/batch-state.js';
import { openPage } from './open-page.js';
import { expectUsable } from './pictures.js';
import { plantOn, type Stage, startStage } from './stage.js';

const DOCUMENTS = 10_000;
const UPLOADS = 100;
const LONG_WORD = 'L'.repeat(128);
const LAST_FAULT = 'and this is the last of them';
const LONG_MESSAGE = `2 documents are missing: ${'statement-2026-10-of-the-second-applicant, '.repeat(12)}${LAST_FAULT}`;
/** Pixels. */
const TWO_LINES = 30;
const ATLAS_BATCH_ID = 'BATCH-30732-SIYKJ-20251121113228';

/** The third and the last upload lack a document. One id is not as Atlas makes them. */
function uploadNumber(i: number): Upload {
  const size = DOCUMENTS / UPLOADS;
  const first = i * size;
  const missing = i === 2 ? `${first + 7}` : i === UPLOADS - 1 ? `${first + size - 1}` : '';
  return {
    ...{ state: 'ended', round: 1, documentIndexes: `${first}-${first + size - 1}`, scoped: false },
    ...{ resubmissions: 0, sentAt: 1, expectedPollRuns: 1 },
    atlasBatchId: i === 2 ? ATLAS_BATCH_ID : i === UPLOADS - 1 ? LONG_WORD : `BATCH-${30_800 + i}`,
    result: {
      ...{ status: missing === '' ? 'complete' : 'incomplete', missing },
      ...{ present: missing === '' ? size : size - 1, unexpected: 0, unreadable: 0, polls: 1 },
      ...{ stored: true, endedAt: 1 },
    },
  };
}

async function plantLarge(stage: Stage): Promise<void> {
  const documents = Array.from({ length: DOCUMENTS }, (_, i) => ({
    documentId: i === 207 ? LONG_WORD : `doc-${i}`,
    bucket: 'kyc-documents',
    key: `archive/${i}.pdf`,
  }));
  const times = { addedAt: Date.now() - 60_000, endedAt: Date.now() };
  await plantOn(stage, [
    {
      ...{ reference: LONG_WORD, productType: LONG_WORD, tenant: 'T'.repeat(64), documents },
      ...{ state: 'failed', code: 'INCOMPLETE', message: LONG_MESSAGE },
      uploads: Array.from({ length: UPLOADS }, (_, i) => uploadNumber(i)),
      ...times,
    },
    { reference: 'withdrawn', state: 'cancelled', message: 'the applicant withdrew', ...times },
  ]);
}

it('a batch of 10,000 documents opens on what is missing, with its uploads and its message folded', async () => {
  const stage = await startStage();
  await plantLarge(stage);
  const permissions = ['clipboard-read', 'clipboard-write'];
  const { page, complaints } = await openPage({ permissions });
  const documents = page.getByRole('region', { name: 'Documents' });
  const uploads = page.getByRole('region', { name: 'Uploads' });
  await page.goto(`${stage.url}/dashboard/batches/${LONG_WORD}`);

  expect(await documents.getByRole('row').count()).toBe(2);
  await documents.getByText('archive/207.pdf').waitFor();
  await documents.getByText('archive/9999.pdf').waitFor();
  await documents.getByRole('link', { name: 'present 9,998' }).click();
  await documents.getByText('Page 1 of 200').waitFor();
  await documents.getByRole('searchbox').fill('ARCHIVE/4711');
  await page.keyboard.press('Enter');
  await documents.getByText('doc-4711').waitFor();
  expect(await documents.getByRole('row').count()).toBe(1);
  await documents.getByRole('link', { name: 'missing 2' }).click();
  await documents.getByText('Nothing fits').waitFor();

  expect(await uploads.getByText('incomplete').count()).toBe(2);
  await uploads.getByText('97 more uploads, complete').click();
  await uploads.getByText('BATCH-30850').waitFor();
  const box = await uploads.getByText(ATLAS_BATCH_ID).boundingBox();
  expect(box?.height).toBeLessThan(TWO_LINES);
  await uploads.getByRole('button', { name: `Copy ${ATLAS_BATCH_ID}` }).click();
  await page.getByText(`Copied ${ATLAS_BATCH_ID}`).waitFor({ state: 'attached' });
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(ATLAS_BATCH_ID);

  expect(await page.getByText(LAST_FAULT).first().isVisible()).toBe(false);
  await page.getByText('… all of it').first().click();
  await page.getByText(LAST_FAULT).first().waitFor();
  await expectUsable(page, 'batch-large');
  for (const path of [
    'batches?show=failed',
    'batches?show=cancelled',
    'batches?show=all&q=archive',
    'batches/withdrawn',
    `batches/${LONG_WORD}?documents=all&page=3`,
  ]) {
    await page.goto(`${stage.url}/dashboard/${path}`);
    await page.getByRole('main').waitFor();
    await expectUsable(page, path.replaceAll(/\W+/g, '-').slice(0, 60));
  }
  expect(complaints).toEqual([]);
});
