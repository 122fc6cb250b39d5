import { createHash } from 'node:crypto';
import { lastValueFrom, type SchedulerLike } from 'rxjs';
import type { SpoolItem, Verdict } from '../../streams/message.ts';
import type { OpenLarge } from '../../streams/open-mail.ts';
import { settleWindow } from '../../streams/settle.ts';
import { turns } from '../../streams/turns.ts';
import { type UnwrapPorts, unwrapWindow } from '../../streams/unwrap.ts';
import type { Explanation } from '../http/intake.schema.ts';
import type { Store } from '../store/open-store.ts';
import { isoTime } from './archive-api.ts';
import type { Definition } from './definition-book.types.ts';
import { firstValue } from './first-value.ts';
import type { ProcessingSetup } from './pipelines.ts';

/**
 * A dry run of one message (interface section 6): the same stages and rules, with an archive that only looks. The waits
 * are left out: it says how the message would end if no copy came meanwhile.
 */
export async function explain(
  definition: Definition,
  message: Uint8Array,
  { store, setup, clock }: { readonly store: Store; readonly setup: ProcessingSetup; readonly clock: SchedulerLike },
): Promise<Explanation> {
  const options = {
    ...definition.options,
    initialProcessDelayMs: 0,
    deliveryWaitAttempts: 1,
    extendedDeduplication: false,
  };
  const item = itemOf(definition, message, clock.now());
  const bodies: UnwrapPorts['bodies'] = {
    read: (body, decoding, sha256) => (sha256 === item.sha256 ? [message] : store.bodies.read(body, decoding, sha256)),
  };
  const openLarge: OpenLarge = (large, opening) => setup.large.open(async (into) => into.set(message), large, opening);
  const ports = { ...setup.ports, bodies, openLarge };
  const unwrapped = await lastValueFrom(unwrapWindow([item], ports, () => options, setup.matching, turns(clock)));
  if (unwrapped.kind === 'failed') throw unwrapped.error;
  let verdict: Verdict | undefined;
  let last: SpoolItem = unwrapped.item;
  const archive = {
    lookup: store.archive.lookup,
    settle: async (requests: Parameters<Store['archive']['settle']>[0]) => {
      const [request] = requests;
      if (request === undefined) return [];
      const found = await firstValue(store.archive.lookup(request.keys));
      const entries = [...new Map(found.flat().map((entry) => [entry.id, entry])).values()];
      verdict = request.decide(entries);
      last = request.item;
      return [verdict];
    },
  };
  await lastValueFrom(
    settleWindow(
      [unwrapped.item],
      { ...ports, archive },
      { optionsFor: () => options, matching: setup.matching },
      clock,
    ),
  );
  return explanationOf(last, verdict);
}

function explanationOf({ parsed, steps }: SpoolItem, verdict: Verdict | undefined): Explanation {
  const outcome = verdict?.kind === 'end' ? verdict.outcome : verdict?.kind === 'merge' ? 'matched' : 'archived';
  const reason = verdict?.kind === 'end' ? verdict.reason : verdict?.kind === 'merge' ? verdict.case : null;
  const lines = steps.map(({ at, step, detail }) => ({ at: isoTime(at), step, detail }));
  return {
    outcome,
    reason,
    level: parsed?.level ?? null,
    family: parsed?.family ?? null,
    flags: [...(parsed?.flags ?? [])],
    recipients: (parsed?.recipients ?? []).map(({ address, type }) => ({ address, type })),
    entryId: verdict?.kind === 'merge' ? verdict.entryId : null,
    steps: [...lines, { step: outcome, detail: reason }],
  };
}

function itemOf({ id, version }: Definition, message: Uint8Array, now: number): SpoolItem {
  const transport = {
    kind: 'smtp',
    peer: null,
    mailFrom: null,
    rcptTo: [],
    tls: null,
    authenticatedAs: null,
    uidl: null,
  } as const;
  return {
    intakeId: 'explain',
    definitionId: id,
    definitionVersion: version,
    origin: 'journal',
    receivedAt: now,
    size: message.length,
    sha256: createHash('sha256').update(message).digest('hex'),
    body: [{ seq: 0, offset: 0, length: message.length }],
    transport,
    state: 'received',
    attempt: 0,
    dueAt: now,
    deadline: null,
    woken: false,
    failures: 0,
    overrides: [],
    parsed: null,
    steps: [],
  };
}
