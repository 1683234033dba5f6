import { expect, onTestFinished, test, vi } from 'vitest';
import { runUntilSignal } from '../../src/cli/run-until-signal.js';
import { pause } from '../../src/timeouts.js';

/** Makes exits visible, and lets go of signals afterwards. */
function watchExits(): () => unknown[] {
  const exit = vi.spyOn(process, 'exit').mockImplementation(((code: number) => {
    throw new Error(`exit ${code}`);
  }) as never);
  onTestFinished(() => {
    exit.mockRestore();
    process.removeAllListeners('SIGTERM').removeAllListeners('SIGINT');
  });
  return () => exit.mock.calls.flat();
}

test('a start that fails while it is told to stop says why', async () => {
  const exits = watchExits();
  const start = async (): Promise<never> => {
    process.emit('SIGTERM');
    await pause(50);
    throw new Error('refused');
  };
  await expect(runUntilSignal(start)).rejects.toThrow('refused');
  expect(exits()).toEqual([]);
  expect(() => process.emit('SIGTERM')).toThrow('exit 1');
});

test('a start that waits is left when it is told to stop, and what runs already is stopped', async () => {
  watchExits();
  const stop = vi.fn(async () => {});
  const start = (started: (part: { stop(): Promise<void> }) => void) => {
    started({ stop });
    process.emit('SIGTERM');
    return new Promise<never>(() => {});
  };
  await expect(runUntilSignal(start)).rejects.toThrow('exit 0');
  expect(stop).toHaveBeenCalledOnce();
});

test.each([
  [false, 'exit 0'],
  [true, 'exit 1'],
])('a stop that has lost something (%s) ends the process with %s', async (lost, ends) => {
  watchExits();
  const start = async () => {
    process.emit('SIGTERM');
    return { stop: async () => {}, hasLost: () => lost };
  };
  await expect(runUntilSignal(start)).rejects.toThrow(ends);
});

test.each([
  ['SIGTERM', 'exit 143'],
  ['SIGINT', 'exit 130'],
] as const)('a second signal, %s, ends the process at once with %s', async (name, ends) => {
  watchExits();
  void runUntilSignal(async () => ({ stop: () => new Promise(() => {}) }));
  process.emit('SIGTERM');
  expect(() => process.emit(name, name)).toThrow(ends);
});
