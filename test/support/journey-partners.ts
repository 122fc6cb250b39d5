import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { stuff } from './smtp-client.ts';

/** Where distributions put servers, also when the PATH of a user lacks it. */
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/** True when a journey must be left out here: a partner is missing, or root's rights. In CI nothing is: it fails instead. */
export function leftOut({
  programs,
  asRoot = false,
}: {
  readonly programs: readonly string[];
  readonly asRoot?: boolean;
}): boolean {
  if (process.env['CI'] === 'true') return false;
  return lacks(programs) || (asRoot && process.getuid?.() !== 0);
}

/** True where one of them is not there. In CI too, so only for what no release may depend on: a package that brings a server. */
export const lacks = (programs: readonly string[]): boolean =>
  programs.some((program) => !folders.some((folder) => existsSync(join(folder, program))));

/** False where the system lets nobody mount here, as in some containers, or has no loop devices where those are asked for. */
export function canMount({ loop = false }: { readonly loop?: boolean } = {}): boolean {
  if (loop && !existsSync('/dev/loop-control')) return false;
  const folder = mkdtempSync(join(tmpdir(), 'daybook-mount-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
  if (status === 0) spawnSync('umount', [folder]);
  rmdirSync(folder);
  if (status !== 0) console.warn('left out: what needs a mount');
  return status === 0;
}

/** What a partner said and how it ended; a code other than 0 is an answer here, not a failure. */
export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a partner program; `input` goes to its standard input. */
export function partner(program: string, args: readonly string[], input: Uint8Array | string = ''): Promise<Said> {
  const env = { ...process.env, PATH: folders.join(delimiter) };
  return new Promise((resolve, reject) => {
    const child = execFile(program, [...args], { env, timeout: 60_000, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** Swaks sends these bytes as they stand; its own fixing of data would add an empty line at the end. */
export function swaks(port: number, message: Uint8Array, args: readonly string[]): Promise<Said> {
  const data = ['--data', '-', '--no-data-fixup'];
  const common = ['--server', '127.0.0.1', '--port', String(port), '--ehlo', 'client.north.example'];
  return partner('swaks', [...common, ...data, ...args], stuff(message));
}
