import { MemoryLevel } from 'memory-level';
import { type Database, type IndexDb, roomsOf } from '../../src/store/index-db.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { SimPower } from './sim-power.ts';

interface RawOp {
  readonly type: 'put' | 'del';
  readonly key: string;
  readonly value?: string;
}
const raw = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

/** What an index database leaves behind: its writes in order, as LevelDB's log has them. */
export class IndexDisk {
  readonly writes: (readonly RawOp[])[] = [];
  /** Writes that a synced one has covered. */
  synced = 0;

  /** The disk after a crash: all that was synced, and `lost` fewer of the rest than there were. */
  after(lost: number): IndexDisk {
    const left = new IndexDisk();
    left.writes.push(...this.writes.slice(0, Math.max(this.synced, this.writes.length - lost)));
    left.synced = left.writes.length;
    return left;
  }

  get unsynced(): number {
    return this.writes.length - this.synced;
  }
}

/** The index in memory, over what the disk holds. Its batches take time and can fail, as `power` says. */
export async function openSimIndex(disk: IndexDisk, power: SimPower): Promise<IndexDb> {
  const level = new MemoryLevel<string, string>({ storeEncoding: 'utf8' });
  await level.open();
  for (const ops of disk.writes) await level.batch([...ops] as never, raw);
  level.on('write', (ops: readonly WrittenOp[]) => disk.writes.push(ops.map(toRaw)));
  const batch = async (ops: never, options: { readonly sync?: boolean } = {}): Promise<void> => {
    if ((await power.point('batch')) === 'fails') throw new EngineFailure('store-failed', 'I/O error of the index');
    await level.batch(ops, options as never);
    if (options.sync === true) disk.synced = disk.writes.length;
  };
  const database = {
    batch,
    sublevel: level.sublevel.bind(level),
    close: () => level.close(),
    open: () => level.open(),
    status: level.status,
  };
  return roomsOf(database as unknown as Database);
}

interface WrittenOp {
  readonly type: 'put' | 'del';
  readonly encodedKey: string;
  readonly encodedValue?: string;
}

const toRaw = ({ type, encodedKey, encodedValue }: WrittenOp): RawOp =>
  type === 'put' && encodedValue !== undefined ? { type, key: encodedKey, value: encodedValue } : { type: 'del', key: encodedKey };
