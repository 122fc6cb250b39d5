import type { Bytes } from '../../src/store/bytes.types.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { type MemoryDisk, memoryBytes } from './memory-bytes.ts';
import type { Plant } from './sim-figures.ts';
import type { SimPower } from './sim-power.ts';

/** The commit log's bytes in memory; writes, syncs and reads take time and can fail, as `power` says. */
export function simBytes(disk: MemoryDisk, power: SimPower, plant?: Plant): Bytes {
  const bytes = memoryBytes(disk);
  disk.pause = async (step) => void (await power.point(step));
  return {
    get nextSeq() {
      return bytes.nextSeq;
    },
    get sealedBefore() {
      return bytes.sealedBefore;
    },
    scan: (fromSeq) => bytes.scan(fromSeq),
    ready: () => bytes.ready(),
    append: (group, sync) => bytes.append(group, sync && plant !== 'answer-before-sync'),
    read: (seq) => bytes.read(seq),
    slice: async (seq, offset, length) => {
      if ((await power.point('read')) === 'fails') throw new EngineFailure('store-failed', 'I/O error at a read');
      return bytes.slice(seq, offset, length);
    },
    seal: () => bytes.seal(),
    drop: (seqs) => bytes.drop(seqs),
    [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose](),
  };
}
