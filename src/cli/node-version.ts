/** Which Node this runs on. Written for older ones too: it is what tells them. */

/** As in package.json: `engines`. */
const MIN_MAJOR = 20;
const MIN_MINOR = 19;

/** What is wrong with a version of Node, and what to do; undefined when it will do. */
export function nodeIssue(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > MIN_MAJOR || (major === MIN_MAJOR && minor >= MIN_MINOR)) return undefined;
  return `Node ${version} is too old; install ${MIN_MAJOR}.${MIN_MINOR} or later (nvm install --lts)`;
}
