import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { transformWithOxc } from 'vite';
import { below, prng } from '../support/prng.ts';
import { type Mutant, mutantsOf, mutated } from './mutants.ts';
import { argumentsOf, script } from './script.ts';

const root = join(import.meta.dirname, '../..');
/** What no test may let pass (G21), and the tests that are near it. */
const parts: Readonly<Record<string, { readonly files: readonly string[]; readonly tests: readonly string[] }>> = {
  acknowledgement: {
    files: ['streams/ingest.ts', 'src/store/custody.ts', 'src/store/group-commit.ts', 'src/store/commit-log.ts'],
    tests: [
      'streams/ingest',
      'store/custody',
      'store/log/commit-log',
      'store/log/segment-faults',
      'store/log/bytes',
      'store/reopening-store',
      'store/purge',
      'store/given-back',
    ],
  },
  ledger: {
    files: ['src/pop3/book.ts', 'src/pop3/ledger-writer.ts', 'src/pop3/item-run.ts', 'src/store/uidl-store.ts'],
    tests: ['pop3/', 'store/store.test', 'store/ledger-days'],
  },
  chain: {
    files: ['src/store/record.ts', 'src/merkle.ts', 'src/store/log-tree.ts', 'src/evidence/head.ts'],
    tests: [
      'store/log/record',
      'evidence/',
      'store/log-tree',
      'store/log/recovery',
      'store/log/commit-log',
      'store/log/sealed',
      'engine/anchors',
      'engine/scrub',
    ],
  },
  lock: { files: ['src/store/lock.ts'], tests: ['store/log/lock'] },
};
/** Of one run of tests; beyond it a mutant hangs, which is found out too. */
const withinMs = 240_000;

/** A copy of all that is tracked, in which a mutant harms nobody. Its build passes for the newest there is. */
function openCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), 'daybook-mutants-'));
  const tracked = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  for (const name of [...tracked.split('\0').slice(0, -1), 'dist']) {
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    cpSync(join(root, name), join(copy, name), { recursive: true, preserveTimestamps: true });
  }
  utimesSync(join(copy, 'dist/bin/main.js'), new Date(), new Date());
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

async function passes(copy: string, command: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(join(copy, 'node_modules/.bin', command), args, {
    cwd: copy,
    stdio: 'ignore',
    timeout: withinMs,
    killSignal: 'SIGKILL',
  });
  return (await once(child, 'exit'))[0] === 0;
}
const testsPass = (copy: string, tests: readonly string[]): Promise<boolean> =>
  passes(copy, 'vitest', [
    'run',
    '--config',
    'test/vitest.config.ts',
    '--bail',
    '1',
    ...tests.map((name) => `test/${name}`),
  ]);
/** As many seeds as take some seconds: what no near test notices, but mail is lost by. */
const simulationPasses = (copy: string): Promise<boolean> =>
  passes(copy, 'tsx', ['test/simulation/seeds.script.ts', '--seeds', '25']);

/** True where some test fails with it. */
async function isNoticed(copy: string, mutant: Mutant, tests: readonly string[]): Promise<boolean> {
  const path = join(copy, mutant.file);
  const source = readFileSync(path, 'utf8');
  const put = (text: string): void => {
    writeFileSync(path, text);
    utimesSync(path, new Date(0), new Date(0));
  };
  try {
    put(mutated(source, mutant));
    return !(await testsPass(copy, tests)) || !(await simulationPasses(copy));
  } finally {
    put(source);
  }
}

const shown = ({ after }: Mutant): string => (after === '' ? 'nothing' : after.trim());

/** One that is no TypeScript at all would be noticed by anything. */
async function isProgram(mutant: Mutant): Promise<boolean> {
  const text = mutated(readFileSync(join(root, mutant.file), 'utf8'), mutant);
  return transformWithOxc(text, mutant.file).then(
    () => true,
    () => false,
  );
}

/** So many of all mutants of a part, drawn by chance. */
async function drawn(files: readonly string[], count: number, random: () => number): Promise<readonly Mutant[]> {
  const all = files.flatMap((file) => [...mutantsOf(file, readFileSync(join(root, file), 'utf8'))]);
  const chosen: Mutant[] = [];
  while (all.length > 0 && chosen.length < count) {
    const [mutant] = all.splice(below(random, all.length), 1);
    if (mutant !== undefined && (await isProgram(mutant))) chosen.push(mutant);
  }
  return chosen;
}

const { mutants, workers, seed } = argumentsOf({ mutants: 40, workers: 2, seed: Date.now() % 1_000_000 });
await script(async () => {
  const random = prng(seed);
  const counts = Object.values(parts).map(({ files }) => files.length);
  const each = mutants / counts.reduce((sum, count) => sum + count, 0);
  const waiting: { readonly part: string; readonly mutant: Mutant; readonly tests: readonly string[] }[] = [];
  for (const [part, { files, tests }] of Object.entries(parts)) {
    for (const mutant of await drawn(files, Math.round(each * files.length), random))
      waiting.push({ part, mutant, tests });
  }
  const tried: Record<string, { mutants: number; noticed: number }> = {};
  const passed: string[] = [];
  const copies = Array.from({ length: workers }, openCopy);
  try {
    const work = async (copy: string): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const { part, mutant, tests } = next;
        const noticed = await isNoticed(copy, mutant, tests);
        const before = tried[part] ?? { mutants: 0, noticed: 0 };
        tried[part] = { mutants: before.mutants + 1, noticed: before.noticed + Number(noticed) };
        if (!noticed) passed.push(`${mutant.file}:${mutant.line}: ${mutant.before.trim()} → ${shown(mutant)}`);
        console.error(`${noticed ? 'noticed' : 'PASSED '} ${mutant.file}:${mutant.line}: ${shown(mutant)}`);
      }
    };
    await Promise.all(copies.map(work));
  } finally {
    for (const copy of copies) rmSync(copy, { recursive: true, force: true });
  }
  const all = Object.values(tried);
  const score = all.reduce((sum, { noticed }) => sum + noticed, 0) / all.reduce((sum, { mutants: n }) => sum + n, 0);
  return { held: score >= 0.85, figures: { seed, score: Math.round(score * 1000) / 1000, tried, passed } };
});
