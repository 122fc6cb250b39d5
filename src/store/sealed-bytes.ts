import { EngineFailure } from '../../streams/failure.ts';
import type { Bytes, Found } from './bytes.types.ts';
import type { RecordKeys } from './record-keys.ts';
import { cipherBlock, decryptAt } from './sealed-record.ts';
import { createUnseal, type Unseal } from './unseal.ts';

/**
 * Bytes as their readers know them, over bytes that are sealed in part or in whole; records come sealed already to
 * `append`. Takes `keys` over, and closes them.
 */
export function sealedBytes(inner: Bytes, keys: RecordKeys): Bytes {
  const unseal = createUnseal(keys);
  return {
    get nextSeq() {
      return inner.nextSeq;
    },
    get sealedBefore() {
      return inner.sealedBefore;
    },
    scan: (fromSeq) => scan(inner.scan(fromSeq), unseal),
    ready: () => inner.ready(),
    append: (group, sync) => inner.append(group, sync),
    read: async (seq) => unseal.head(await inner.read(seq)),
    slice: (seq, offset, length, into) => slice({ inner, keys }, { seq, offset, length }, into),
    seal: () => inner.seal(),
    drop: (seqs) => inner.drop(seqs),
    [Symbol.asyncDispose]: async () => {
      try {
        await inner[Symbol.asyncDispose]();
      } finally {
        await keys[Symbol.asyncDispose]();
      }
    },
  };
}

/** @throws EngineFailure `key-unusable` where keys are missing altogether: an index made without them would miss mail */
async function* scan(found$: AsyncIterable<Found>, unseal: Unseal): AsyncGenerator<Found> {
  for await (const found of found$) yield found.kind === 'record' ? await opened(found, unseal) : found;
}

async function opened(found: Extract<Found, { kind: 'record' }>, unseal: Unseal): Promise<Found> {
  const { head, file, offset } = found;
  try {
    return { ...found, head: await unseal.head(head) };
  } catch (error) {
    if (!(error instanceof EngineFailure)) throw error;
    if (error.code === 'missing') {
      const text = `${error.message}: put the folder keys/ back from a backup`;
      throw new EngineFailure('key-unusable', text, { cause: error });
    }
    if (error.code !== 'damaged') throw error;
    return { kind: 'damage', damage: { file, offset, text: error.message } };
  }
}

async function slice(
  { inner, keys }: { readonly inner: Bytes; readonly keys: RecordKeys },
  { seq, offset, length }: { readonly seq: number; readonly offset: number; readonly length: number },
  into?: Uint8Array,
): Promise<Uint8Array> {
  const { seal, record } = await inner.read(seq);
  if (seal === null || offset < 0 || length <= 0 || record.payloadLength === 0) {
    return inner.slice(seq, offset, length, into);
  }
  const key = (await keys.blockOf(seq)).payloadKey(seq);
  if (key === 'destroyed') throw new EngineFailure('missing', `the payload of record ${seq} was deleted`);
  if (key === 'damaged') throw new EngineFailure('damaged', `the key of record ${seq}`);
  const before = offset % cipherBlock;
  const stored = await inner.slice(seq, offset - before, length + before, before === 0 ? into : undefined);
  const bytes = decryptAt(stored, offset - before, seal, key).subarray(before);
  if (into === undefined) return bytes;
  into.set(bytes);
  return into;
}
