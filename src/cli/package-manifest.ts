/** What package.json says. Written for old versions of Node too: it is what tells them. */
import { createRequire } from 'node:module';

interface Manifest {
  version: string;
  engines: { node: string };
}

const { version, engines }: Manifest = createRequire(import.meta.url)('atlas-batch/package.json');

export const VERSION = version;

/** What is wrong with a version of Node, and what to do; undefined when it will do. */
export function nodeIssue(nodeVersion: string): string | undefined {
  const [minimum = ''] = /[\d.]+/.exec(engines.node) ?? [];
  const order = nodeVersion.localeCompare(minimum, 'en', { numeric: true });
  if (order >= 0) return undefined;
  return `Node ${nodeVersion} is too old; install ${minimum} or later (nvm install --lts)`;
}
