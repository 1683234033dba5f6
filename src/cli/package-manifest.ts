/** Reads package.json. It must run on old versions of Node too, to say that they are too old. */
import { createRequire } from 'node:module';

interface Manifest {
  version: string;
  engines: { node: string };
}

const { version, engines }: Manifest = createRequire(import.meta.url)('atlas-batch/package.json');

export const VERSION = version;

/** Says why a version of Node is too old, and what to do. Undefined when it is not. */
export function nodeIssue(nodeVersion: string): string | undefined {
  const [minimum = ''] = /[\d.]+/.exec(engines.node) ?? [];
  const order = nodeVersion.localeCompare(minimum, 'en', { numeric: true });
  if (order >= 0) return undefined;
  return `Node ${nodeVersion} is too old; install ${minimum} or later (nvm install --lts)`;
}
