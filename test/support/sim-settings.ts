import type { JournalOptions, MatchingOptions } from '../../streams/message.ts';
import { below } from './prng.ts';
import { box, exchange, type Place, pick, tap } from './sim-mail.ts';

/** What one seed configures. */
export interface SimSettings {
  readonly options: Readonly<Record<Place, JournalOptions>>;
  readonly matching: MatchingOptions;
  /** Small, so that a window's border is met. */
  readonly window: number;
  readonly checkpointBytes: number;
  readonly chunkBytes: number;
}

/** Waits of all lengths, short ones often: a run of a minute meets every kind of overlap. */
export function drawSettings(random: () => number): SimSettings {
  const optionsOf = (definitionId: string, journalType: JournalOptions['journalType']): JournalOptions => ({
    definitionId,
    definitionVersion: 1,
    serviceEmailAddress: 'jrnl@journal.north.example',
    journalType,
    initialProcessDelayMs: pick(random, [0, 0, 500, 3_000]),
    deliveryWaitAttempts: 1 + below(random, 3),
    deliveryWaitIntervalMs: pick(random, [100, 1_000, 4_000]),
    removeJournalHeaders: random() < 0.2,
    preferClearTextVersion: false,
    extendedDeduplication: random() < 0.4,
    journalNonInternalAddresses: false,
    journalUnknownInternalAddresses: true,
  });
  const [pushed, tapped] = [optionsOf(exchange, 'eej'), optionsOf(tap, 'standard')];
  return {
    options: { exchange: pushed, tap: tapped, box: { ...pushed, definitionId: box } },
    matching: {
      extendedWaitMs: pick(random, [2_000, 10_000]),
      maxAgeMs: 30 * 86_400_000,
      expiredAction: 'hold',
      expiryClock: 'date',
      matchOnContent: random() < 0.2,
      continuityEvent: false,
    },
    window: pick(random, [1, 3, 128]),
    checkpointBytes: pick(random, [5_000, 50_000, 1_000_000]),
    chunkBytes: pick(random, [300, 262_144]),
  };
}

/** The same rules without any waiting: what ends up in the archive may not depend on when it was looked for. */
export function atOnce({ options, ...settings }: SimSettings): SimSettings {
  const hurry = (of: JournalOptions): JournalOptions => ({
    ...of,
    initialProcessDelayMs: 0,
    deliveryWaitAttempts: 1,
    extendedDeduplication: false,
  });
  return {
    ...settings,
    options: { exchange: hurry(options.exchange), tap: hurry(options.tap), box: hurry(options.box) },
    window: 128,
  };
}
