/** The doctor, in surroundings of which all is well or one thing is wrong. */
import { Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import {
  type Simulators,
  type SimulatorsOptions,
  startSimulators,
} from '../../../src/simulator/index.js';
import type { CliRun } from '../run-cli.js';
import { runCommand } from '../run-command.js';

export const BUCKETS = ['results', 'kyc-documents'];

export interface HealthySetup {
  environment: Record<string, string>;
  admin: Redis;
  simulators: Simulators;
}

/** Everything as it should be. */
export async function startHealthy(options: SimulatorsOptions = {}): Promise<HealthySetup> {
  const redis = await startPrivateRedis({ appendOnly: true });
  onTestFinished(() => redis.stop());
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  const simulators = await startSimulators({ ...options, s3: { buckets: BUCKETS, ...options.s3 } });
  onTestFinished(() => simulators.stop());
  const environment = {
    ...simulators.environment,
    REDIS_URL: redis.url,
    RESULTS_BUCKET: 'results',
    S3_ALLOWED_BUCKETS: 'kyc-documents',
  };
  return { environment, admin, simulators };
}

export async function doctor(
  environment: Record<string, string>,
  run: (args: string[], environment: Record<string, string>) => Promise<CliRun> = runCommand,
) {
  const { code, stdout, stderr } = await run(['doctor'], environment);
  expect(stderr).toBe('');
  return { code, lines: stdout.trimEnd().split('\n') };
}

/** The one line that is not well, and the exit code. */
export async function complaint(environment: Record<string, string>): Promise<string> {
  const { code, lines } = await doctor(environment);
  const bad = lines.filter((line) => !line.startsWith('ok '));
  expect([code, bad.length], lines.join('\n')).toEqual([1, 1]);
  return bad[0] ?? '';
}
