import { asyncScheduler, lastValueFrom, type SchedulerLike } from 'rxjs';
import { processingSetup } from '../../src/engine/pipelines.ts';
import type { Store } from '../../src/store/open-store.ts';
import type { Observation, SpoolItem, Verdict } from '../../streams/message.ts';
import type { Archive, Directory } from '../../streams/ports.ts';
import { settleWindow } from '../../streams/settle.ts';
import { turns } from '../../streams/turns.ts';
import { unwrapWindow } from '../../streams/unwrap.ts';
import { hashAfterHeader } from './line.ts';
import { value } from './store-fixture.ts';
import { journalOptions, matchingOptions } from './stream-shapes.ts';

/** A message, and what an older parser made of it instead. */
export interface OlderMail {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly older?: (observation: Observation) => Observation;
  /** Instead of `older`, where it came to another end. */
  readonly verdict?: (verdict: Verdict) => Verdict;
}
export interface OlderEngine {
  readonly directory: Directory;
  /** Asked once for each message. */
  readonly now: () => number;
  readonly definitionId?: string;
}

export const olderSetup = (store: Store, directory: Directory) => {
  const unused = async (): Promise<never> => {
    throw new Error('no mail here is large');
  };
  const options = { ...journalOptions, deliveryWaitAttempts: 1 };
  return processingSetup(store, {
    directory,
    hashContent: hashAfterHeader,
    large: { open: unused, read: unused } as unknown as Parameters<typeof processingSetup>[1]['large'],
    trustedRecipientHeaders: [],
    matching: matchingOptions,
    optionsFor: () => options,
    suspicion: { isSuspect: () => false, alone: (_, work) => work(0) },
    ownMail: { flagOf: () => null },
  });
};

/**
 * Takes mail in and archives it as an engine did whose parser had no number yet: custody, rules and store are the real
 * ones, only what it made of each message is what the test says.
 */
export async function archiveAsOlder(store: Store, mails: readonly OlderMail[], engine: OlderEngine): Promise<void> {
  const { directory, definitionId = 'exchange' } = engine;
  const { ports, matching, optionsFor } = olderSetup(store, directory);
  for (const mail of mails) {
    const now = engine.now();
    const clock = { now: () => now, schedule: asyncScheduler.schedule.bind(asyncScheduler) } as SchedulerLike;
    const item = await take(store, mail, { now, definitionId });
    const unwrapped$ = unwrapWindow([item], ports, optionsFor, matching, turns(clock));
    const parsed = await lastValueFrom(unwrapped$);
    const archive: Archive = {
      lookup: (keys) => store.archive.lookup(keys),
      settle: (requests) =>
        store.archive.settle(
          requests.map((request) => ({
            ...request,
            decide: (entries) => asOlder(request.decide(entries), mail),
          })),
        ),
    };
    await lastValueFrom(settleWindow([parsed.item], { ...ports, archive }, { optionsFor, matching }, clock));
  }
}

async function take(
  store: Store,
  { id, bytes }: OlderMail,
  { now, definitionId }: { readonly now: number; readonly definitionId: string },
): Promise<SpoolItem> {
  const receipt = store.custody.begin();
  await receipt.write(Buffer.from(bytes));
  const nobody = { peer: '127.0.0.1', tls: null, authenticatedAs: null, uidl: null } as const;
  const transport = { kind: 'smtp', mailFrom: '', rcptTo: [], ...nobody } as const;
  const targets = [{ intakeId: id, definitionId, definitionVersion: 1 }];
  await receipt.commit({ targets, origin: 'journal', receivedAt: now, transport });
  const { items } = await value(store.spool.due(definitionId, now, 100));
  const item = items.find(({ intakeId }) => intakeId === id);
  if (item === undefined) throw new Error(`${id} is not due`);
  return item;
}

function asOlder(verdict: Verdict, { older = (same) => same, verdict: other }: OlderMail): Verdict {
  if (other !== undefined) return other(verdict);
  if (verdict.kind !== 'insert' && verdict.kind !== 'merge') return verdict;
  const { parser: _parser, ...unnumbered } = verdict.observation;
  return { ...verdict, observation: older(unnumbered) };
}
