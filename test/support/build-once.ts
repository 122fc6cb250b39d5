import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Journeys run the built binary: built anew where a source is newer than it. */
export function setup(): void {
  const root = join(import.meta.dirname, '../..');
  const binary = join(root, 'dist/bin/main.js');
  const builtAt = existsSync(binary) ? statSync(binary).mtimeMs : 0;
  const sources = ['src', 'machines', 'streams', 'bench'].flatMap((folder) => newest(join(root, folder)));
  if (sources.some((changedAt) => changedAt > builtAt)) {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  }
}

const newest = (folder: string): readonly number[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => statSync(join(file.parentPath, file.name)).mtimeMs);
