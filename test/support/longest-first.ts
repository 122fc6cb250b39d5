import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The simulation, which computes for minutes on one core; beside it what mostly waits for processes; then what computes
 * again, the longest of it first.
 */
const order = ['simulation/crash', 'faults/', 'journeys/', 'console/', 'stories/', 'fuzz/'];

/** The longest files first: begun last, one of them would go on alone at the end while the other core rests. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = order.findIndex((name) => moduleId.includes(`/test/${name}`));
      return at < 0 ? order.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
