import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createReserve, reserveFaults } from '../../src/store/reserve.ts';
import { flipBit } from '../support/folders.ts';

const mebibyte = 1024 * 1024;

/** A folder on a disk whose free space is what a test says, less what the reserve takes of it. */
async function set(floorBytes: number) {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-reserve-'));
  const path = join(dataDir, 'reserve');
  const disk = { roomBytes: 0 };
  const sizeOf = async (): Promise<number> => (await stat(path).catch(() => ({ size: 0 }))).size;
  const reserve = createReserve({ dataDir, floorBytes, freeBytes: async () => disk.roomBytes - (await sizeOf()) });
  return { reserve, disk, path, sizeOf, [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true }) };
}

test('it takes a quarter of the room above the floor at most, no more than the floor, and has its blocks', async () => {
  await using made = await set(32 * mebibyte);
  const { reserve, disk, path, sizeOf } = made;
  for (const [room, size] of [
    [32, 0],
    [44, 0],
    [64, 8],
    [96, 16],
    [80, 16],
    [1_000, 32],
    [100_000, 32],
  ] as const) {
    disk.roomBytes = room * mebibyte;
    await reserve.tend();
    expect(await sizeOf(), `with ${room} MB`).toBe(size * mebibyte);
  }
  const { blocks, mode } = await stat(path);
  expect(blocks * 512).toBeGreaterThanOrEqual(32 * mebibyte);
  expect(mode & 0o777).toBe(0o600);
  expect(reserve.missingBytes).toBe(0);
});

test('it is given up when the disk is full, and mail gets none of it until it is made again', async () => {
  await using made = await set(16 * mebibyte);
  const { reserve, disk, path, sizeOf } = made;
  disk.roomBytes = 100 * mebibyte;
  await reserve.giveUpIfFull();
  expect(await sizeOf(), 'only tending makes it').toBe(0);
  await reserve.tend();
  disk.roomBytes = 25 * mebibyte;
  await reserve.tend();
  expect([await sizeOf(), reserve.missingBytes], 'under the floor, and not full').toEqual([16 * mebibyte, 0]);
  disk.roomBytes = 23 * mebibyte;
  await reserve.giveUpIfFull();
  expect([await sizeOf(), reserve.missingBytes]).toEqual([0, 16 * mebibyte]);
  expect(await readdir(join(path, '..'))).toEqual([]);
  disk.roomBytes = 30 * mebibyte;
  await reserve.tend();
  expect([await sizeOf(), reserve.missingBytes]).toEqual([0, 16 * mebibyte]);
  disk.roomBytes = 100 * mebibyte;
  await reserve.tend();
  expect([await sizeOf(), reserve.missingBytes]).toEqual([16 * mebibyte, 0]);
});

test('mail gets none of it at any time while it is given up', async () => {
  await using made = await set(16 * mebibyte);
  const { reserve, disk, path } = made;
  disk.roomBytes = 100 * mebibyte;
  await reserve.tend();
  disk.roomBytes = 23 * mebibyte;
  let isGivenUp = false;
  const givenUp = reserve.giveUpIfFull().then(() => {
    isGivenUp = true;
  });
  while (!isGivenUp) {
    // Long enough that a removal under way is done before anybody hears of it.
    for (let look = 0; look < 500 && existsSync(path); look += 1);
    expect(existsSync(path) || reserve.missingBytes === 16 * mebibyte, 'there, or missing').toBe(true);
    await setImmediate();
  }
  await givenUp;
});

test('without the program that asks for blocks it is written', async () => {
  await using made = await set(8 * mebibyte);
  const { reserve, disk, path, sizeOf } = made;
  disk.roomBytes = 100 * mebibyte;
  const { PATH } = process.env;
  try {
    process.env['PATH'] = '/nowhere';
    await reserve.tend();
  } finally {
    process.env['PATH'] = PATH;
  }
  expect(await sizeOf()).toBe(8 * mebibyte);
  expect((await stat(path)).blocks * 512).toBeGreaterThanOrEqual(8 * mebibyte);
  expect(await reserveFaults(dirname(path))).toEqual([]);
});

test('a flipped bit in it is seen, whether it was asked for or written, and where it was cut', async () => {
  for (const searched of [process.env['PATH'], '/nowhere']) {
    await using made = await set(8 * mebibyte);
    const { reserve, disk, path } = made;
    disk.roomBytes = 100 * mebibyte;
    const { PATH } = process.env;
    process.env['PATH'] = searched;
    await reserve.tend().finally(() => {
      process.env['PATH'] = PATH;
    });
    expect(await reserveFaults(dirname(path))).toEqual([]);
    const undo = await flipBit(path, 5 * mebibyte + 12_345, 3);
    expect(await reserveFaults(dirname(path))).toMatchObject([{ file: 'reserve' }]);
    await undo();
    await truncate(path, 4 * mebibyte + 100);
    expect(await reserveFaults(dirname(path))).toMatchObject([{ file: 'reserve' }]);
  }
});
