import { expect, it } from 'vitest';
import { runCommand } from '../cli/run-command.js';
import { waitUntil } from '../helpers/wait-until.js';
import { openPage } from './open-page.js';
import { expectUsable, picture } from './pictures.js';
import { plantOn, run, type Stage, startStage } from './stage.js';

const FAILED = 300;
const DAY_MS = 86_400_000;
const LONG_WORD = 'L'.repeat(128);

/** Batches whose scan is not there. */
async function addFailing(stage: Stage, references: readonly string[], productType: string) {
  for (const reference of references) {
    const documents = [{ documentId: 'pan', bucket: 'kyc-documents', key: `${reference}/pan.pdf` }];
    await stage.system.add({ reference, productType, documents });
  }
}

/** Of one product 300, and three of another. @returns the references of the former. */
async function addFailedLoans(stage: Stage): Promise<string[]> {
  const loans = Array.from({ length: FAILED }, (_, i) => `loan-${1000 + i}`);
  await addFailing(stage, loans, 'LOAN_APP');
  await addFailing(stage, ['card-1', 'card-2', LONG_WORD], 'CREDIT_CARD');
  await waitUntil(
    'their end',
    async () => (await stage.system.batches.getFailedCount()) === FAILED + 3,
    60_000,
  );
  return loans;
}

