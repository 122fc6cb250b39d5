import { expect, test } from 'vitest';
import { mutantsOf, mutated } from './mutants.ts';

const source = `import { a } from './a.ts';

/** True || false, said of it. */
export interface Port {
  done(at: number): boolean;
}
export async function f(port: Port, n: number): Promise<void> {
  if (n > 1 && port.done(n)) throw new Error('x');
  await port.sync();
  this.#n = n + 1;
}
`;

test('each slip of a line is a mutant of its own; types, imports and comments have none', () => {
  const mutants = mutantsOf('f.ts', source);
  expect([...new Set(mutants.map(({ line }) => line))]).toEqual([8, 9, 10]);
  expect(mutants.map(({ after }) => after.trim())).toEqual([
    "if (n >= 1 && port.done(n)) throw new Error('x');",
    "if (n > 1 || port.done(n)) throw new Error('x');",
    "if (false && n > 1 && port.done(n)) throw new Error('x');",
    "if (true || n > 1 && port.done(n)) throw new Error('x');",
    'port.sync();',
    '',
    'this.#n = n - 1;',
    '',
  ]);
  const [, , , , , forgotten] = mutants;
  expect(mutated(source, forgotten!)).toBe(source.replace('  await port.sync();', ''));
});
