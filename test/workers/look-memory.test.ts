import { expect, it, onTestFinished } from 'vitest';
import { LookMemory } from '../../src/workers/look-memory.js';

const LARGE = 2 * 1024 * 1024;
const LARGE_AT_ONCE = 2;

function startLook(signal = new AbortController().signal): LookMemory {
  const memory = new LookMemory('BATCH-1', 1, [signal]);
  onTestFinished(() => memory.release());
  return memory;
}

it('gives a turn to the next large look when one is over', async () => {
  const running = Array.from({ length: LARGE_AT_ONCE }, () => startLook());
  await Promise.all(running.map((look) => look.hold(LARGE)));
  const next = startLook().hold(LARGE);
  running[0]?.release();
  await next;
});

it('takes no turn for a page that arrives when its look is over', async () => {
  for (let look = 0; look < LARGE_AT_ONCE; look += 1) {
    const memory = startLook();
    memory.release();
    await expect(memory.hold(LARGE)).rejects.toThrow('the look at BATCH-1 is over');
  }
  await startLook().hold(LARGE);
});

it('gives up the wait for a turn with the signal, and leaves the turn to the next', async () => {
  const running = Array.from({ length: LARGE_AT_ONCE }, () => startLook());
  await Promise.all(running.map((look) => look.hold(LARGE)));
  const stop = new AbortController();
  const stopped = startLook(stop.signal);
  const wait = stopped.hold(LARGE);
  stop.abort(new Error('the worker stops'));
  await expect(wait).rejects.toThrow('the worker stops');
  stopped.release();
  const next = startLook().hold(LARGE);
  running[0]?.release();
  await next;
});
