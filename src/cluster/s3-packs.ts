import { decodeTime } from 'ulid';
import { EngineFailure, messageOf } from '../../streams/failure.ts';
import { inParallel } from './in-parallel.ts';
import { frameHeadBytes, isWholeFrame, packFootBytes, readTable, tableLength } from './pack.ts';
import { S3Error } from './s3-answers.ts';
import type { S3Client } from './s3-client.types.ts';
import type { VaultRef } from './vault.types.ts';

const removalsAtOnce = 8;
/** Of one answer: half a minute is enough for it at 5 Mbit/s, whatever a payload has. */
const readBytes = 16 * 1024 * 1024;
const readsAtOnce = 3;
const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
export const roomForm = new RegExp(`^${uuid}$`);
/**
 * Room of its log, day and id of a pack, both of the time of its making: keys of a room stand in the order of time. Before
 * logs had rooms a pack had none; those are read and removed by their name, and not listed.
 */
const packForm = new RegExp(`^(?:${uuid}/)?\\d{8}/([0-7][0-9A-HJKMNP-TV-Z]{25})$`);

/** Packs that are in the bucket: read, listed and taken away. */
export class S3Packs {
  readonly #client: S3Client;
  readonly #prefix: string;
  readonly #room: string;
  /** Asked for once, with the first removal: it does not change under a running engine. */
  #isVersioned: boolean | null = null;

  constructor(client: S3Client, prefix: string, room: string) {
    this.#client = client;
    this.#prefix = prefix;
    this.#room = room;
  }

  /** Of a pack that is made under this id. */
  nameOf(id: string): string {
    return `${this.#room}/${dayOf(decodeTime(id))}/${id}`;
  }

  keyOf(pack: string): string {
    return `${this.#prefix}/${pack}.pack`;
  }

  async read({ pack, at, length: whole }: VaultRef, offset: number, length: number): Promise<Uint8Array> {
    if (!packForm.test(pack) || !(offset >= 0 && length >= 0 && offset + length <= whole)) {
      throw new EngineFailure('missing', `${length} bytes from ${offset} on, of ${whole} in ${pack}`);
    }
    if (length === 0) return new Uint8Array();
    if (length < whole) return this.#range(pack, at + offset, length);
    // What a line without TLS has spoilt on its way is right the second time.
    for (let tries = 1; tries <= 2; tries += 1) {
      const frame = await this.#range(pack, at - frameHeadBytes, frameHeadBytes + whole);
      if (await isWholeFrame(frame, whole)) return frame.subarray(frameHeadBytes);
    }
    throw new EngineFailure('damaged', `${whole} bytes from ${at} on in ${pack}`);
  }

