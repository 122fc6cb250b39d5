import { type Observable, Subject } from 'rxjs';
import { readSignedHead, type SignedHead, type Signer } from '../evidence/head.ts';
import { signingHeads } from '../evidence/head-times.ts';
import { openSigner } from '../evidence/signing-key.ts';
import { exclusive } from '../exclusive.ts';
import type { EvidenceApi } from '../http/api.types.ts';
import { rootOf } from '../merkle.ts';
import type { FileFault } from '../store/leveldb-check.ts';
import { archiveDuty } from './duties.ts';
import { evidenceApi } from './evidence-api.ts';
import type { Workshop } from './workshop.ts';

/** Signs heads of the commit log while the engine runs, and one on demand. */
export interface Evidence extends AsyncDisposable {
  readonly signer: Signer;
  readonly api: EvidenceApi;
  /** What each verification of everything has found. */
  readonly verified$: Observable<FullyVerified>;
  /** The last signed head that covers record `seq`; one is signed where there is none. @throws EngineFailure `store-failed` */
  headOver(seq: number): Promise<SignedHead>;
  /** A head over all there is, signed now where something came since the last; null while there is nothing. */
  newestHead(): Promise<SignedHead | null>;
}

export interface FullyVerified {
  /** Epoch ms. */
  readonly startedAt: number;
  readonly faults: readonly FileFault[];
}

type EvidenceParts = Pick<Workshop, 'store' | 'clock' | 'log' | 'options' | 'duties'>;

/** @throws Error where the key of the data directory cannot be used */
export async function openEvidence(parts: EvidenceParts): Promise<Evidence> {
  const { store, clock, log, options, duties } = parts;
  const signer = await openSigner(options.dataDir);
  const inTurn = exclusive();
  let signedSeq = (await store.evidence.signed())?.seq ?? 0;
  // Nothing else is decided meanwhile, also elsewhere: no two heads have one size.
  const sign = (): Promise<SignedHead> =>
    store.log.deciding(async (append) => {
      const { tree } = store.evidence;
      const root = rootOf(tree).toString('hex');
      const head = signer.sign({ log: await store.evidence.name(), size: tree.size, root, at: clock.now() });
      signedSeq = (await append({ kind: 'checkpoint', facts: head, payload: [] })).seq;
      return head;
    });
  const times = {
    grown$: store.touched$,
    size: () => (store.health.open ? store.log.head.seq : 0),
    signedSeq: () => signedSeq,
  };
  const trouble = (error: unknown): void => log('error', 'a head could not be signed', { error: String(error) });
  const quietly = async (): Promise<void> => {
    if (duties.isMine(archiveDuty)) await inTurn(sign).then(() => undefined, trouble);
  };
  const signing = signingHeads(times, quietly, clock).subscribe();
  const headOver: Evidence['headOver'] = (seq) =>
    inTurn(async () => {
      const last = readSignedHead((await store.evidence.signed())?.facts);
      return last !== null && last.size >= seq ? last : sign();
    });
  const newestHead = (): Promise<SignedHead | null> =>
    inTurn(async () => {
      const { seq } = store.log.head;
      if (seq === 0) return null;
      const last = await store.evidence.signed();
      // Only the record of the last head itself is not under it.
      return (last?.seq === seq ? readSignedHead(last.facts) : null) ?? sign();
    });
  const verified$ = new Subject<FullyVerified>();
  return {
    signer,
    headOver,
    newestHead,
    verified$,
    api: evidenceApi(parts, { signer, headOver, verified$ }),
    [Symbol.asyncDispose]: async () => {
      signing.unsubscribe();
      await inTurn(async () => undefined);
    },
  };
}
