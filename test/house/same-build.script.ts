import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
/** Two machines could hardly differ in more: place, hour, language, umask. */
const surroundings = [
  { folder: 'one', umask: '022', environment: { TZ: 'UTC', LC_ALL: 'C' } },
  { folder: 'another/and deeper', umask: '077', environment: { TZ: 'Pacific/Kiritimati', LC_ALL: 'C.UTF-8' } },
] as const;

/** Builds what is tracked here, in a folder of its own. Answers the SHA-256 of every file it made, by name. */
function build(folder: string, { umask, environment }: (typeof surroundings)[number]): ReadonlyMap<string, string> {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  for (const name of tracked.split('\0').slice(0, -1)) cpSync(join(root, name), join(folder, name));
  cpSync(join(root, 'node_modules'), join(folder, 'node_modules'), { recursive: true, verbatimSymlinks: true });
  const env = { ...process.env, ...environment };
  execFileSync('sh', ['-c', `umask ${umask} && npm run --silent build`], { cwd: folder, env, stdio: 'inherit' });
  const made = readdirSync(join(folder, 'dist'), { recursive: true, withFileTypes: true });
  return new Map(
    made
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [path.slice(folder.length + 1), hashOf(path)]),
  );
}

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

const scratch = mkdtempSync(join(tmpdir(), 'daybook-same-build-'));
try {
  const [one, other] = surroundings.map((each) => build(join(scratch, each.folder), each));
  const names = [...new Set([...(one?.keys() ?? []), ...(other?.keys() ?? [])])];
  const differing = names.filter((name) => one?.get(name) !== other?.get(name));
  const lines = names.toSorted().map((name) => `${one?.get(name)}  ${name}\n`);
  const digest = createHash('sha256').update(lines.join('')).digest('hex');
  console.log(JSON.stringify({ files: names.length, differing, digest }, null, 2));
  process.exitCode = names.length > 0 && differing.length === 0 ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
