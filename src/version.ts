/** The version of this package, which logs, metrics and heartbeats name. */
import { createRequire } from 'node:module';

const { version }: { version: string } = createRequire(import.meta.url)('atlas-batch/package.json');

export const VERSION = version;
