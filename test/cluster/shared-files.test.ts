import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closing } from '../../src/close.ts';
import { filesIn, filesOut } from '../../src/cluster/migrate-documents.ts';
import type { KeysPlace, SharedFiles } from '../../src/cluster/shared-files.ts';
import type { MasterKey } from '../../src/master-key.ts';
import { masterKey } from '../support/master-keys.ts';
import { keyNames, openPlace } from '../support/moved-archive.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

const name = 'a.key';
const key = Buffer.from('bytes of a key');
const other = Buffer.from('bytes of another');
const digest = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe.skipIf(postgresLeftOut())('keys that workers share', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  const stack = closing();
  afterAll(() => Promise.resolve(stack[Symbol.asyncDispose]()));

  /** The files of a log of that name, as a worker with this configuration opens them. */
  const open = async (log: string, keys: KeysPlace, master: MasterKey | null = null): Promise<SharedFiles> =>
    stack.use(await openPlace(server.url, { log, keys, master })).place.files;
  const stored = async (log: string): Promise<readonly string[]> => {
    const text = `select value from daybook.document d join daybook.log l using (log) where l.name = $1 and d.room = 'file'`;
    return (await server.query<{ value: string }>(text, [log])).map(({ value }) => value);
  };
  const unusable = { code: 'key-unusable', message: expect.stringContaining(`${name} is not the one of the cluster`) };

  test('are those of the first worker, however many begin at once', async () => {
    const files = await open('first', 'database');
    expect(await files.find(name, key)).toBeNull();
    const own = Array.from({ length: 6 }, (_, at) => Buffer.from(`key of ${at}`));
    const shared = await Promise.all(own.map((bytes) => files.share(name, bytes)));
    expect(new Set(shared.map(String)).size).toBe(1);
    expect(own.map(String)).toContain(String(shared[0]));
  });

  test('are sealed in an encrypted log, those that stood there in clear as soon as one is read', async () => {
    await (await open('sealed', 'database')).share(name, key);
    expect(await stored('sealed')).toEqual([key.toString('base64')]);
    for (let n = 0; n < 2; n += 1) {
      expect(Buffer.from(await (await open('sealed', 'database', masterKey())).share(name, other))).toEqual(key);
      expect(await stored('sealed')).toEqual([expect.stringMatching(/^sealed:/)]);
    }
  });

  test('kept in files are in the database by their digest alone, and who has another one is told', async () => {
    const files = await open('files', 'files');
    expect(await files.share(name, key)).toEqual(key);
    expect(await stored('files')).toEqual([digest(key)]);
    expect(await files.share(name, key)).toEqual(key);
    await expect(files.share(name, other)).rejects.toMatchObject(unusable);
    for (const own of [other, null]) await expect(files.find(name, own)).rejects.toMatchObject(unusable);
    expect(await stored('files')).toEqual([digest(key)]);
  });

  test.each([null, masterKey()])(
    'leave the database once a worker has them on disk, and not before (%#)',
    async (master) => {
      const log = `leaving-${master?.id}`;
      await (await open(log, 'database', master)).share(name, key);
      const before = await stored(log);
      const files = await open(log, 'files', master);
      expect(Buffer.from(await files.share(name, other)), 'a new worker').toEqual(key);
      expect(await stored(log)).toEqual(before);
      expect(Buffer.from(await files.share(name, key)), 'that has written it').toEqual(key);
      expect(await stored(log)).toEqual([digest(key)]);
    },
  );

  test('come back into it from who has them, and from nobody else', async () => {
    await (await open('back', 'files')).share(name, key);
    const whole = await open('back', 'database');
    await expect(whole.share(name, other)).rejects.toMatchObject(unusable);
    expect(await whole.share(name, key)).toEqual(key);
    expect(await stored('back')).toEqual([key.toString('base64')]);
  });

  describe('of an archive that moves', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'daybook-keys-'));
      for (const each of keyNames) await writeFile(join(folder, each), `bytes of ${each}`);
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));
    const target = (): Promise<string> => mkdtemp(join(folder, 'to-'));
    const moveOut = (files: SharedFiles, to: string): Promise<void> => filesOut({ files }, to, keyNames);

    test('are where the configuration says, and come back whole from the database', async () => {
      const files = await open('moved', 'database');
      await filesIn({ files }, folder, keyNames);
      const to = await target();
      await moveOut(files, to);
      for (const each of keyNames) expect(await readFile(join(to, each), 'utf8')).toBe(`bytes of ${each}`);
    });

    test('come back only into a folder that has them, where the database has not', async () => {
      const files = await open('moved-files', 'files');
      await filesIn({ files }, folder, keyNames);
      expect(await stored('moved-files')).toEqual(keyNames.map((each) => digest(Buffer.from(`bytes of ${each}`))));
      await moveOut(files, folder);
      await expect(moveOut(files, await target())).rejects.toMatchObject({ code: 'key-unusable' });
      for (const each of keyNames) expect(await readFile(join(folder, each), 'utf8')).toBe(`bytes of ${each}`);
    });
  });
});
