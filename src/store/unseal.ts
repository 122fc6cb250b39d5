import { EngineFailure } from '../../streams/failure.ts';
import { blockName, firstOfBlock } from './key-block.ts';
import type { FileFault } from './leveldb-check.ts';
import type { RecordHead } from './record.ts';
import type { RecordKeys } from './record-keys.ts';
import { openHead, type PayloadCheck, plainCheck, sealedCheck } from './sealed-record.ts';

/** Opens what is sealed, for those who read the bytes of the log themselves. */
export interface Unseal {
  /**
   * A check of the payload of `head`. `gone`: its key was destroyed. `unread`: its key is not at hand or is damaged, so
   * nobody can say whether it is right.
   */
  payload(head: RecordHead): Promise<PayloadCheck | 'gone' | 'unread'>;
  /** The head with its facts; as it is, where no keys are at hand. @throws EngineFailure `damaged`, `missing`, `key-unusable` */
  head(head: RecordHead): Promise<RecordHead>;
  /** The file of keys that a record needs, where it is missing or damaged, and what is wrong with it. */
  keyFault(head: RecordHead): Promise<FileFault | null>;
}

/** `keys`: null where there are none, so that only what is in clear is opened. */
export function createUnseal(keys: Pick<RecordKeys, 'blockOf'> | null): Unseal {
  return {
    head: async (head) =>
      head.seal === null || keys === null ? head : openHead(head, await keys.blockOf(head.record.seq)),
    keyFault: async ({ seal, record }) => (seal === null || keys === null ? null : faultOfBlock(keys, record.seq)),
    payload: async (head) => {
      const { seal, record } = head;
      if (seal === null || record.payloadLength === 0) return plainCheck(head);
      const key = await keys?.blockOf(record.seq).then((block) => block.payloadKey(record.seq), asDamaged);
      if (key === 'destroyed') return 'gone';
      return key === undefined || key === 'damaged' ? 'unread' : sealedCheck(head, seal, key);
    },
  };
}

async function faultOfBlock(keys: Pick<RecordKeys, 'blockOf'>, seq: number): Promise<FileFault | null> {
  try {
    await keys.blockOf(seq);
    return null;
  } catch (error) {
    if (!(error instanceof EngineFailure)) throw error;
    const text = error.code === 'missing' ? 'is missing' : error.message;
    return { file: `keys/${blockName(firstOfBlock(seq))}`, text };
  }
}

/** A key that cannot be read says nothing of the mail: it may come back from a backup. */
function asDamaged(error: unknown): 'damaged' {
  if (error instanceof EngineFailure) return 'damaged';
  throw error;
}
