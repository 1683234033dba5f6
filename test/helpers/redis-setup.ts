/** Starts one private Redis for a whole test run, and bundles the command line. Named in vitest.config.ts. */
import type { TestProject } from 'vitest/node';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { bundleCli, isCompiled } from './cli-bundle.js';
import { LONG } from './long-form.js';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const redis = await startPrivateRedis();
  project.provide('redisUrl', redis.url);
  // The long form runs what is shipped, and many tests start no process.
  const bundle = LONG || !isCompiled() ? undefined : await bundleCli(redis.url);
  project.provide('bundledCli', bundle?.cli ?? null);
  return async () => {
    await Promise.all([redis.stop(), bundle?.remove()]);
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    redisUrl: string;
    /** What takes the place of `dist/cli.js`; null where that is run itself. */
    bundledCli: string | null;
  }
}
