/** Starts one private Redis for a whole test run. Named in vitest.config.ts. */
import type { TestProject } from 'vitest/node';
import { startPrivateRedis } from '../../scripts/private-redis.js';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const redis = await startPrivateRedis();
  project.provide('redisUrl', redis.url);
  return () => redis.stop();
}

declare module 'vitest' {
  interface ProvidedContext {
    redisUrl: string;
  }
}
