import type { Closing } from '../close.ts';
import { readPublicKeys } from '../evidence/signing-key.ts';
import type { EngineApi } from '../http/api.types.ts';
import { type Anchors, openAnchors } from './anchors.ts';
import type { Evidence } from './evidence.ts';
import { openHistory } from './history.ts';
import { openRetention, retentionWarnings } from './retention.ts';
import { openScrub, type Scrub } from './scrub.ts';
import type { Workshop } from './workshop.ts';

/** What goes on beside mail, for the status. */
export interface Background {
  readonly anchors: Pick<Anchors, 'status'>;
  readonly scrub: Pick<Scrub, 'status'>;
  readonly history: EngineApi['history'];
}

/** Starts what watches over the archive while mail goes on; `stack` ends it. */
export async function openBackground(workshop: Workshop, evidence: Evidence, stack: Closing): Promise<Background> {
  const { options, clock, log, note } = workshop;
  const { dataDir } = options;
  const anchors = stack.use(
    await openAnchors({
      clock,
      log,
      note,
      dataDir,
      anchors: options.evidence.anchors,
      newestHead: evidence.newestHead,
      publicKey: evidence.signer.publicKey,
    }),
  );
  const { bytes, scrubIntervalMs: intervalMs } = options.store;
  const publicKeys = await readPublicKeys(dataDir);
  const source = { dataDir, bytes, store: workshop.store, publicKeys };
  const { verified$ } = evidence;
  const scrub = stack.use(await openScrub({ clock, log, note, source, intervalMs, verified$ }));
  workshop.warnAlso(anchors.warnings);
  stack.use(openRetention(workshop));
  workshop.warnAlso(() => retentionWarnings(workshop));
  workshop.warnAlso(scrub.warnings);
  const history = openHistory(workshop);
  stack.defer(() => history[Symbol.dispose]());
  return { anchors, scrub, history: history.read };
}
