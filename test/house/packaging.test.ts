import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const scripts = readdirSync(join(root, 'dist/bin')).filter((name) => name.endsWith('.js'));

/** Names that a script of the binary asks for, as the bundler writes them. */
function asked(script: string): readonly string[] {
  const source = text(`dist/bin/${script}`).replace(/^\s*\*.*$/gm, '');
  const statements = source.matchAll(/^(?:import|export)\b[^'";]*?["']([^"'\s]+)["'];/gm);
  const calls = source.matchAll(/\b(?:__require|import)\("([^"\s]+)"\)/g);
  return [...statements, ...calls].map(([, name = '']) => name);
}

test('the binary loads nothing from node_modules but what has files of its own beside it, and is whole', () => {
  const names = scripts.flatMap(asked);
  expect(names.length).toBeGreaterThan(50);
  const packages = names.filter((name) => !name.startsWith('.') && !isBuiltin(name));
  expect([...new Set(packages)].toSorted()).toEqual(['classic-level', 'pino-pretty']);
  const missing = names.filter((name) => name.startsWith('./') && !scripts.includes(name.slice(2)));
  expect(missing).toEqual([]);
});

test('each file of the binary is in memory with a byte for each character', () => {
  expect(scripts.filter((script) => /[^\0-\xff]/.test(text(`dist/bin/${script}`)))).toEqual([]);
});

test('threads find their scripts beside whichever file starts them', () => {
  const started = scripts.flatMap((script) =>
    [...text(`dist/bin/${script}`).matchAll(/new URL\("\.\/([\w.-]+\.js)", import\.meta\.url\)/g)].map(
      ([, name]) => name,
    ),
  );
  expect(started.toSorted()).toEqual(['large-mail.worker.js', 'worker.js']);
  expect(started.filter((name = '') => !scripts.includes(name))).toEqual([]);
});

test('what image, unit and package name is there once it is built', () => {
  const image = text('packaging/Dockerfile');
  const copied = [...image.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '));
  const entry = /^ENTRYPOINT \["node", "(\S+)"\]$/m.exec(image)?.[1];
  const unit = /^ExecStart=\/usr\/bin\/node \/opt\/daybook\/(\S+) /m.exec(text('packaging/daybook.service'))?.[1];
  const { bin, files } = JSON.parse(text('package.json')) as { bin: { daybook: string }; files: readonly string[] };
  expect([entry, unit]).toEqual([bin.daybook, bin.daybook]);
  expect(copied).toEqual(expect.arrayContaining(['dist/bin', 'dist/console', 'package-lock.json']));
  expect([bin.daybook, ...copied, ...files].filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('a browser fetches the whole console in 60 KB at most', () => {
  const files = readdirSync(join(root, 'dist/console'), { recursive: true, withFileTypes: true });
  const sizes = files
    .filter((file) => file.isFile())
    .map(({ parentPath, name }) => gzipSync(readFileSync(join(parentPath, name)), { level: 9 }).length);
  expect(sizes.length).toBeGreaterThan(2);
  expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(60_000);
});
