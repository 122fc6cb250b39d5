import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLevelBytes } from '../../../src/store/level-bytes.ts';
import { openSegmentBytes } from '../../../src/store/segment-bytes.ts';
import { bytesContract } from '../../contracts/bytes.contract.ts';
import { MemoryDisk, memoryBytes } from '../../support/memory-bytes.ts';
import { openSealed } from '../../support/sealed-home.ts';

const folder = () => mkdtemp(join(tmpdir(), 'daybook-bytes-'));
const remove = (directory: string) => rm(directory, { recursive: true, force: true });

bytesContract('segments', async () => {
  const directory = await folder();
  return {
    open: () => openSegmentBytes({ directory: join(directory, 'commitlog') }),
    directory,
    remove: () => remove(directory),
  };
});

bytesContract('small segments', async () => {
  const directory = await folder();
  return {
    open: () => openSegmentBytes({ directory: join(directory, 'commitlog'), segmentBytes: 1_500 }),
    directory,
    remove: () => remove(directory),
  };
});

bytesContract('LevelDB', async () => {
  const directory = await folder();
  return {
    open: () => openLevelBytes({ directory: join(directory, 'bodies') }),
    directory,
    remove: () => remove(directory),
  };
});

bytesContract('memory', async () => {
  const disk = new MemoryDisk();
  return { open: async () => memoryBytes(disk), remove: async () => undefined };
});

bytesContract('encrypted segments', async () => {
  const directory = await folder();
  return {
    open: () =>
      openSealed(directory, (unseal) =>
        openSegmentBytes({ directory: join(directory, 'commitlog'), segmentBytes: 3_000, unseal }),
      ),
    directory,
    isEncrypted: true,
    remove: () => remove(directory),
  };
});

bytesContract('encrypted LevelDB', async () => {
  const directory = await folder();
  return {
    open: () => openSealed(directory, (unseal) => openLevelBytes({ directory: join(directory, 'bodies'), unseal })),
    directory,
    isEncrypted: true,
    remove: () => remove(directory),
  };
});
