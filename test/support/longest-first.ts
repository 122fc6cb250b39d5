import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Minutes of computing, while most other files wait for processes half of their time. */
const longest = [
  'simulation/crash.test.ts',
  'faults/kill.test.ts',
  'console/archive.test.ts',
  'faults/exchange.test.ts',
  'console/shell.test.ts',
];

/** The longest files first: begun last, one of them would go on alone at the end while the other core rests. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
