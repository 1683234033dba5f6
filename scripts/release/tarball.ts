/** What the package may hold. */

/** Files that somebody who installs it needs. */
const NEEDED = [
  ...['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json'],
  ...['dist/cli.js', 'dist/index.js', 'dist/index.d.ts', 'dist/client/index.js'],
  ...['dist/simulator/index.js', 'schemas/batch.schema.json', 'deploy/kubernetes/README.md'],
];
/** Everything lies in one of these, or is one of these. */
const PLACES =
  /^(dist|schemas|deploy|docs|examples)\/|^(ARCHITECTURE|CHANGELOG|CONTRIBUTING|README|SECURITY)\.md$|^(LICENSE|package\.json)$/;
/** Of nobody's use there, or nobody's business. Examples show tests. */
const NEVER =
  /(^|\/)\.env$|^(?!examples\/).*\.(test|process)\.|\.(map|tgz|log|pem|key)$|(^|\/)(node_modules|test|secrets)\//;

/** A sentence for each file that is missing or should not be there. */
export function tarballIssues(files: readonly string[]): string[] {
  return [
    ...NEEDED.filter((file) => !files.includes(file)).map((file) => `${file} is missing`),
    ...files
      .filter((file) => !PLACES.test(file) || NEVER.test(file))
      .map((file) => `${file} should not be there`),
  ];
}
