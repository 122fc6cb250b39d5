import type { Closing } from '../close.ts';
import { type Anchors, openAnchors } from './anchors.ts';
import type { Evidence } from './evidence.ts';
import { openRetention, retentionWarnings } from './retention.ts';
import type { Workshop } from './workshop.ts';

/** What goes on beside mail, for the status. */
export interface Background {
  readonly anchors: Pick<Anchors, 'status'>;
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
  workshop.warnAlso(anchors.warnings);
  stack.use(openRetention(workshop));
  workshop.warnAlso(() => retentionWarnings(workshop));
  return { anchors };
}
