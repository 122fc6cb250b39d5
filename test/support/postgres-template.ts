import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { initArguments, makeCluster, type Owner, rolesOf } from '../../bench/peers/postgres.ts';

const run = promisify(execFile);

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
