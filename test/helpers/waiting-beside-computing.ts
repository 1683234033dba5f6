/** In which order the files of a run begin. Named in vitest.config.ts. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Integration tests wait for back-offs and locks, and the longest of them take a minute; the others compute. In turn
 * they keep the cores busy, and the many short files fill what is left at the end.
 */
export class WaitingBesideComputing extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isIntegration = ({ moduleId }: TestSpecification) =>
      moduleId.includes('/test/integration/');
    const waiting = sorted.filter(isIntegration);
    const computing = sorted.filter((file) => !isIntegration(file));
    const inTurn = waiting.flatMap((file, i) => [file, ...computing.slice(i, i + 1)]);
    return [...inTurn, ...computing.slice(waiting.length)];
  }
}
