import type { Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { heartbeatsKey, workerReportKey } from '../../src/jobs/keys/redis-keys.js';
import { createAtlasBatchServer } from '../../src/server/server.js';
import { tokensFile } from '../server/api/test-api.js';
import { openPage } from './open-page.js';
import { expectAccessible, expectUsable } from './pictures.js';
import { type Stage, startStage } from './stage.js';

/** A worker beside the real one that cannot reach Atlas, and whose webhook takes nothing. */
async function addUnhappyWorker({ system }: Stage): Promise<void> {
  const [seconds] = await system.redis.time();
  const now = Number(seconds) * 1000;
  const report = {
    v: 1,
    host: 'worker-7d9f8c6b5-x2x9q',
    pid: 7,
    version: '0.0.9',
    node: '20.19.0',
    startedAt: now - 3_600_000,
    jobs: { 'atlas-batches': 2, 'atlas-polls': 17 },
    atlas: { since: now - 90_000, code: 'ATLAS_UNAVAILABLE', circuitOpen: true },
    refusedSince: null,
    webhook: { failingSince: now - 60_000, lastFailedAt: now, lastDeliveredAt: 0, code: '503' },
    notReady: ['it is not configured for what it is asked to do: bucket kyc is not allowed'],
  };
  await system.redis.zadd(heartbeatsKey(system.prefix), now + 600_000, 'unhappy');
  await system.redis.set(workerReportKey(system.prefix, 'unhappy'), JSON.stringify(report));
}

const read = (page: Page, expression: string) => page.evaluate(expression) as Promise<unknown>;

it('every page can be used at any width, in both schemes, and says what is wrong with the whole of it', async () => {
  const stage = await startStage();
  const long = 'x'.repeat(120);
  await stage.submit(long, 'W'.repeat(128), ['pan']);
  await stage.system.event(`done-${long}`);
  await stage.submit('loan-1', 'LOAN_APP', ['pan', 'statement-1']);
  await stage.submit('loan-2', 'LOAN_APP', ['pan']);
  await stage.system.event('done-loan-2');
  // The first browser of a machine starts for so long that heartbeats run out.
  const { page, complaints } = await openPage();
  const open = (path: string) => page.goto(`${stage.url}${path}`);
  await open('/');
  await addUnhappyWorker(stage);

  await open('/');
  await page.getByText('Atlas does not answer 1 of 2 workers').waitFor();
  await page.getByText('receiver does not take events (503)').waitFor();
  expect(await page.title()).toMatch(/^⚠ /);

  await page.getByRole('link', { name: 'Workers', exact: true }).click();
  await page.getByText('worker-7d9f8c6b5-x2x9q').waitFor();
  await expectUsable(page, 'workers');
  await open('/dashboard/batches/loan-1');
  expect(await page.title()).toContain('loan-1 · In flight');
  await expectUsable(page, 'batch-in-flight');
  await open('/dashboard/batches/loan-2');
  await expectUsable(page, 'batch-completed');
  expect(complaints).toEqual([]);

  // The browser itself tells of the status.
  expect((await open('/dashboard/nowhere'))?.status()).toBe(404);
  await expectUsable(page, 'not-found');

  // Each job of Bull Board leads to its batch, and nothing is offered that would be refused.
  await open('/dashboard/queue/atlas-batches?status=completed');
  await page.getByText('loan-2 · LOAN_APP').first().waitFor();
  await page.getByText('Atlas does not answer 1 of 2 workers').waitFor();
  await expectAccessible(page, 'queue');
  expect(
    await page.getByRole('button', { name: /retry|clean|remove|promote|pause/i }).count(),
  ).toBe(0);
  const link = page.getByRole('link', { name: 'Batch', exact: true }).first();
  expect(await link.getAttribute('href')).toBe('/dashboard/batches/loan-2');
  for (const [path, text, name] of [
    ['', 'atlas-webhooks', 'queues'],
    ['queue/atlas-batches/batch-loan-2', 'completed', 'job'],
  ] as const) {
    await open(`/dashboard/${path}`);
    await page.getByText(text).first().waitFor();
    await page.getByText('Atlas does not answer 1 of 2 workers').waitFor();
    await expectAccessible(page, name);
  }
  // What it says goes when it is over, without the page being opened again.
  await stage.system.redis.zrem(heartbeatsKey(stage.system.prefix), 'unhappy');
  await page.getByText('Atlas does not answer').waitFor({ state: 'detached' });
  expect(complaints.filter((one) => !one.includes('404'))).toEqual([]);
});

it('a page that reads itself again keeps focus, scroll, selection and what was typed, and can be stopped', async () => {
  const stage = await startStage();
  await stage.submit('loan-1', 'LOAN_APP', ['pan', 'statement-1']);
  const { page } = await openPage({ viewport: { width: 900, height: 400 } });
  await page.goto(`${stage.url}/dashboard/batches/loan-1`);
  await page.getByText('1 / 2').first().waitFor();

  // Its reader has opened a form, typed and gone down the page.
  await page.getByText('Cancel…').click();
  await page.getByLabel('Why?').fill('half a sent');
  await page.getByLabel('Why?').focus();
  await read(page, 'scrollTo(0, 120)');
  const before = await read(page, '[scrollY, document.activeElement.name]');
  const [poll] = await stage.system.pollJobs.getJobs(['delayed']);
  const polls = Number(Object(poll?.progress).polls);
  await poll?.promote();
  await page.getByText(`poll ${polls + 1}: 1 of 2 present`).waitFor();
  expect(await read(page, '[scrollY, document.activeElement.name]')).toEqual(before);
  expect(before).toEqual([120, 'reason']);
  expect(await page.getByLabel('Why?').inputValue()).toBe('half a sent');

  // And selects some text.
  await page.getByText('Cancel…').click();
  await page.getByText('statement-1', { exact: true }).first().click({ clickCount: 3 });
  const selected = await read(page, 'String(getSelection())');
  expect(selected).toContain('statement-1');
  await poll?.promote();
  await page.getByText(`poll ${polls + 2}: 1 of 2 present`).waitFor();
  expect(await read(page, 'String(getSelection())')).toBe(selected);

  const time = page.locator('time').first();
  expect(await time.getAttribute('title')).toMatch(/Z\n/);

  await page.clock.install();
  await page.goto(`${stage.url}/dashboard/batches?show=running`);
  await page.getByRole('button', { name: 'Pause refresh' }).click();
  await stage.submit('loan-3', 'LOAN_APP', ['statement-3']);
  await page.getByRole('button', { name: 'Resume refresh' }).waitFor();
  // Several times as long as it would refresh after.
  await page.clock.runFor(60_000);
  expect(await page.getByText('loan-3').count()).toBe(0);
  await page.getByRole('button', { name: 'Resume refresh' }).click();
  await page.getByText('loan-3').waitFor();

  await page.emulateMedia({ media: 'print' });
  expect(await page.getByRole('navigation').first().isVisible()).toBe(false);
  expect(await page.getByText('loan-3').isVisible()).toBe(true);
});

it('the reference of the API, and what a server without Redis shows, can be used too', async () => {
  const stage = await startStage({ API_TOKENS_FILE: tokensFile() });
  const { page, complaints } = await openPage();
  await page.goto(`${stage.url}/api/v1/docs`);
  await page.locator('h1').waitFor();
  await expectUsable(page, 'api-reference');
  expect(complaints).toEqual([]);

  const away = await createAtlasBatchServer({
    environment: { ...stage.system.environment, REDIS_URL: 'redis://127.0.0.1:1' },
  });
  onTestFinished(() => away.stop());
  const { url } = await away.listen();
  expect((await page.goto(`${url}/dashboard/batches`))?.status()).toBe(503);
  await page.getByText('Redis does not answer').first().waitFor();
  await expectUsable(page, 'redis-away');
});
