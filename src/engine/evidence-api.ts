import { createHash } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import type { EvidenceApi } from '../http/api.types.ts';
import type { Verification } from '../http/evidence.schema.ts';
import { hashedBytes } from '../store/record.ts';
import type { Verified } from '../store/verify-segments.ts';
import { isoTime } from './archive-api.ts';
import type { Evidence } from './evidence.ts';
import { keptHeads } from './kept-heads.ts';
import { verifyData } from './verification.ts';
import type { Workshop } from './workshop.ts';

/** What the API shows of the evidence: verifications, heads and proofs. */
export function evidenceApi(
  { store, clock, log, options }: Pick<Workshop, 'store' | 'clock' | 'log' | 'options'>,
  { signer, headOver }: Pick<Evidence, 'signer' | 'headOver'>,
): EvidenceApi {
  let current: Verification = { state: 'never', startedAt: null, endedAt: null, bytes: 0, report: null, error: null };
  const publicKey = signer.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const run = async (): Promise<void> => {
    const progress = (bytes: number): void => {
      current = { ...current, bytes };
    };
    const { dataDir, store: storing } = options;
    try {
      const kept = await keptHeads(dataDir, options.evidence.anchors);
      const upTo = store.log.head.seq;
      const own = storing.bytes === 'leveldb' ? { records: ownRecords(store, upTo) } : {};
      const reading = { unseal: store.evidence.unseal, index: null, hasKey: true };
      const found = await verifyData({ dataDir, bytes: storing.bytes, upTo, kept, reading, progress, ...own });
      const report = { ...found, keyIds: [...found.keyIds], faults: [...found.faults] };
      current = { ...current, state: 'done', endedAt: isoTime(clock.now()), bytes: found.bytes, report };
      if (found.faults.length > 0) log('error', 'a verification found damage', { faults: found.faults.slice(0, 100) });
    } catch (error) {
      current = { ...current, state: 'failed', endedAt: isoTime(clock.now()), error: String(error) };
    }
  };
  return {
    verify: () => {
      if (current.state === 'running') return current;
      const startedAt = isoTime(clock.now());
      current = { state: 'running', startedAt, endedAt: null, bytes: 0, report: null, error: null };
      void run();
      return current;
    },
    verification: () => current,
    head: async () => ({ head: await headOver(store.log.head.seq), publicKey }),
    proofOf: async (intakeId) => {
      const seq = await store.evidence.seqOf(intakeId);
      if (seq === undefined) return undefined;
      const record = await store.evidence.record(seq);
      const { sha256, size } = record.record.facts as { readonly sha256: string; readonly size: number };
      const head = await headOver(seq);
      return {
        format: 'daybook-proof/1',
        id: intakeId,
        record: { seq, hash: record.record.hash, bytes: hashedBytes(record).toString('base64') },
        received: { sha256, size },
        inclusion: { index: seq - 1, size: head.size, path: [...(await store.evidence.path(seq, head.size))] },
        head,
        publicKey,
      };
    },
  };
}

/** Hashed at once; mail goes on in between. */
const pieceBytes = 1024 * 1024;

/** The records of an open store, payloads and all: LevelDB's files are of use to the process alone that has them open. */
async function* ownRecords({ evidence, log }: Workshop['store'], upTo: number): AsyncGenerator<Verified> {
  for (let seq = 1; seq <= upTo; seq += 1) {
    const file = `bodies (record ${seq})`;
    try {
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
      yield { kind: 'fault', fault: { file, text: String(error) } };
    }
  }
}

function droppedOnly(error: unknown): null {
  if (error instanceof EngineFailure && error.code === 'missing') return null;
  throw error;
}
