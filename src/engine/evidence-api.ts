import type { Subject } from 'rxjs';
import type { EvidenceApi } from '../http/api.types.ts';
import type { Verification } from '../http/evidence.schema.ts';
import { hashedBytes } from '../store/record.ts';
import { isoTime } from '../time-words.ts';
import type { Evidence, FullyVerified } from './evidence.ts';
import { keptHeads } from './kept-heads.ts';
import { ownRecords } from './own-records.ts';
import { verifyData } from './verification.ts';
import type { Workshop } from './workshop.ts';

/** What the API shows of the evidence: verifications, heads and proofs. */
export function evidenceApi(
  { store, clock, log, options }: Pick<Workshop, 'store' | 'clock' | 'log' | 'options'>,
  {
    signer,
    headOver,
    verified$,
  }: Pick<Evidence, 'signer' | 'headOver'> & { readonly verified$: Subject<FullyVerified> },
): EvidenceApi {
  let current: Verification = { state: 'never', startedAt: null, endedAt: null, bytes: 0, report: null, error: null };
  const publicKey = signer.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const run = async (): Promise<void> => {
    const progress = (bytes: number): void => {
      current = { ...current, bytes };
    };
    const { dataDir, store: storing } = options;
    const startedAt = clock.now();
    try {
      const kept = await keptHeads(dataDir, options.evidence.anchors);
      const upTo = store.log.head.seq;
      const { bytes: place } = storing;
      const own = place === 'segments' ? {} : { records: ownRecords(store, { from: 1, upTo, place }) };
      const reading = { unseal: store.evidence.unseal, index: null, hasKey: true };
      const found = await verifyData({ dataDir, bytes: storing.bytes, upTo, kept, reading, progress, ...own });
      const report = { ...found, keyIds: [...found.keyIds], faults: [...found.faults] };
      current = { ...current, state: 'done', endedAt: isoTime(clock.now()), bytes: found.bytes, report };
      verified$.next({ startedAt, faults: found.faults });
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
