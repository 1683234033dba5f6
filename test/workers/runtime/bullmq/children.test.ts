/** How the end of children moves their parent. */
import { ErrorCode } from 'bullmq';
import { expect, test } from 'vitest';
import { LONG_MS, startBullmq, TOKEN } from './start-bullmq.js';

test('moveToWaitingChildren returns false when no child is pending', async () => {
  const { fetchOne, addChild, endChild, stateOf } = startBullmq();
  const job = await fetchOne();
  await addChild('child', 'one');
  await endChild('child');
  expect(await job.moveToWaitingChildren(TOKEN)).toBe(false);
  expect(await stateOf('one')).toBe('active');
});

test('the last child that ends wakes a parent that waits for children', async () => {
  const { fetchOne, addChild, endChild, stateOf } = startBullmq();
  const job = await fetchOne();
  await addChild('child', 'one');
  expect(await job.moveToWaitingChildren(TOKEN)).toBe(true);
  await expect(job.promote()).rejects.toMatchObject({ code: ErrorCode.JobNotInState });
  await endChild('child');
  expect(await stateOf('one')).toBe('waiting');
});

test('the end of a child does not wake a parent that is delayed', async () => {
  const { fetchOne, addChild, endChild, stateOf } = startBullmq();
  const job = await fetchOne();
  await addChild('child', 'one');
  await job.moveToDelayed(Date.now() + LONG_MS, TOKEN);
  await endChild('child');
  expect(await stateOf('one')).toBe('delayed');
});

test('a child that completed may be added again, and nobody waits for it', async () => {
  const { fetchOne, addChild, endChild } = startBullmq();
  const job = await fetchOne();
  await addChild('child', 'one');
  await endChild('child');
  await addChild('child', 'one');
  expect(await job.moveToWaitingChildren(TOKEN)).toBe(false);
});

test('a child that failed and is added again is waited for, and does not run', async () => {
  const { fetchOne, addChild, endChild, children, stateOf } = startBullmq();
  const job = await fetchOne();
  const options = { continueParentOnFailure: true };
  await addChild('child', 'one', options);
  await endChild('child', new Error('broken'));
  await addChild('child', 'one', options);
  expect(await job.moveToWaitingChildren(TOKEN)).toBe(true);
  expect(await stateOf('one')).toBe('waiting-children');
  expect(await children.getJobState('child')).toBe('failed');
});

test('a child that ended and is retried is waited for again', async () => {
  const { fetchOne, addChild, endChild, children } = startBullmq();
  const job = await fetchOne();
  await addChild('child', 'one');
  await endChild('child');
  await (await children.getJob('child'))?.retry('completed');
  expect(await job.moveToWaitingChildren(TOKEN)).toBe(true);
});

test('a child that fails wakes its parent when it was added with continueParentOnFailure', async () => {
  const { fetchOne, addChild, endChild, stateOf } = startBullmq();
  const job = await fetchOne();
  await addChild('child', 'one', { continueParentOnFailure: true });
  await job.moveToWaitingChildren(TOKEN);
  await endChild('child', new Error('broken'));
  expect(await stateOf('one')).toBe('waiting');
});

test('a child that is removed by hand wakes its parent', async () => {
  const { fetchOne, addChild, stateOf } = startBullmq();
  const job = await fetchOne();
  const child = await addChild('child', 'one');
  await job.moveToWaitingChildren(TOKEN);
  await child.remove();
  expect(await stateOf('one')).toBe('waiting');
});

test('a child may be added to a parent that failed', async () => {
  const { fetchOne, addChild, stateOf } = startBullmq();
  const job = await fetchOne();
  await job.moveToFailed(new Error('broken'), TOKEN, false);
  await addChild('child', 'one');
  expect(await stateOf('one')).toBe('failed');
});
