/** What the design says in pixels and colours. */
import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { openPage } from './open-page.js';
import { plantOn, startStage } from './stage.js';

/** Heights of rows, in pixels. */
const [LOWEST, HIGHEST] = [44, 48];
const HOUR_MS = 3_600_000;
/** The colours of the icon, and of a pill in the light scheme. */
const ICON = { busy: '#1d6fe0', good: '#17b26a', bad: '#d92d20', quiet: '#8b95a7' };
const GREY = 'rgb(71, 84, 103)';

const boxOf = async (one: Locator) => {
  const box = await one.boundingBox();
  if (box === null) throw new Error('it is not there');
  return box;
};
const iconOf = async (page: Page) =>
  /fill="([^"]*)"/.exec(
    decodeURIComponent((await page.locator('#icon').getAttribute('href')) ?? ''),
  )?.[1];

it('rows are 44 to 48 pixels high below a head that stays, and cards on narrow screens', async () => {
  const stage = await startStage();
  const endedAt = Date.now();
  await plantOn(
    stage,
    Array.from({ length: 30 }, (_, i) => ({
      ...{ reference: `loan-${8800 + i}`, state: 'failed' as const, code: 'INCOMPLETE' as const },
      ...{ addedAt: endedAt - HOUR_MS, endedAt: endedAt - i },
    })),
  );
  const { page } = await openPage({ viewport: { width: 1280, height: 820 } });
  await page.goto(`${stage.url}/dashboard/batches?show=failed`);
  const rows = page.locator('.batches tbody tr');
  expect(await rows.count()).toBe(25);
  for (const row of await rows.all()) {
    const { height } = await boxOf(row);
    expect(height).toBeGreaterThanOrEqual(LOWEST);
    expect(height).toBeLessThanOrEqual(HIGHEST);
  }
  const head = page.getByRole('columnheader', { name: 'Product' });
  expect((await boxOf(head)).y).toBeGreaterThan(100);
  await rows.last().scrollIntoViewIfNeeded();
  expect((await boxOf(head)).y).toBe(0);

  await page.setViewportSize({ width: 900, height: 820 });
  expect(await head.isVisible()).toBe(false);
  const [reference, progress, first, second] = await Promise.all([
    boxOf(rows.first().getByRole('link')),
    boxOf(rows.first().getByRole('progressbar')),
    boxOf(rows.first()),
    boxOf(rows.nth(1)),
  ]);
  expect(progress.y).toBeGreaterThan(reference.y + reference.height);
  expect(second.y).toBeGreaterThanOrEqual(first.y + first.height);
});

it('the icon of the tab has the colour of the state, a cancelled batch is grey, and its retry asks first', async () => {
  const stage = await startStage();
  await stage.submit('loan-1', 'LOAN_APP', ['pan', 'slip-1']);
  await stage.submit('loan-2', 'LOAN_APP', ['pan', 'slip-1']);
  await stage.submit('loan-3', 'LOAN_APP', ['pan']);
  await stage.cancel('loan-2');
  for (const reference of ['loan-2', 'loan-3']) await stage.system.event(`done-${reference}`);
  await plantOn(stage, [{ reference: 'loan-4', state: 'failed', addedAt: Date.now() }]);
  const { page, complaints } = await openPage();
  const url = `${stage.url}/dashboard/batches`;
  const pill = page.locator('h1 .pill');
  for (const [reference, word, colour] of [
    ['loan-1', 'In flight', ICON.busy],
    ['loan-3', 'Completed', ICON.good],
    ['loan-4', 'Failed', ICON.bad],
    ['loan-2', 'Cancelled', ICON.quiet],
  ]) {
    await page.goto(`${url}/${reference}`);
    await pill.getByText(word ?? '', { exact: true }).waitFor();
    expect([reference, await iconOf(page)]).toEqual([reference, colour]);
  }
  const colour = "getComputedStyle(document.querySelector('h1 .pill')).color";
  expect(await page.evaluate(colour)).toBe(GREY);

  await page.getByText('Retry…').click();
  await page.getByText('Somebody has cancelled it.').waitFor();
  expect(await stage.system.batches.getJobState('batch-loan-2')).toBe('failed');
  await page.getByRole('button', { name: 'Retry it all the same' }).click();
  await pill.getByText('In flight', { exact: true }).waitFor();
  expect(await iconOf(page)).toBe(ICON.busy);
  expect(complaints).toEqual([]);
});
