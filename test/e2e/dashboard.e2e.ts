import { expect, it } from 'vitest';
import { waitUntil } from '../helpers/wait-until.js';
import { startBrowser } from './browser.js';
import { complaintsOf, picture } from './pictures.js';
import { OPERATOR, populate, type Stage, startStage } from './stage.js';

const DESKTOP = { width: 1280, height: 820 };
const PHONE = { width: 390, height: 844 };
/** Longer than a slow machine takes from a page to a click on it. */
const PUT_OFF_MS = 120_000;

it('an operator can log in, follow, find, hasten, cancel and retry batches, and pause the sending', async () => {
  const stage = await startStage();
  await populate(stage);
  const browser = await startBrowser();
  const outsider = await browser.newPage();
  await expect(outsider.goto(`${stage.url}/dashboard/batches`)).rejects.toThrow('AUTH');

  const context = await browser.newContext({
    httpCredentials: OPERATOR,
    viewport: DESKTOP,
    deviceScaleFactor: 2,
  });
  const complaints = complaintsOf(context);
  const page = await context.newPage();
  await page.goto(`${stage.url}/dashboard/batches`);
  const row = (reference: string) => page.locator('tr', { hasText: reference });
  await row('loan-8841').getByText('In flight').waitFor();
  await picture(page, 'batches');
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, 'batches-dark');
  await page.emulateMedia({ colorScheme: 'light' });

  // Finds a batch by a document that only it has, and asks for a poll when Atlas is done.
  await page.getByRole('searchbox').fill('statement-2026-10');
  await page.getByRole('button', { name: 'Search' }).click();
  await row('loan-8841').getByRole('link').click();
  await page.getByText('5 / 6').first().waitFor();
  await picture(page, 'batch');
  stage.system.atlas.completeNow(await putPollOff(stage, 'loan-8841'));
  await page.getByRole('button', { name: 'Poll now' }).click();
  // The page reads itself again: nobody reloads it.
  await page.locator('h1', { hasText: 'Completed' }).waitFor();
  await page.getByText('6 / 6').first().waitFor();

  await page.getByRole('link', { name: '← Batches' }).click();
  await row('card-2214').getByRole('link').click();
  await page.getByText('Cancel…').click();
  await page.getByLabel('Why?').fill('sent by mistake');
  await page.getByRole('button', { name: 'Cancel this batch' }).click();
  await page.locator('h1', { hasText: 'Cancelled' }).waitFor();
  await page.getByText('sent by mistake').first().waitFor();

  // The scan that was missing has come: a retry completes the batch.
  await stage.system.s3.put('kyc-documents', 'loan-8823/pan.pdf', 'scan');
  await page.goto(`${stage.url}/dashboard/batches?show=failed`);
  await picture(page, 'failed');
  await row('loan-8823').getByRole('link').click();
  await page.getByText('OBJECT_NOT_FOUND').first().waitFor();
  await page.getByRole('button', { name: 'Retry' }).click();
  await page.locator('h1', { hasText: 'Completed' }).waitFor();

  // A pause is told on every page; nothing goes out before somebody resumes.
  await page.goto(`${stage.url}/dashboard/batches`);
  await page.getByText('Pause…').click();
  await page.getByLabel('Why?').fill('Atlas is down for maintenance');
  await page.getByLabel('For how long?').selectOption('2h');
  await page.getByRole('button', { name: 'Pause the sending' }).click();
  await page.getByText(`Paused by ${OPERATOR.username}`).waitFor();
  await stage.submit('loan-8850', 'LOAN_APP', ['pan']);
  await row('loan-8850').getByText('In line', { exact: true }).waitFor();
  await picture(page, 'paused');
  await row('loan-8850').getByRole('link').click();
  await page.getByText('sending is paused').first().waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText(`Paused by ${OPERATOR.username}`).waitFor({ state: 'detached' });
  await stage.system.event('done-loan-8850');

  await page.goto(`${stage.url}/dashboard/`);
  await page.getByText('atlas-batches').first().waitFor();
  await page.goto(`${stage.url}/dashboard/queue/atlas-batches?status=completed`);
  await page.getByText('loan-8841 · LOAN_APP · 6 documents').first().waitFor();
  await picture(page, 'queues');

  const phone = await browser.newContext({
    httpCredentials: OPERATOR,
    viewport: PHONE,
    deviceScaleFactor: 2,
    colorScheme: 'dark',
  });
  const small = await phone.newPage();
  await small.goto(`${stage.url}/dashboard/batches?show=completed`);
  await small.getByText('loan-8841').first().waitFor();
  const width = Number(await small.evaluate('document.documentElement.scrollWidth'));
  expect(width).toBeLessThanOrEqual(PHONE.width);
  await picture(small, 'phone');
  expect(complaints).toEqual([]);
});

/**
 * Puts the next poll of a batch off: one that came by itself would end the batch before anybody asks
 * for a poll. @returns Atlas's id of the batch.
 */
async function putPollOff({ system }: Stage, reference: string): Promise<string> {
  return await waitUntil(`a poll of ${reference} that sleeps`, async () => {
    const polls = await system.pollJobs.getJobs(['delayed']);
    const poll = polls.find(({ data }) => data.reference === reference);
    // It may begin at this moment: then the next one is put off.
    const isOff = await poll?.changeDelay(PUT_OFF_MS).then(
      () => true,
      () => false,
    );
    return isOff && poll?.data.atlasBatchId;
  });
}
