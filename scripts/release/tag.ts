/** What is wrong with the tag of a release: what npm would refuse at the last step, or the changelog lacks. Pure. */
import { z } from 'zod';

const manifestSchema = z.object({ version: z.string(), repository: z.unknown().optional() });

/** What is wrong with a tag, one sentence each. @param manifest `package.json`, parsed. */
export function tagIssues(tag: string, manifest: unknown, changelog: string): string[] {
  const { version, repository } = manifestSchema.parse(manifest);
  return [
    ...(tag === `v${version}` ? [] : [`package.json has the version ${version}`]),
    ...(changelog.includes(`\n## [${version}]`) ? [] : [`CHANGELOG.md has no section ${version}`]),
    ...(repository === undefined
      ? ['package.json names no repository, which npm publish --provenance wants']
      : []),
  ];
}
