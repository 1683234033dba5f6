/** Which Node this runs on. Written for older ones too, which it has to tell. */
import { readFileSync } from 'node:fs';

/** What is wrong with a version of Node, and what to do; undefined when it will do. */
export function nodeIssue(version: string): string | undefined {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const needed = String(JSON.parse(manifest).engines.node).replace('>=', '');
  const [minMajor = 0, minMinor = 0] = needed.split('.').map(Number);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return undefined;
  return `Node ${version} is too old; install ${needed} or later (nvm install --lts)`;
}
