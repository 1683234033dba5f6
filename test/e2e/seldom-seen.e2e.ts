/** Pages that operators meet seldom: in a pause, of what was cancelled, before many are cancelled, and of errors. */
import { expect, it } from 'vitest';
import { startBrowser } from './browser.js';
import { openPage } from './open-page.js';
import { expectUsable } from './pictures.js';
import { run, startStage } from './stage.js';

it('pages in a pause, of a cancelled batch and of one in line, and the preview of a cancel, can be used', async () => {
  const stage = await startStage();
  await stage.submit('loan-1', 'LOAN_APP', ['pan', 'slip-1']);
  await stage.submit('loan-2', 'LOAN_APP', ['pan', 'slip-1']);
  await stage.cancel('loan-2');
  await stage.system.event('done-loan-2');
  await run(stage, 'pause', '--until', '2h', '--reason', 'Atlas is down for maintenance');
  await stage.submit('loan-3', 'LOAN_APP', ['pan']);
  const { page, complaints } = await openPage();
  const url = `${stage.url}/dashboard`;

  await page.goto(`${url}/batches`);
  const row = page.locator('tr', { hasText: 'loan-3' });
  await row.getByText('In line', { exact: true }).waitFor();
  await expectUsable(page, 'list-in-pause');
  await page.goto(`${url}/batches/loan-3`);
  await page.getByText('sending is paused').first().waitFor();
  await expectUsable(page, 'batch-in-line');
  await page.goto(`${url}/batches/loan-2`);
  await page.locator('h1', { hasText: 'Cancelled' }).waitFor();
  await expectUsable(page, 'batch-cancelled');
  await page.goto(`${url}/bulk?action=cancel&show=running&which=all`);
  await page.getByText('Cancel 2 batches?').waitFor();
  await expectUsable(page, 'cancel-preview');
  expect(complaints).toEqual([]);
});

it('pages of errors can be used: a batch that there is not, an address that is none, and no login', async () => {
  const stage = await startStage();
  const { page } = await openPage();
  const url = `${stage.url}/dashboard`;
  expect((await page.goto(`${url}/batches/loan-1`))?.status()).toBe(404);
  await expectUsable(page, 'unknown-batch');
  expect((await page.goto(`${url}/batches/%zz`))?.status()).toBe(400);
  await expectUsable(page, 'bad-request');

  const browser = await startBrowser();
  const outsider = await (await browser.newContext()).newPage();
  // A browser asks for the password first, and shows the page to who gives none. Here nobody can be asked.
  await outsider.route(`${stage.url}/**`, async (route) => {
    const response = await route.fetch();
    const { 'www-authenticate': _asked, ...headers } = response.headers();
    await route.fulfill({ response, headers });
  });
  expect((await outsider.goto(`${url}/batches`))?.status()).toBe(401);
  await expectUsable(outsider, 'no-login');
});
