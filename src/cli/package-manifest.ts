/** Reads package.json. It must run on old versions of Node too, to say that they are too old. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

interface Manifest {
  homepage?: string;
  engines: { node: string };
}

const require = createRequire(import.meta.url);
const { engines, homepage }: Manifest = require('atlas-batch/package.json');

/** Where the docs are: on the web, or in this package. */
export const DOCUMENTATION =
  homepage ?? join(dirname(require.resolve('atlas-batch/package.json')), 'docs', 'README.md');

/** Says why a version of Node is too old, and what to do. Undefined when it is not. */
export function nodeIssue(nodeVersion: string): string | undefined {
  const [minimum = ''] = /[\d.]+/.exec(engines.node) ?? [];
  const order = nodeVersion.localeCompare(minimum, 'en', { numeric: true });
  if (order >= 0) return undefined;
  return `Node ${nodeVersion} is too old; install ${minimum} or later (nvm install --lts)`;
}
