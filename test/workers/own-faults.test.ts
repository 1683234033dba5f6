import { expect, it, onTestFinished, vi } from 'vitest';
import { OwnFaultError } from '../../src/errors.js';
import { OwnFaults } from '../../src/workers/own-faults.js';
import { WorkerStatus } from '../../src/workers/worker-status.js';

const FAULT = new OwnFaultError('BUCKET_NOT_ALLOWED', 'the list lacks kyc');

it('a worker with a fault of its own leaves batches to others for a second, and is not ready for a minute', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const codes: string[] = [];
  const lines: string[] = [];
  const logger = { warn: (_: object, line: string) => void lines.push(line) };
  const faults = new OwnFaults({
    logger: logger as never,
    onFault: (code) => void codes.push(code),
  });
  const status = new WorkerStatus();
  status.notStarted = null;
  status.ownFaults = faults;
  expect([faults.holdIntake, faults.latest]).toEqual([false, null]);

  for (let n = 0; n < 3; n += 1) faults.note(FAULT);
  expect(faults.holdIntake).toBe(true);
  expect(status.whyNotReady()).toEqual([expect.stringContaining('the list lacks kyc')]);
  expect(codes).toEqual(Array(3).fill('BUCKET_NOT_ALLOWED'));
  vi.advanceTimersByTime(1000);
  expect(faults.holdIntake).toBe(false);
  expect(status.whyNotReady()).toHaveLength(1);
  vi.advanceTimersByTime(59_000);
  expect(status.whyNotReady()).toEqual([]);
  expect(lines).toEqual([
    expect.stringMatching(/not configured .*: the list lacks kyc$/),
    expect.stringContaining('2 times more'),
  ]);
});
