import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withOptionTables } from '../../src/write-docs.ts';

const root = join(import.meta.dirname, '../..');
const tracked = (): readonly string[] =>
  ['src', 'machines', 'streams', 'bench'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  );
const sources = tracked().filter((name) => /\.tsx?$/.test(name));
const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
  .map((name) => join('test', name));
const text = (name: string): string => readFileSync(join(root, name), 'utf8');

test('no source file is longer than 250 lines but by a reason in DECISIONS', () => {
  const decisions = text('src/DECISIONS.md');
  const long = sources.filter((name) => text(name).split('\n').length > 251 && !decisions.includes(name));
  expect(long).toEqual([]);
});

test('the README holds the option tables that the schema prints', () => {
  const readme = text('README.md');
  expect(readme.length).toBeGreaterThan(5_000);
  expect(readme).toBe(withOptionTables(readme));
});

test('the top level holds what it may hold', () => {
  const allowed = [
    '.ci',
    '.git',
    '.gitignore',
    '.npmrc',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'bench',
    'biome.json',
    'dist',
    'docs',
    'machines',
    'node_modules',
    'package-lock.json',
    'package.json',
    'packaging',
    'src',
    'streams',
    'test',
    'tsconfig.json',
  ];
  expect(readdirSync(root).filter((name) => !allowed.includes(name))).toEqual([]);
});

test('every dependency does work, and each added one has its reason in DECISIONS', () => {
  const { dependencies } = JSON.parse(text('package.json')) as { dependencies: Record<string, string> };
  const imports = sources
    .filter((name) => !name.startsWith('bench'))
    .map(text)
    .join('\n');
  const decisions = text('src/DECISIONS.md');
  for (const [name, version] of Object.entries(dependencies)) {
    expect(imports, `${name} is imported`).toMatch(new RegExp(`['"]${name}(/[^'"]*)?['"]`));
    expect(decisions, `${name} is in DECISIONS`).toContain(name);
    expect(version, `${name} is pinned`).toMatch(/^\d+\.\d+\.\d+$/);
  }
});

/** A violation of each fence, and the rule that must say so. */
const planted: readonly (readonly [file: string, code: string, rule: string])[] = [
  ['streams/up.ts', "import { createActor } from 'xstate';\n\nexport const x = createActor;\n", 'noRestrictedImports'],
  ['streams/time.ts', 'export const x = () => Date.now();\n', 'noRestrictedGlobals'],
  [
    'machines/disk.ts',
    "import { readFile } from 'node:fs/promises';\n\nexport const x = readFile;\n",
    'noRestrictedImports',
  ],
  ['machines/timer.ts', 'export const x = () => setTimeout(() => 0, 1);\n', 'noRestrictedGlobals'],
  ['src/smtp/room.ts', "import { x } from '../store/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  [
    'src/report/parser.ts',
    "import { simpleParser } from 'mailparser';\n\nexport const x = simpleParser;\n",
    'noRestrictedImports',
  ],
  ['src/store/shared.ts', "import { x } from '../cluster/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  ['src/http/database.ts', "import { Pool } from 'pg';\n\nexport const x = Pool;\n", 'noRestrictedImports'],
  ['src/engine/knows.ts', "import { x } from '../cluster/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  ['src/cluster/room.ts', "import { x } from '../smtp/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  ['src/detail/mail.ts', "import { x } from '../content/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  ['src/pop3/detail.ts', "import { x } from '../detail/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  ['src/alert/engine.ts', "import { x } from '../engine/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  ['src/http/config.ts', "import { x } from '../config/fault.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  ['src/cli/engine.ts', "import { Level } from 'level';\n\nexport const x = Level;\n", 'noRestrictedImports'],
  ['src/engine/page.ts', "import { x } from '../console/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  ['src/console/pages/room.ts', "import { x } from '../../http/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  ['src/console/wire.types.ts', "import { x } from '../store/y.ts';\n\nexport { x };\n", 'noRestrictedImports'],
  [
    'src/console/markup.tsx',
    'export const X = () => <p dangerouslySetInnerHTML={{ __html: location.hash }} />;\n',
    'noDangerouslySetInnerHtml',
  ],
  ['src/default.ts', 'export default 1;\n', 'noDefaultExport'],
  ['src/undeclared.ts', "import x from 'lodash';\n\nexport const y = x;\n", 'noUndeclaredDependencies'],
];

test('each fence fires on a planted violation, and not on what is allowed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-fences-'));
  try {
    for (const name of ['biome.json', 'package.json']) cpSync(join(root, name), join(folder, name));
    const allowed = [['streams/allowed.ts', "import { map } from 'rxjs';\n\nexport const x = map;\n"]] as const;
    for (const [file, code] of [...planted, ...allowed]) {
      mkdirSync(join(folder, file, '..'), { recursive: true });
      writeFileSync(join(folder, file), code);
    }
    const biome = join(root, 'node_modules/.bin/biome');
    const args = ['lint', '--vcs-enabled=false', '--max-diagnostics=200', '--reporter=github', '.'];
    const { stdout } = spawnSync(biome, args, { cwd: folder, encoding: 'utf8' });
    for (const [file, , rule] of planted) {
      expect(
        stdout
          .split('\n')
          .filter((line) => line.includes(file))
          .join('\n'),
        file,
      ).toContain(rule);
    }
    expect(stdout).not.toContain('streams/allowed.ts');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('each row of journaling e.1 has a test that carries its number', () => {
  const titles = tests.flatMap((name) => text(name).match(/(?:test|it|describe)(?:\.each)?\([`'"][^`'"]*/g) ?? []);
  const named = tests.flatMap((name) => text(name).match(/\)\([`'"]S\d[^`'"]*/g) ?? []);
  const carried = new Set([...titles, ...named].flatMap((title) => title.match(/\bS\d{1,2}\b/g) ?? []));
  const rows = Array.from({ length: 19 }, (_, at) => `S${at + 1}`);
  expect(rows.filter((row) => !carried.has(row))).toEqual([]);
});

test('no package runs a script at its installation but those that may', () => {
  const { packages } = JSON.parse(text('package-lock.json')) as {
    readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
  };
  const { allowScripts } = JSON.parse(text('package.json')) as {
    readonly allowScripts: Readonly<Record<string, true>>;
  };
  const running = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
  const names = running.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
  expect([...new Set(names)].toSorted()).toEqual(Object.keys(allowScripts).toSorted());
});
