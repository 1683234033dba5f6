/**
 * What an operator is called for at night: by pages, each step a click or an address, and by the command line, each
 * step a command. Beside these: the 300 batches and the stuck one, in many-batches.e2e.ts.
 */
import { Queue } from 'bullmq';
import { expect, it } from 'vitest';
import { runCommand } from '../cli/run-command.js';
import { dumpRedis } from '../helpers/dump-redis.js';
import { waitUntil } from '../helpers/wait-until.js';
import { startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';
import { openPage } from './open-page.js';
import { expectUsable } from './pictures.js';
import { run, type Stage, startStage } from './stage.js';

const GIVEN_UP = 40;

const hasEnded = ({ system }: Stage, reference: string) =>
  waitUntil(`the end of ${reference}`, async () => {
    const job = await system.batches.getJob(`batch-${reference}`);
    return job?.finishedOn !== undefined;
  });

it('40 webhooks that were given up are redelivered in three steps by page, and in one by command', async () => {
  let isBroken = true;
  const receiver = await startReceiver(() => ({ status: isBroken ? 410 : 204 }));
  const stage = await startStage({
    COMPLETION_WEBHOOK_URL: receiver.url,
    COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
  });
  const { redis, prefix } = stage.system;
  const webhooks = new Queue('atlas-webhooks', { connection: redis, prefix });
  const counted = (state: 'failed' | 'completed') =>
    waitUntil(`${GIVEN_UP} ${state} webhooks`, async () => {
      return (await webhooks.getJobCounts(state))[state] === GIVEN_UP;
    });
  for (let i = 0; i < GIVEN_UP; i += 1) await stage.submit(`loan-${i}`, 'LOAN_APP', ['pan']);
  await counted('failed');

  isBroken = false;
  const { page, complaints } = await openPage();
  const url = `${stage.url}/dashboard/batches`;
  // 1
  await page.goto(url);
  await page.getByText(`${GIVEN_UP} webhooks were given up`).waitFor();
  await expectUsable(page, 'given-up');
  // 2
  await page.getByRole('button', { name: 'Send all of them again…' }).click();
  await expectUsable(page, 'redeliver-preview');
  // 3
  await page.getByRole('button', { name: `Redeliver ${GIVEN_UP} events` }).click();
  await page.getByText(`${GIVEN_UP} of ${GIVEN_UP} events redelivered. It is done`).waitFor();
  await counted('completed');
  await expectUsable(page, 'redeliver-progress');
  await page.goto(`${url}/loan-0`);
  await page.getByRole('heading', { name: 'Webhook' }).waitFor();
  await expectUsable(page, 'batch-webhook');

  isBroken = true;
  await run(stage, 'redeliver', '--since', '1h');
  await counted('failed');
  isBroken = false;
  // 1
  await run(stage, 'redeliver', '--given-up');
  await counted('completed');
  const ids = receiver.deliveries.map(({ id }) => id);
  expect(new Set(ids).size).toBe(GIVEN_UP);
  expect(complaints).toEqual([]);
});

it('a document that comes late is taken, and seen in one step by page and by command', async () => {
  const stage = await startStage({
    BATCH_DEADLINE_MS: '4000',
    RESUBMIT_MISSING: '0',
    LATE_RESULTS_FOR_MS: '64000',
  });
  await stage.submit('loan-1', 'LOAN_APP', ['pan', 'slip-1']);
  await stage.system.event('done-loan-1');
  const { page, complaints } = await openPage();
  const url = `${stage.url}/dashboard/batches`;
  // 1
  await page.goto(`${url}/loan-1`);
  await page.locator('h1', { hasText: 'Failed' }).waitFor();
  await page.getByText('INCOMPLETE').first().waitFor();
  stage.system.atlas.completeNow();
  await page.locator('h1', { hasText: 'Completed' }).waitFor();
  await page.getByText('2 / 2').first().waitFor();
  // 1
  expect(await run(stage, 'status', 'loan-1', '--timeline')).toMatch(
    /completed .*2 of 2 present.*late/s,
  );
  expect(complaints).toEqual([]);
});

it('a loan is erased in three steps by page, and in one by command, with nothing left', async () => {
  const stage = await startStage();
  const { system } = stage;
  for (const reference of ['loan-8841', 'loan-8842', 'card-1']) {
    await stage.submit(reference, 'LOAN_APP', ['pan']);
    await system.event(`done-${reference}`);
    await hasEnded(stage, reference);
  }
  const { page, complaints } = await openPage();
  const url = `${stage.url}/dashboard/batches`;
  // 1
  await page.goto(`${url}/loan-8841`);
  // 2
  await page.getByText('Erase…').click();
  await page.getByLabel('Its reference, to be sure').fill('loan-8841');
  await page.getByLabel('Why?').fill('ticket 4711');
  // 3
  await page.getByRole('button', { name: 'Erase this batch' }).click();
  await page.getByText('It is erased.').waitFor();
  // 1
  await run(stage, 'erase', 'loan-8842', '--yes', '--reason', 'ticket 4712');
  const dump = await dumpRedis(system.redis, system.prefix);
  expect(dump).toContain('card-1');
  expect(dump).not.toContain('loan-884');
  const kept = system.s3.versions(system.environment.RESULTS_BUCKET ?? '');
  expect(new Set(kept.map(({ key }) => key.split('/')[0]))).toEqual(new Set(['card-1']));
  expect(complaints).toEqual([]);
});

it('who has cancelled a batch is seen in two steps by page, and in two by command', async () => {
  const stage = await startStage();
  await stage.submit('loan-1', 'LOAN_APP', ['pan', 'slip-1']);
  await run(stage, 'cancel', 'loan-1', '--operator', 'asha', '--reason', 'sent by mistake');
  await hasEnded(stage, 'loan-1');
  const { page, complaints } = await openPage();
  const url = `${stage.url}/dashboard/batches`;
  // 1
  await page.goto(`${url}?show=cancelled&since=24h`);
  // 2
  await page.getByRole('link', { name: 'loan-1' }).click();
  await page.getByText('cancel by asha (cli): cancelling, because: sent by mistake').waitFor();
  // 1
  const list = await runCommand(
    ['list', '--state', 'cancelled', '--since', '24h'],
    stage.system.environment,
  );
  expect(list.stdout).toContain('loan-1');
  // 2
  const status = await runCommand(['status', 'loan-1', '--timeline'], stage.system.environment);
  expect(status.stdout).toMatch(
    /\d{4}-\d\d-\d\dT[\d:.]+Z {2}cancel by asha \(cli\): cancelling, because: sent by mistake/,
  );
  expect(complaints).toEqual([]);
});
