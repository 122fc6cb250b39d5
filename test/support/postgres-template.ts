import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where the server's programs are: on Debian in a folder of each version, of which the newest counts. */
export function postgresPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(debian, version, 'bin')), '/usr/local/pgsql/bin', '/usr/bin'];
  return folders.find((folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')));
}

/** Who runs the server: PostgreSQL refuses to run as root, so root's tests run it as the `postgres` of the package. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** @throws Error where root has no user `postgres` to run it as */
export async function ownerOfServer(): Promise<Owner> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  if (uid !== 0) return { uid, gid };
  const idOf = async (option: string): Promise<number> => Number((await run('id', [option, 'postgres'])).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}

/** A cluster has checksums, UTF-8, an order of strings that no library's update changes, and passwords on every connection. */
const initArguments = ['-U', 'postgres', '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C.UTF-8', '--data-checksums'];

const rolesOf = (password: string): string =>
  `CREATE ROLE daybook LOGIN PASSWORD '${password}';\nCREATE DATABASE daybook OWNER daybook;\n`;

/**
 * A cluster that never ran, made once for each version, user and recipe: `initdb` takes seconds, a copy of its result
 * some ten milliseconds. Answers the folder of `data` and of the file `password`. Several may make it at once; one wins.
 */
export async function openTemplate(programs: string, owner: Owner): Promise<string> {
  const version = (await run(join(programs, 'postgres'), ['--version'])).stdout;
  const recipe = JSON.stringify([version, owner.uid, initArguments, rolesOf('')]);
  const cache = join(import.meta.dirname, '../../node_modules/.cache/daybook');
  const folder = join(cache, `postgres-${createHash('sha256').update(recipe).digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  // The server's user may enter the system's folder for temporary files, and perhaps not the project's.
  const made = await mkdtemp(join(tmpdir(), 'daybook-postgres-'));
  const coming = await mkdtemp(join(cache, 'coming-'));
  try {
    await chown(made, owner.uid, owner.gid);
    await makeCluster({ programs, owner, folder: made });
    await run('cp', ['-a', `${made}/.`, coming]);
    await rename(coming, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    await rm(made, { recursive: true, force: true });
    await rm(coming, { recursive: true, force: true });
  }
  return folder;
}

interface Making {
  readonly programs: string;
  readonly owner: Owner;
  readonly folder: string;
}

async function makeCluster({ programs, owner, folder }: Making): Promise<void> {
  const data = join(folder, 'data');
  const options = { ...owner, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' } };
  const password = randomBytes(12).toString('hex');
  await writeFile(join(folder, 'password'), password, { mode: 0o600 });
  await chown(join(folder, 'password'), owner.uid, owner.gid);
  await run(join(programs, 'initdb'), [...initArguments, '--pwfile', join(folder, 'password'), '-D', data], options);
  // Single-user mode needs no port, and ends with its input.
  const made = run(join(programs, 'postgres'), ['--single', '-D', data, 'postgres'], options);
  made.child.stdin?.end(rolesOf(password));
  const { stderr } = await made;
  if (stderr.includes('ERROR')) throw new Error(`The roles were not made:\n${stderr}`);
}
