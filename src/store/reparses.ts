import type { Observation } from '../../streams/message.ts';
import type { EventDraft } from '../../streams/ports.ts';
import { isSameMessage, parserOf, textOf } from '../../streams/reparsed.ts';
import type { CommandFacts, CommitLog } from './commit-log.types.ts';
import { holdTest } from './holds.ts';
import type { IndexDb } from './index-db.ts';
import { encodeParticulars } from './particulars.ts';
import { hashesOf, type Restated, restatedEntry } from './restated.ts';

/** A message that a newer parser tells of otherwise. */
export interface Reparsed {
  /** As it was when the newer one was compared with it. */
  readonly stood: Observation;
  /** What takes its place: of the same intake and message, by a newer parser. */
  readonly observation: Observation;
  /** Of the intake record. */
  readonly flags: readonly string[];
  /** Counted as absorbed: level L2 or L4 of an `eej` definition. */
  readonly absorbed: boolean;
  readonly event: EventDraft;
}
/** `changed`: it is deleted, or told of otherwise meanwhile. `hold`: it would come off a hold. */
export type ReparseAnswer = 'done' | 'changed' | 'hold';

/** Newer parses in the place of older ones (D-082). */
export interface Reparses {
  /**
   * Durable and in force when it answers `done`. Looks under the lock that entries change under, and writes one record.
   * @throws EngineFailure `store-failed`, `store-full`
   */
  replace(reparsed: Reparsed): Promise<ReparseAnswer>;
  /** What `replace` would answer now. */
  look(reparsed: Pick<Reparsed, 'stood' | 'observation'>): Promise<ReparseAnswer>;
}

export function createReparses({ log, index }: { readonly log: CommitLog; readonly index: IndexDb }): Reparses {
  return {
    look: async (reparsed) => {
      const looked = await lookAt(index, reparsed);
      return typeof looked === 'string' ? looked : 'done';
    },
    replace: (reparsed) =>
      log.deciding(async (append) => {
        const looked = await lookAt(index, reparsed);
        if (typeof looked === 'string') return looked;
        const { observation, flags, absorbed, event } = reparsed;
        const told = encodeParticulars(looked);
        const { intakeId } = observation;
        const named = { command: 'reparse', intakeId, parser: parserOf(observation) } as const;
        const facts: CommandFacts = { ...named, flags, absorbed, particulars: told.length, event };
        await append({ kind: 'command', facts, payload: [told], particulars: looked });
        return 'done';
      }),
  };
}

/** All that the entry shows because of it, as of a restatement: the record that told of it before may be dropped later. */
async function lookAt(
  index: IndexDb,
  { stood, observation }: Pick<Reparsed, 'stood' | 'observation'>,
): Promise<Restated | 'changed' | 'hold'> {
  const { intakeId } = observation;
  if (stood.intakeId !== intakeId || !isSameMessage(stood, observation) || parserOf(observation) <= parserOf(stood)) {
    throw new Error(`${intakeId}: no newer parse of the same message`);
  }
  const row = await index.intake.get(intakeId);
  const entry = row?.entryId == null ? undefined : await index.entry.get(row.entryId);
  const stands = entry?.observations.find((each) => each.intakeId === intakeId);
  if (entry === undefined || stands === undefined || textOf(stands) !== textOf(stood)) return 'changed';
  const matchKey = entry.id === intakeId ? entry.matchKey : null;
  const told: Restated = { matchKey, observation, learnt: hashesOf(entry) };
  const holdsOn = await holdTest(index);
  const left = holdsOn(restatedEntry(entry, told));
  return holdsOn(entry).every((id) => left.includes(id)) ? told : 'hold';
}
