import { join } from 'node:path';
import type { Bytes } from '../../src/store/bytes.types.ts';
import { openRecordKeys } from '../../src/store/record-keys.ts';
import { sealedBytes } from '../../src/store/sealed-bytes.ts';
import { sealRecord } from '../../src/store/sealed-record.ts';
import { createUnseal, type Unseal } from '../../src/store/unseal.ts';
import { masterKey } from './master-keys.ts';

/** Bytes whose keys stand beside them, and which seal what is appended, as the commit log does. */
export async function openSealed(directory: string, open: (unseal: Unseal) => Promise<Bytes>): Promise<Bytes> {
  const keys = await openRecordKeys(join(directory, 'keys'), masterKey());
  const bytes = sealedBytes(await open(createUnseal(keys)), keys);
  const append: Bytes['append'] = async (group, sync) => {
    const seqs = group.map(({ record }) => record.seq);
    const at = await keys.ready(Math.min(...seqs), Math.max(...seqs));
    return bytes.append(
      group.map((encoded) => sealRecord(encoded, at(encoded.record.seq))),
      sync,
    );
  };
  return new Proxy(bytes, { get: (target, name) => (name === 'append' ? append : Reflect.get(target, name)) });
}
