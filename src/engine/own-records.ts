import { createHash } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import type { Verified } from '../store/verify-segments.ts';
import type { Workshop } from './workshop.ts';

/** Hashed at once; mail goes on in between. */
const pieceBytes = 1024 * 1024;

/**
 * The records of an open log from `from` up to `upTo`, payloads and all: LevelDB's files are of use to the process alone
 * that has them open, and a log in a database has none.
 */
export async function* ownRecords(
  store: {
    readonly evidence: Pick<Workshop['store']['evidence'], 'record'>;
    readonly log: Pick<Workshop['store']['log'], 'slice'>;
  },
  { from, upTo, place }: { readonly from: number; readonly upTo: number; readonly place: 'leveldb' | 'database' },
): AsyncGenerator<Verified> {
  for (let seq = from; seq <= upTo; seq += 1) {
    const file = `${place === 'leveldb' ? 'bodies' : 'the log in the database'} (record ${seq})`;
    try {
      // Asked for each time: a store that has failed is opened anew, and is another one then.
      const { evidence, log } = store;
      const head = await evidence.record(seq);
      const { payloadLength, payloadSha256 } = head.record;
      const hash = createHash('sha256');
      let isDropped = false;
      for (let at = 0; at < payloadLength && !isDropped; at += pieceBytes) {
        const piece = await log.slice(seq, at, Math.min(pieceBytes, payloadLength - at)).catch(droppedOnly);
        if (piece === null) isDropped = true;
        else hash.update(piece);
      }
      if (!isDropped && hash.digest('hex') !== payloadSha256) {
        yield { kind: 'fault', fault: { file, text: `the payload of record ${seq} is not what its hash says` } };
      }
      yield { kind: 'record', head, file, isDropped, isUnread: false };
      yield { kind: 'read', bytes: head.headBytes + (isDropped ? 0 : payloadLength) };
    } catch (error) {
      if (!(error instanceof EngineFailure) || !['damaged', 'missing'].includes(error.code)) throw error;
      yield { kind: 'fault', fault: { file, text: String(error) } };
    }
  }
}

function droppedOnly(error: unknown): null {
  if (error instanceof EngineFailure && error.code === 'missing') return null;
  throw error;
}