  async contents(pack: string): Promise<readonly VaultRef[]> {
    const size = packForm.test(pack) ? await asked(this.#client.size(this.keyOf(pack))) : null;
    if (size === null) throw new EngineFailure('missing', `no pack ${pack}`);
    if (size < packFootBytes) throw new EngineFailure('damaged', `pack ${pack} has ${size} bytes`);
    const foot = await this.#range(pack, size - packFootBytes, packFootBytes);
    const length = tableLength(foot, size);
    const table = length === 0 ? Buffer.alloc(0) : await this.#range(pack, size - packFootBytes - length, length);
    return readTable(table, foot).map((frame) => ({ pack, at: frame.at, length: frame.length }));
  }

  /**
   * Packs of the room that were made before that time, the oldest first, from the day (UTC) of `after` on; then uploads that
   * were begun before it and not ended. The clock of a worker (in the name) and that of the object storage must both say
   * so: one that is slow would give away what another has just stored and not referred to yet. A name may come twice, as a
   * pack and as an upload.
   */
  async *list(before: number, after = 0): AsyncGenerator<string> {
    const prefix = `${this.#prefix}/${this.#room}/`;
    for await (const { key, modifiedAt } of failing(this.#client.list(prefix, `${prefix}${dayOf(after)}/`))) {
      const pack = this.#packOf(key);
      if (pack === null) continue;
      if (madeAt(pack) >= before) break;
      if (modifiedAt < before) yield pack;
    }
    for await (const { key, begunAt } of failing(this.#client.uploads(prefix))) {
      const pack = this.#packOf(key);
      if (pack !== null && madeAt(pack) < before && begunAt < before) yield pack;
    }
  }

  /** Of all its versions. A bucket that keeps none has no locks either. */
  async lockedUntil(pack: string): Promise<number | null> {
    if (!packForm.test(pack) || !(await this.#keepsVersions())) return null;
    const key = this.keyOf(pack);
    const versions = (await asked(this.#client.versions(key))).filter(({ isMarker }) => !isMarker);
    const ends = await asked(Promise.all(versions.map(({ id }) => this.#client.lockedUntil(key, id))));
    const locks = ends.filter((end) => end !== null);
    return locks.length === 0 ? null : Math.max(...locks);
  }

  /** All of them are tried. @throws EngineFailure `store-failed` where some are still there, with the first reason */
  async remove(packs: readonly string[]): Promise<void> {
    if (packs.length === 0) return;
    const isVersioned = await this.#keepsVersions();
    const failures: unknown[] = [];
    const attempt = async (work: Promise<void>): Promise<void> =>
      void (await work.catch((error) => failures.push(error)));
    const keys = new Set(packs.filter((pack) => packForm.test(pack)).map((pack) => this.keyOf(pack)));
    await inParallel([...keys], removalsAtOnce, (key) => attempt(this.#removeKey(key, isVersioned)));
    await attempt(this.#abortUploads(keys));
    const [first] = failures;
    if (first === undefined) return;
    const text = `${failures.length} of ${packs.length} packs were not removed: ${messageOf(first)}`;
    throw new EngineFailure('store-failed', text, { cause: first });
  }

  async #keepsVersions(): Promise<boolean> {
    this.#isVersioned ??= await asked(this.#client.isVersioned());
    return this.#isVersioned;
  }

  /** Where versions are kept, the space is given back only when each of them is deleted by its name. */
  async #removeKey(key: string, isVersioned: boolean): Promise<void> {
    if (!isVersioned) return this.#client.remove(key);
    for (const { id } of await this.#client.versions(key)) await this.#client.remove(key, id);
  }

  async #abortUploads(keys: ReadonlySet<string>): Promise<void> {
    for await (const upload of this.#client.uploads(`${this.#prefix}/${this.#room}/`)) {
      if (keys.has(upload.key)) await this.#client.abort(upload);
    }
  }

  async #range(pack: string, from: number, length: number): Promise<Buffer> {
    if (length <= readBytes) return this.#slice(pack, from, length);
    const starts = Array.from({ length: Math.ceil(length / readBytes) }, (_, index) => index * readBytes);
    const slices = await inParallel(starts, readsAtOnce, (start) =>
      this.#slice(pack, from + start, Math.min(readBytes, length - start)),
    );
    return Buffer.concat(slices);
  }

  async #slice(pack: string, from: number, length: number): Promise<Buffer> {
    try {
      const bytes = from < 0 ? null : await this.#client.get(this.keyOf(pack), from, length);
      if (bytes !== null) return bytes;
    } catch (error) {
      if (!(error instanceof S3Error) || error.code !== 'range') throw failureOf(error);
      throw new EngineFailure('damaged', `pack ${pack} ends before ${from + length}`, { cause: error });
    }
    throw new EngineFailure('missing', `no pack ${pack}`);
  }

  /** The pack of a key; null: the object is none of ours. */
  #packOf(key: string): string | null {
    const [start, end] = [`${this.#prefix}/`, '.pack'];
    const pack = key.startsWith(start) && key.endsWith(end) ? key.slice(start.length, -end.length) : '';
    return packForm.test(pack) ? pack : null;
  }
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10).replaceAll('-', '');

/** By the clock of the worker that made it, epoch ms. */
const madeAt = (pack: string): number => decodeTime(pack.slice(pack.lastIndexOf('/') + 1));

/** What was asked for, its errors as failures of the store. */
export const asked = <T>(answer: Promise<T>): Promise<T> =>
  answer.catch((error: unknown) => {
    throw failureOf(error);
  });

async function* failing<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw failureOf(error);
  }
}

/** Bugs stay what they are. */
const failureOf = (error: unknown): unknown =>
  error instanceof S3Error ? new EngineFailure('store-failed', error.message, { cause: error }) : error;
