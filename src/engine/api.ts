import { filter, map, merge, mergeMap, type Observable, share } from 'rxjs';
import { chartOf } from '../../machines/chart.ts';
import { type Readiness, readinessOf } from '../../machines/engine.readiness.ts';
import { type EngineActor, journalOf } from '../../machines/follow.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { definitionForm } from '../config/definition-form.ts';
import type { Administration, EngineApi, EngineChange } from '../http/api.types.ts';
import type { Component, EngineStatus, Status } from '../http/status.schema.ts';
import { isoTime } from '../time-words.ts';
import { createAccessTrail } from './access-trail.ts';
import { createAlertsApi } from './alerts-api.ts';
import { createArchiveApi } from './archive-api.ts';
import type { Background } from './background.ts';
import type { Definition } from './definition-book.types.ts';
import { engineEvent } from './definition-events.ts';
import { definitionView, newestFirst } from './definition-view.ts';
import { dryRun } from './dry-run.ts';
import type { Evidence } from './evidence.ts';
import { explainPosted, explainStored } from './explain.ts';
import { createExportApi } from './exports.ts';
import { healthOf } from './health.ts';
import { createKeepingApi } from './keeping-api.ts';
import { reparse } from './reparse.ts';
import { statusesOf } from './statuses.ts';
import type { Workshop } from './workshop.ts';

type ApiParts = Administration &
  Pick<EngineApi, 'imports'> & { readonly background: Background; readonly evidence: Pick<Evidence, 'api' | 'signer'> };

/** What the HTTP room is given: the engine as the outside sees it. */
export function createApi(
  workshop: Workshop,
  actor: EngineActor,
  { background, evidence, ...administration }: ApiParts,
  changed$: Observable<string>,
): EngineApi {
  const { store, book, clock, version, startedAt, note } = workshop;
  const archive = createArchiveApi(store);
  const statusFor = (definition: Definition): Status | undefined =>
    workshop.statusOf(definition, journalOf(actor, definition.id));
  const readiness = (): Readiness => {
    const { ready, missing } = readinessOf(actor.getSnapshot());
    const { open, detail } = store.health;
    return open ? { ready, missing } : { ready: false, missing: [...missing, `the store has failed: ${detail}`] };
  };
  const statuses = (): Status[] => statusesOf(workshop, actor);
  return {
    ...archive,
    ...administration,
    exports: createExportApi({ store, clock, note, archive, signer: evidence.signer }),
    evidence: evidence.api,
    ...background.pages,
    keeping: createKeepingApi(workshop),
    alerts: createAlertsApi(background.alerts),
    status: () => ({
      engine: {
        version,
        startedAt: isoTime(startedAt),
        now: isoTime(clock.now()),
        ready: readiness().ready,
        warnings: workshop.warnings(),
        anchors: [...background.anchors.status()],
        scrub: background.scrub.status(),
        textIndex: background.text.status(),
        ...backendView(workshop, background),
      },
      definitions: statuses(),
    }),
    statusOf: (id) => {
      const definition = book.get(id);
      return definition === undefined ? undefined : statusFor(definition);
    },
    definitions: () => newestFirst(book.all()).map(definitionView),
    definition: (id) => {
      const definition = book.get(id);
      return definition === undefined ? undefined : definitionView(definition);
    },
    history: background.history,
    statechart: () => chartOf(journalMachine),
    definitionForm,
    explain: async (definitionId, message, wanted) => {
      const definition = book.get(definitionId);
      return definition === undefined ? undefined : explainPosted(definition, message, { workshop, wanted });
    },
    explainIntake: async (intakeId, wanted) => {
      const record = await store.intake.get(intakeId);
      return record === undefined ? undefined : explainStored(record, { workshop, wanted });
    },
    dryRun: (definitionId, document, { last }) => dryRun(definitionId, document, { workshop, last }),
    reparse: ({ limit, ...query }) => reparse(query, { workshop, last: limit, by: null }),
    applyReparse: ({ limit, ...query }, by) => reparse(query, { workshop, last: limit, by }),
    readiness,
    health: () => healthNow(workshop, statuses(), readiness()),
    rejections: () => workshop.rejections.all(),
    shed: () => [...workshop.shedding.counts].map(([reason, count]) => ({ reason, count })),
    changes$: changesOf(workshop, changed$),
    accessed: createAccessTrail(clock, note),
    signedIn: ({ actor: name, peer }) => note({ ...engineEvent('session.opened', { peer }), actor: name }),
    accessDenied: ({ actor: name, method, path, status, peer }) =>
      note({
        ...engineEvent('access.denied', { actor: name, method, path, status, peer }),
        severity: 'warning',
        actor: name ?? 'unknown',
      }),
  };
}

/** On which store the engine runs, and what is told of it alone. */
function backendView(
  { duties }: Pick<Workshop, 'duties'>,
  { cluster }: Pick<Background, 'cluster'>,
): Pick<EngineStatus['engine'], 'store' | 'worker' | 'cluster'> {
  if (duties.worker === null || cluster === null) return { store: 'embedded' };
  return { store: 'cluster', worker: duties.worker, cluster: cluster.status() };
}

function healthNow(workshop: Workshop, statuses: readonly Status[], { missing }: Readiness): readonly Component[] {
  const { queue } = workshop.store;
  const { queueMessages, queueBytes } = workshop.options.limits;
  const isFull = queue.messages >= queueMessages || queue.bytes >= queueBytes;
  return healthOf({ statuses, missing, warnings: workshop.warnings(), isFull });
}

function changesOf({ store }: Workshop, changed$: Observable<string>): Observable<EngineChange> {
  const folded$ = store.touched$.pipe(
    mergeMap(({ definitions, events }): EngineChange[] => [
      ...[...definitions]
        .filter((id) => id !== null)
        .map((definitionId) => ({ kind: 'status', definitionId }) as const),
      ...events.map((event) => ({ kind: 'event', event }) as const),
    ]),
  );
  const lived$ = changed$.pipe(
    filter((definitionId) => definitionId !== ''),
    map((definitionId): EngineChange => ({ kind: 'status', definitionId })),
  );
  return merge(folded$, lived$).pipe(share());
}
