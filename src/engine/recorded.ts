import { addressKey } from '../../streams/address-key.ts';
import type { ArchiveEntry, Observation } from '../../streams/message.ts';
import type { Directory, IntakeRecord } from '../../streams/ports.ts';
import { sendersIn } from '../../streams/screen.ts';
import type { Store } from '../store/open-store.ts';
import { type Ending, endingOfObservation } from './explain-changes.ts';

/** How an intake record ended, in the words of an explanation, and what stands of it in the archive. */
export interface Recorded {
  readonly ending: Partial<Ending>;
  /** Null where it was set aside. */
  readonly stands: { readonly entry: ArchiveEntry; readonly observation: Observation } | null;
}

/** Null while it is in process, or where its entry is gone. */
export async function recordedOf(
  { intakeId, state, reason, entryId, flags }: IntakeRecord,
  { messages }: Pick<Store, 'messages'>,
): Promise<Recorded | null> {
  if (state === 'held' || state === 'skipped' || state === 'quarantined') {
    return { ending: { outcome: state, reason, flags }, stands: null };
  }
  if (state !== 'archived' && state !== 'matched') return null;
  const entry = entryId === null ? undefined : await messages.get(entryId);
  const observation = entry?.observations.find((each) => each.intakeId === intakeId);
  if (entry === undefined || observation === undefined) return null;
  const joined = entryId === intakeId ? null : entryId;
  const ending = { outcome: state, reason, entryId: joined, ...endingOfObservation(observation) };
  return { ending, stands: { entry, observation } };
}

/** The directory as it was when the message was received, of those it names; of all others as it is now. */
export function directoryAtReceipt(observation: Observation, now: Directory): Directory {
  const { recipients, mailboxes = [] } = observation;
  const verdicts = new Map<string, ReturnType<Directory['classify']>>();
  for (const address of observation.mailboxes === undefined ? [] : sendersIn(observation)) {
    verdicts.set(addressKey(address), { ...now.classify(address), known: false });
  }
  for (const { address, internal, known } of recipients) verdicts.set(addressKey(address), { internal, known });
  for (const address of mailboxes) verdicts.set(addressKey(address), { internal: true, known: true });
  return { classify: (address) => verdicts.get(addressKey(address)) ?? now.classify(address) };
}
