/** In which order the files of a run begin. Named in vitest.config.ts. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Integration tests wait for back-offs and locks, and the longest of them take a minute: they begin
 * first, and the many short files fill what is left at the end.
 */
export class IntegrationFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isIntegration = ({ moduleId }: TestSpecification) =>
      moduleId.includes('/test/integration/');
    return [...sorted.filter(isIntegration), ...sorted.filter((file) => !isIntegration(file))];
  }
}
