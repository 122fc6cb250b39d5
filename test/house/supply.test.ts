import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
interface Locked {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
}
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
/** What an installation for use has. */
const shipped = locked.filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true);

interface Component {
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly { readonly alg: string }[];
  readonly properties?: readonly { readonly name: string }[];
}
const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();
const namesOf = (components: readonly Component[]): readonly string[] =>
  distinct(components.map(({ name, version }) => `${name}@${version}`));

test('G22: every package of the lock file has the hash of the registry, and none comes from elsewhere', () => {
  expect(locked.length).toBeGreaterThan(100);
  const odd = locked.filter(
    ([, { resolved, integrity = '' }]) =>
      !(resolved ?? 'https://registry.npmjs.org/').startsWith('https://registry.npmjs.org/') ||
      !/^sha512-[\w+/]{86}==$/.test(integrity),
  );
  expect(odd).toEqual([]);
});

test('G22: npm is told to wait a week, to run no script but those allowed, and to take nothing from elsewhere', () => {
  const lines = readFileSync(join(root, '.npmrc'), 'utf8').split('\n');
  const options = lines.filter((line) => line !== '' && !line.startsWith('#'));
  expect(options).toEqual(['min-release-age=7', 'strict-allow-scripts=true', 'allow-git=none', 'allow-remote=none']);
  // Without it the image would be made by other rules.
  expect(readFileSync(join(root, 'packaging/Dockerfile'), 'utf8')).toContain(
    'COPY package.json package-lock.json .npmrc ./',
  );
});

test('G22: the only native code is that of classic-level', () => {
  const native = shipped.filter(([path]) =>
    readdirSync(join(root, path), { recursive: true, encoding: 'utf8' }).some((name) =>
      /\.(?:node|gyp|wasm|so)$/.test(name),
    ),
  );
  expect(native.map(([path]) => nameOf(path))).toEqual(['classic-level']);
});

/** By npm's own list with `--omit dev` some would be missing that a tool for development needs too. */
test('G22: the SBOM names all there is with version and hash, and marks what is for development alone', () => {
  const printed = execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: root, encoding: 'utf8' });
  const { bomFormat, components } = JSON.parse(printed) as {
    readonly bomFormat: string;
    readonly components: readonly Component[];
  };
  expect(bomFormat).toBe('CycloneDX');
  const used = components.filter(
    ({ properties = [] }) => !properties.some(({ name }) => name.endsWith(':development')),
  );
  expect(namesOf(used)).toEqual(distinct(shipped.map(([path, { version }]) => `${nameOf(path)}@${version}`)));
  // It is built into the console.
  expect(namesOf(components)).toEqual(expect.arrayContaining([expect.stringMatching(/^preact@/)]));
  expect(components.filter(({ hashes = [] }) => !hashes.some(({ alg }) => alg === 'SHA-512'))).toEqual([]);
});
