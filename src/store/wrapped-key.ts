import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { EngineFailure } from '../../streams/failure.ts';
import { keyBytes, type MasterKey, wrappedBytes } from '../master-key.ts';
import { writeWhole } from '../whole-file.ts';
import { readExactly } from './segment-files.ts';

/**
 * How a file of keys begins: two places of 4 KiB for its own key, wrapped under a master key. One is in use, the other
 * all zeros, but while the master key is changed: then both stand, and either key opens the file. A place is written where
 * it lies: a copy of the file would leave the old one on the disk, with salts that are to be destroyed later.
 *
 *    0   8  magic `DYBKKEYS`
 *    8   2  format version, 1
 *   10   6  number of the file: its first record, or 0 for the index
 *   16   8  id of the master key
 *   24  60  the wrapped key: nonce, ciphertext, tag
 *   84  32  SHA-256 of all above
 *  116      zeros up to 4,096
 */
const placeBytes = 4_096;
/** Where what follows the wrapped keys begins. */
export const bodyOffset = 2 * placeBytes;

const magic = 'DYBKKEYS';
const formatVersion = 1;
const digestAt = 24 + wrappedBytes;
const usedBytes = digestAt + 32;
const zeros = Buffer.alloc(placeBytes);

/** A place as it stands. `empty`: no key is in it. */
export type Place =
  | { readonly state: 'empty' | 'damaged' }
  | { readonly state: 'wrapped'; readonly keyId: string; readonly wrapped: Buffer };

/** The context under which the key of a file is wrapped: no file passes for another. */
const contextOf = (number: number): string => `daybook keys ${number}`;

/** A new file with a key of its own and `body` behind; it is on the disk when this resolves. Answers the key. */
export async function makeKeyFile(path: string, number: number, master: MasterKey, body: Buffer): Promise<Buffer> {
  const key = randomBytes(keyBytes);
  await writeWhole(path, Buffer.concat([placeOf(number, master, key), zeros, body]), 0o600);
  return key;
}

/** The places at the begin of a file. `bytes` may be longer. */
export const placesIn = (bytes: Buffer, number: number): readonly Place[] =>
  [0, 1].map((at) => readPlace(bytes.subarray(at * placeBytes, (at + 1) * placeBytes), number));

/** The key of a file. @throws EngineFailure `key-unusable` where it is wrapped under another key, `damaged` */
export function keyOf(places: readonly Place[], number: number, master: MasterKey, name: string): Buffer {
  const own = places.find((place) => place.state === 'wrapped' && place.keyId === master.id);
  const key = own?.state === 'wrapped' ? master.unwrap(own.wrapped, contextOf(number)) : null;
  if (key !== null) return key;
  const others = keyIdsOf(places).filter((id) => id !== master.id);
  if (own !== undefined || others.length === 0) throw new EngineFailure('damaged', `the key in ${name}`);
  throw new EngineFailure('key-unusable', otherKey(name, others, master.id));
}

export const keyIdsOf = (places: readonly Place[]): readonly string[] =>
  places.flatMap((place) => (place.state === 'wrapped' ? [place.keyId] : []));

export const otherKey = (name: string, needed: readonly string[], given: string): string =>
  `${name} needs the master key ${needed.join(' or ')}, and store.encryption gives ${given}`;

/**
 * Lets `to` open the file too. It stands beside `from`, in the place that `from` does not use, whatever was there.
 * @throws EngineFailure `key-unusable`, `damaged` where neither key opens the file now
 */
export async function addKey(path: string, number: number, keys: Keys): Promise<void> {
  await using file = await open(path, 'r+');
  const places = await readPlaces(file, number);
  if (opens(places, number, keys.to)) return;
  const key = keyOf(places, number, keys.from, path);
  const used = places.findIndex((place) => place.state === 'wrapped' && place.keyId === keys.from.id);
  await writePlace(file, 1 - used, placeOf(number, keys.to, key));
}

/** Takes away every key but `to`, where that opens the file. @throws EngineFailure `key-unusable`, `damaged` where it does not */
export async function keepKey(path: string, number: number, { to }: Pick<Keys, 'to'>): Promise<void> {
  await using file = await open(path, 'r+');
  const places = await readPlaces(file, number);
  keyOf(places, number, to, path);
  for (const [at, place] of places.entries()) {
    if (place.state === 'empty' || (place.state === 'wrapped' && place.keyId === to.id)) continue;
    await writePlace(file, at, zeros);
  }
}

/** The master key in force and the one that takes its place. */
export interface Keys {
  readonly from: MasterKey;
  readonly to: MasterKey;
}

function opens(places: readonly Place[], number: number, master: MasterKey): boolean {
  return places.some(
    (place) =>
      place.state === 'wrapped' &&
      place.keyId === master.id &&
      master.unwrap(place.wrapped, contextOf(number)) !== null,
  );
}

const readPlaces = async (file: FileHandle, number: number): Promise<readonly Place[]> =>
  placesIn(await readExactly(file, bodyOffset, 0), number);

/** One page of the file: a power cut leaves the old one or the new one, or one that is known to be damaged. */
async function writePlace(file: FileHandle, at: number, bytes: Buffer): Promise<void> {
  const { bytesWritten } = await file.write(bytes, 0, placeBytes, at * placeBytes);
  if (bytesWritten !== placeBytes) throw Object.assign(new Error('the system took half a page'), { code: 'EIO' });
  await file.datasync();
}

function placeOf(number: number, master: MasterKey, key: Buffer): Buffer {
  const place = Buffer.alloc(placeBytes);
  place.write(magic, 0, 'latin1');
  place.writeUInt16BE(formatVersion, 8);
  place.writeUIntBE(number, 10, 6);
  place.write(master.id, 16, 'hex');
  place.set(master.wrap(key, contextOf(number)), 24);
  place.set(digest(place), digestAt);
  return place;
}

function readPlace(place: Buffer, number: number): Place {
  if (place.equals(zeros)) return { state: 'empty' };
  const isWhole =
    place.length === placeBytes &&
    place.toString('latin1', 0, 8) === magic &&
    place.readUInt16BE(8) === formatVersion &&
    place.readUIntBE(10, 6) === number &&
    place.subarray(digestAt, usedBytes).equals(digest(place)) &&
    place.subarray(usedBytes).equals(zeros.subarray(usedBytes));
  if (!isWhole) return { state: 'damaged' };
  return { state: 'wrapped', keyId: place.toString('hex', 16, 24), wrapped: place.subarray(24, digestAt) };
}

const digest = (place: Buffer): Buffer => createHash('sha256').update(place.subarray(0, digestAt)).digest();