it('300 failed batches of one product are retried in five steps', async () => {
  const stage = await startStage();
  const { system } = stage;
  const loans = await addFailedLoans(stage);
  for (const loan of loans) await system.s3.put('kyc-documents', `${loan}/pan.pdf`, 'scan');

  const { page, complaints } = await openPage();
  const url = `${stage.url}/dashboard/batches`;
  // 1
  await page.goto(`${url}?show=failed`);
  // 2
  await page
    .getByRole('group', { name: 'Product' })
    .getByRole('link', { name: /^LOAN_APP/ })
    .click();
  await page
    .getByText(`of ${FAILED + 3} batches`)
    .first()
    .waitFor();
  await picture(page, 'failed-loans');
  // 3
  await page.getByRole('button', { name: `Retry all ${FAILED}…` }).click();
  await page.getByText(`at most ${FAILED} documents sent`).waitFor();
  await expectUsable(page, 'bulk-preview');
  // 4
  await page.getByRole('button', { name: `Retry ${FAILED} batches` }).click();
  // 5
  await page.getByText(`${FAILED} of ${FAILED} batches retried`).waitFor();
  await page.getByText('It is done').waitFor();
  await expectUsable(page, 'bulk-progress');
  await waitUntil(
    'their results',
    async () => (await system.batches.getCompletedCount()) === FAILED,
    60_000,
  );
  expect(await system.batches.getFailedCount()).toBe(3);

  // With the keyboard alone: the box of the first row, then the button of the selected.
  await page.goto(`${url}?show=failed`);
  await expectUsable(page, 'failed');
  await page.getByLabel('Select card-2').focus();
  await page.keyboard.press('Space');
  await page.getByText('1 selected').waitFor();
  await page.getByRole('button', { name: 'Retry selected…' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Retry 1 batch?').waitFor();
  await page.getByRole('link', { name: 'Leave it' }).click();
  await page.goto(`${url}?show=completed`);
  await expectUsable(page, 'completed');
  expect(complaints).toEqual([]);
});

it('300 failed batches of one product are retried in two commands', async () => {
  const stage = await startStage();
  const { system } = stage;
  const loans = await addFailedLoans(stage);
  for (const loan of loans) await system.s3.put('kyc-documents', `${loan}/pan.pdf`, 'scan');
  // 1
  const counts = await run(stage, 'list', '--state', 'failed', '--count');
  expect(counts).toMatch(new RegExp(`LOAN_APP +${FAILED}\\b`));
  // 2
  const said = await run(stage, 'retry', '--state', 'failed', '--product', 'LOAN_APP', '--yes');
  expect(said).toContain(`${FAILED} of ${FAILED} batches retried`);
  await waitUntil(
    'their results',
    async () => (await system.batches.getCompletedCount()) === FAILED,
    60_000,
  );
  expect(await system.batches.getFailedCount()).toBe(3);
});

it('one stuck batch is found by document id, S3 key and a part of its reference, in three steps by page, and in one by command', async () => {
  const stage = await startStage();
  const { system } = stage;
  const others = Array.from({ length: 20 }, (_, i) => `loan-${2000 + i}`);
  for (const reference of others) await stage.submit(reference, 'LOAN_APP', ['pan', 'slip-1']);
  await stage.submit('mortgage-1190', 'MORTGAGE', ['deed-77', 'slip-1']);
  const { page, complaints } = await openPage();
  const url = `${stage.url}/dashboard/batches`;
  for (const text of [
    'deed-77',
    'mortgage-1190/deed-77.pdf',
    's3://kyc-documents/mortgage-1190/',
    'GAGE-11',
  ]) {
    // 1
    await page.goto(url);
    // 2
    await page.getByRole('searchbox').fill(text);
    await page.keyboard.press('Enter');
    await page.getByText('1 match').waitFor();
    await page.getByText('searched 21 of 21 batches').waitFor();
    // 3
    await page.getByRole('link', { name: 'mortgage-1190' }).click();
    await page.locator('h1', { hasText: 'mortgage-1190' }).waitFor();
    // 1
    const found = await runCommand(['list', '--text', text], system.environment);
    expect(found.stdout).toContain('mortgage-1190');
    expect(found.stdout).not.toContain('loan-2');
    expect(found.stderr).toBe('1 batch; searched 21 of 21\n');
  }
  await page.goto(`${url}?show=running&sort=deadline`);
  await page.getByRole('row').filter({ hasText: 'loan-2000' }).waitFor();
  await expectUsable(page, 'running');
  expect(complaints).toEqual([]);
});

it('what ended between two and three at night is listed by the keyboard, and without scripts', async () => {
  const stage = await startStage();
  const [day = '', year, month, date] =
    /(.{4})-(..)-(..)/.exec(new Date(Date.now() - DAY_MS).toISOString()) ?? [];
  const ended = { evening: '01:59:59.999', night: '02:30', morning: '03:00:00.001' };
  await plantOn(
    stage,
    Object.entries(ended).map(([reference, time]) => {
      const endedAt = Date.parse(`${day}T${time}Z`);
      return { reference, state: 'failed', addedAt: endedAt - 60_000, endedAt };
    }),
  );
  for (const javaScriptEnabled of [true, false]) {
    const { page, complaints } = await openPage({ javaScriptEnabled, locale: 'en-US' });
    await page.goto(`${stage.url}/dashboard/batches?show=failed`);
    await page.getByLabel('Since').focus();
    // Month, day, year, hour, minute: the browser goes on from part to part.
    await page.keyboard.press('Tab');
    await page.keyboard.type(`${month}${date}${year}0200AM`);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type(`${month}${date}${year}0300AM`);
    await page.keyboard.press('Enter');
    await page.getByText('Retry all 1…').waitFor();
    await page.getByRole('link', { name: 'night' }).waitFor();
    expect(await page.getByLabel('From (UTC)').inputValue()).toBe(`${day}T02:00`);
    expect(await page.getByLabel('To (UTC)').inputValue()).toBe(`${day}T03:00`);
    if (javaScriptEnabled) await expectUsable(page, 'between-two-times');
    expect(complaints).toEqual([]);

    // The other way round, which the browser itself tells of as an error.
    await page.getByLabel('To (UTC)').fill(`${day}T01:00`);
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByRole('alert').getByText('before it begins').waitFor();
    if (javaScriptEnabled) await expectUsable(page, 'times-fault');
  }
});

it('each of 20 tenants can be chosen by the keyboard, and without scripts', async () => {
  const stage = await startStage();
  const { system } = stage;
  const tenants = Array.from({ length: 19 }, (_, i) => `branch-${100 + i}`);
  for (const tenant of [...tenants, LONG_WORD.slice(0, 64)]) {
    const documents = [{ documentId: 'slip-1', bucket: 'kyc-documents', key: `${tenant}.pdf` }];
    await system.s3.put('kyc-documents', `${tenant}.pdf`, 'scan');
    await system.add({ reference: `of-${tenant}`, productType: 'LOAN_APP', tenant, documents });
  }
  const url = `${stage.url}/dashboard/batches?show=running`;
  for (const javaScriptEnabled of [true, false]) {
    const { page, complaints } = await openPage({ javaScriptEnabled });
    await page.goto(url);
    const group = page.getByRole('group', { name: 'Tenant' });
    await group.getByLabel('Tenant: 12 more').focus();
    await page.keyboard.type('branch-117');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await group.locator('[aria-current]', { hasText: 'branch-117' }).waitFor();
    await page.getByRole('link', { name: 'of-branch-117' }).waitFor();
    expect(await page.getByRole('link', { name: /^of-/ }).count()).toBe(1);
    if (javaScriptEnabled) await expectUsable(page, 'tenants');
    expect(complaints).toEqual([]);
  }
});
