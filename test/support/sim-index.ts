import { MemoryLevel } from 'memory-level';
import { type Database, type IndexDb, type IndexOp, roomsOf } from '../../src/store/index-db.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { Plant } from './sim-figures.ts';
import type { SimPower } from './sim-power.ts';

/** The database with the method its adapters implement: the store's batches come encoded. */
type RawLevel = MemoryLevel<string, string> & { _batch(ops: readonly IndexOp[], options: object): Promise<void> };

/** What an index database leaves behind: its writes in order, as LevelDB's log has them. */
export class IndexDisk {
  readonly writes: (readonly IndexOp[])[];
  /** Writes that a synced one has covered. */
  synced = 0;
  /** The open database that holds these writes, where there is one; `stale`: it holds more than them. */
  opened: Opened | null = null;
  stale = false;

  constructor(writes: (readonly IndexOp[])[] = []) {
    this.writes = writes;
    this.synced = writes.length;
  }

  /** The disk after a crash: all that was synced, and `lost` fewer of the rest than there were. */
  after(lost: number): IndexDisk {
    return this.#left(this.writes.slice(0, Math.max(this.synced, this.writes.length - lost)));
  }

  /** The disk of an index that was thrown away. */
  emptied(): IndexDisk {
    return this.#left([]);
  }

  /** The dead engine never runs again, so its database is handed on: making the rooms of another one is dear. */
  #left(writes: (readonly IndexOp[])[]): IndexDisk {
    const left = new IndexDisk(writes);
    left.opened = this.opened;
    left.stale = this.stale || writes.length < this.writes.length;
    return left;
  }

  get unsynced(): number {
    return this.writes.length - this.synced;
  }
}

/** A database, and the life it serves: of one life at a time, which takes with it what it has not written. */
interface Opened {
  readonly level: RawLevel;
  readonly database: Database;
  serves: { readonly disk: IndexDisk; readonly power: SimPower; readonly plant: Plant | undefined };
}

/** The index in memory, over what the disk holds. Its batches take time and can fail, as `power` says. */
export async function openSimIndex(disk: IndexDisk, power: SimPower, plant?: Plant): Promise<IndexDb> {
  const serves = { disk, power, plant };
  if (disk.opened === null) {
    const level = new MemoryLevel<string, string>({ storeEncoding: 'utf8' }) as RawLevel;
    await level.open();
    disk.opened = open(level, serves);
    disk.stale = true;
  }
  if (disk.stale) await replay(disk.writes, disk.opened.level);
  disk.stale = false;
  disk.opened.serves = serves;
  return roomsOf(disk.opened.database);
}

function open(level: RawLevel, serves: Opened['serves']): Opened {
  const batch = async (ops: readonly IndexOp[], { sync = false }: { readonly sync?: boolean } = {}): Promise<void> => {
    const { disk, power, plant } = opened.serves;
    if ((await power.point('batch')) === 'fails') throw new EngineFailure('store-failed', 'I/O error of the index');
    if (ops.some((op) => 'sublevel' in op)) {
      // The UIDL ledger's are not encoded yet; they are noted by the listener below.
      await level.batch(ops as never);
      if (sync) disk.synced = disk.writes.length;
      return;
    }
    await level._batch(ops, {});
    const half = plant === 'key-before-record' ? Math.ceil(ops.length / 2) : ops.length;
    disk.writes.push(ops.slice(0, half));
    if (half < ops.length) disk.writes.push(ops.slice(half));
    if (sync) disk.synced = disk.writes.length;
  };
  // Only what does not come through `batch`.
  level.on('write', (ops: readonly WrittenOp[]) => opened.serves.disk.writes.push(ops.map(toOp)));
  const done = async (): Promise<void> => undefined;
  const rooms = new Map<string, unknown>();
  const sublevel = (name: string, options: object): unknown => {
    if (!rooms.has(name)) rooms.set(name, level.sublevel(name, options));
    return rooms.get(name);
  };
  const database = { batch, sublevel, close: done, open: done, status: 'open' };
  const opened: Opened = { level, database: database as unknown as Database, serves };
  return opened;
}

/** Makes of a database one with the sum of these writes. */
async function replay(writes: readonly (readonly IndexOp[])[], level: RawLevel): Promise<void> {
  await level.clear();
  const last = new Map<string, IndexOp>();
  for (const ops of writes) for (const op of ops) last.set(op.key, op);
  await level._batch(
    [...last.values()].filter(({ type }) => type === 'put'),
    {},
  );
}

interface WrittenOp {
  readonly type: 'put' | 'del';
  readonly encodedKey: string;
  readonly encodedValue?: string;
}

const toOp = ({ type, encodedKey: key, encodedValue: value }: WrittenOp): IndexOp =>
  type === 'put' && value !== undefined ? { type, key, value } : { type: 'del', key };
