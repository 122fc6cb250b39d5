import { filter, map, type Subject } from 'rxjs';
import { readinessOf } from '../../machines/engine.readiness.ts';
import type { EngineActor } from '../../machines/follow.ts';
import type { Closing } from '../close.ts';
import { openContentHasher } from '../content/content-hasher.ts';
import { readPublicKeys } from '../evidence/signing-key.ts';
import type { EngineApi } from '../http/api.types.ts';
import { masterKeyFrom } from '../master-key.ts';
import { roomIn } from '../store/free-space.ts';
import { type Alerts, type AlertsParts, openAlerts } from './alerts.ts';
import { type Anchors, openAnchors } from './anchors.ts';
import { openCanaries } from './canaries.ts';
import { canaryParts } from './canary-parts.ts';
import { channelsOf } from './channels-of.ts';
import { type ClusterWatch, watchCluster } from './cluster-watch.ts';
import { createDiskWatch } from './disk-watch.ts';
import { archiveDuty } from './duties.ts';
import type { Evidence } from './evidence.ts';
import { openGaps } from './gaps.ts';
import { openHistory } from './history.ts';
import { createNewId } from './new-id.ts';
import { openPackSweep } from './pack-sweep.ts';
import { openRetention, retentionWarnings } from './retention.ts';
import { openScrub, type Scrub } from './scrub.ts';
import { canariesOfAll } from './settled-canaries.ts';
import { shareDuties } from './share-duties.ts';
import { openContentReader } from './shown-content.ts';
import { openSilences } from './silences.ts';
import { silencesOf, statusesOf } from './statuses.ts';
import { storeFigures } from './store-figures.ts';
import { followBodies } from './store-health.ts';
import { openNoTextSearch, openTextSearch, type TextSearch } from './text-search.ts';
import { shareWarnings, warningsElsewhere } from './worker-warnings.ts';
import type { Workshop } from './workshop.ts';

/** What goes on beside mail, for the status. */
export interface Background {
  readonly alerts: Alerts;
  readonly anchors: Pick<Anchors, 'status'>;
  readonly scrub: Pick<Scrub, 'status'>;
  /** Null: this engine is by itself. */
  readonly cluster: Pick<ClusterWatch, 'status'> | null;
  readonly history: EngineApi['history'];
  readonly text: Pick<TextSearch, 'status'>;
  readonly pages: Pick<EngineApi, 'contentOf' | 'storeFigures' | 'textLists' | 'gaps'>;
}

interface BackgroundParts {
  readonly actor: EngineActor;
  readonly stack: Closing;
  /** Told of each definition whose status is another. */
  readonly changed$: Subject<string>;
  /** After the changes of definitions that are under way. */
  readonly inTurn: <T>(change: () => Promise<T>) => Promise<T>;
}

/** Starts what watches over the archive while mail goes on; `stack` ends it. */
export async function openBackground(
  workshop: Workshop,
  evidence: Evidence,
  { actor, stack, changed$, inTurn }: BackgroundParts,
): Promise<Background> {
  const { options, clock, log, note } = workshop;
  const { dataDir } = options;
  stack.use(shareDuties(workshop, actor, inTurn));
  const { packs } = workshop;
  const sweep = packs && stack.use(openPackSweep({ ...workshop, packs }));
  const cluster = watchCluster(workshop, {
    packs: () => sweep?.status() ?? null,
    bodiless: followBodies(workshop, actor),
  });
  if (cluster !== null) workshop.warnAlso(stack.use(cluster).warnings);
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
  const isMine = (): boolean => workshop.duties.isMine(archiveDuty);
  const { logBytes } = workshop;
  const scrub = stack.use(await openScrub({ clock, log, note, source, intervalMs, verified$, logBytes, isMine }));
  workshop.warnAlso(anchors.warnings);
  stack.use(openRetention(workshop));
  workshop.warnAlso(() => retentionWarnings(workshop));
  workshop.warnAlso(scrub.warnings);
  const { minimumFreeBytes } = options.store;
  const space = roomIn(dataDir, minimumFreeBytes, () => clock.now());
  const room = (): number => space(workshop.store.missingReserveBytes);
  const disk = createDiskWatch({ room, minimumFreeBytes, clock, note });
  workshop.warnAlso(disk.warnings);
  workshop.watches.refusingSince = disk.fullSince;
  const silent = () => silencesOf(workshop, actor, clock.now());
  workshop.watches.silences = stack.use(await openSilences({ dataDir, silent, clock, log }));
  workshop.watches.canaries = stack.use(await openCanaries(canaryParts(workshop, actor, changed$)));
  const told = canariesOfAll(workshop).subscribe();
  stack.defer(() => told.unsubscribe());
  const gaps = stack.use(await openGaps({ ...workshop, dataDir, messages: workshop.store.messages }));
  workshop.watches.gaps = gaps;
  const history = openHistory(workshop);
  stack.defer(() => history[Symbol.dispose]());
  const alerts = stack.use(await openAlertsOf(workshop, actor));
  const sharing = shareWarnings({ ...workshop, missing: () => readinessOf(actor.getSnapshot()).missing });
  stack.defer(() => sharing[Symbol.dispose]());
  const { contentOf } = stack.use(openContentReader(workshop.store, clock));
  const text = stack.use(await textSearchOf(workshop, room));
  workshop.warnAlso(text.warnings);
  const pages = { contentOf, storeFigures: storeFigures(workshop), textLists: text.lists, gaps: gaps.tell };
  return { alerts, anchors, scrub, cluster, history: history.read, text, pages };
}

/** `room`: bytes that may be taken in before mail is refused. */
async function textSearchOf(workshop: Workshop, room: () => number): Promise<TextSearch> {
  const { options, store, clock, log, shedding } = workshop;
  const { dataDir, search, store: storing } = options;
  if (!search.text) return openNoTextSearch({ dataDir });
  const master = await masterKeyFrom(storing.encryption);
  // What is left of the disk is for mail, and a message that is put off is worth more than one that is found.
  const isPaused = (): boolean => shedding.overloaded !== null || room() < storing.minimumFreeBytes / 2;
  const parser = openContentHasher({ workers: 1, clock });
  return openTextSearch({ dataDir, master, parser, store, clock, log, isPaused });
}

/** Nothing for an engine by itself. */
function among({ duties, store }: Workshop): Pick<AlertsParts, 'among'> {
  if (duties.worker === null) return {};
  return {
    among: {
      isMine: () => duties.isMine(archiveDuty) && duties.hasHeard,
      said: () => duties.said(archiveDuty),
      say: (kept) => duties.say(new Map([[archiveDuty, kept]])),
      events$: store.touched$.pipe(
        filter(({ elsewhere = false }) => elsewhere),
        map(({ events }) => events),
      ),
    },
  };
}

async function openAlertsOf(workshop: Workshop, actor: EngineActor): Promise<Alerts> {
  const { options, clock, log, note, duties, sight } = workshop;
  const alerts = await openAlerts({
    dataDir: options.dataDir,
    statuses: () => statusesOf(workshop, actor),
    warnings: () => [...workshop.warnings(), ...warningsElsewhere({ duties, living: sight?.workers() ?? [] })],
    channels: channelsOf(workshop),
    newId: createNewId(clock),
    note,
    clock,
    log,
    ...among(workshop),
  });
  workshop.warnAlso(alerts.channels.warnings);
  return alerts;
}
