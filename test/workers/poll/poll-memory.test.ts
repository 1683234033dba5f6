import { expect, it, onTestFinished } from 'vitest';
import { PollMemory } from '../../../src/workers/poll/poll-memory.js';

const LARGE = 2 * 1024 * 1024;
const LARGE_AT_ONCE = 2;

function startPoll(signal = new AbortController().signal): PollMemory {
  const memory = new PollMemory('BATCH-1', 1, [signal]);
  onTestFinished(() => memory.release());
  return memory;
}

it('the next large poll gets a turn when one is over', async () => {
  const running = Array.from({ length: LARGE_AT_ONCE }, () => startPoll());
  await Promise.all(running.map((poll) => poll.hold(LARGE)));
  const next = startPoll().hold(LARGE);
  running[0]?.release();
  await next;
});

it('a page that arrives when its poll is over takes no turn', async () => {
  for (let poll = 0; poll < LARGE_AT_ONCE; poll += 1) {
    const memory = startPoll();
    memory.release();
    await expect(memory.hold(LARGE)).rejects.toThrow('the poll of BATCH-1 is over');
  }
  await startPoll().hold(LARGE);
});

it('a poll gives up the wait for a turn with the signal, and leaves the turn to the next', async () => {
  const running = Array.from({ length: LARGE_AT_ONCE }, () => startPoll());
  await Promise.all(running.map((poll) => poll.hold(LARGE)));
  const stop = new AbortController();
  const stopped = startPoll(stop.signal);
  const wait = stopped.hold(LARGE);
  stop.abort(new Error('the worker stops'));
  await expect(wait).rejects.toThrow('the worker stops');
  stopped.release();
  const next = startPoll().hold(LARGE);
  running[0]?.release();
  await next;
});
