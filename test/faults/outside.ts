import { createHash } from 'node:crypto';
import type { Daybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Entry, type IntakeItem, statusOf } from '../support/journal-api.ts';

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What was promised for one message: by a 250 with its id, or by a DELE, which has none. */
export interface Promised {
  readonly by: '250' | 'DELE';
  readonly id: string | null;
  readonly sha256: string;
  readonly messageId: string;
  /** Epoch ms at which the message began its way. */
  readonly sentAt: number;
}

/**
 * The account that the engine cannot touch: every message that was promised, kept by its senders. All of it must be
 * found in the engine after any fault (reliability G1 to G4); what was sent without an answer may be there or not.
 */
export class Outside {
  readonly promises: Promised[] = [];
  /** Messages that were begun, answered or not. */
  sent = 0;

  get acknowledged(): number {
    return this.#count('250');
  }
  get deleted(): number {
    return this.#count('DELE');
  }

  #count(kind: Promised['by']): number {
    return this.promises.filter(({ by }) => by === kind).length;
  }
}

/** What does not hold; empty lists and 0 where all does. */
export interface Findings {
  /** Promised and not in custody, or settled and not archived. */
  readonly lost: readonly string[];
  /** Archived more than once. */
  readonly doubled: readonly string[];
  /** In custody with other bytes than were sent. */
  readonly changed: readonly string[];
  /** In custody, and refused when it was asked for. */
  readonly unreadable: readonly string[];
  /** The largest difference of the conservation accounts (INV-3). */
  readonly difference: number;
}
export const nothingFound: Findings = { lost: [], doubled: [], changed: [], unreadable: [], difference: 0 };

/** How many messages are fetched at once to compare their bytes. */
const readers = 8;
/** A message's Date has whole seconds, and the list of the API counts by it. */
const dateSlackMs = 2_000;

/** Looks, right after a start, for what was promised since the `from`th promise: there, once, and byte for byte. */
export async function examine(daybook: Daybook, { promises }: Outside, from = 0): Promise<Findings> {
  const mine = promises.slice(from);
  if (mine.length === 0) return nothingFound;
  const earliest = Math.min(...mine.map(({ sentAt }) => sentAt)) - dateSlackMs;
  const since = `since=${new Date(from === 0 ? 0 : earliest).toISOString()}`;
  const intake = await all<IntakeItem>(daybook, `/v1/intake?${since}`);
  const byId = new Map(intake.map((item) => [item.id, item]));
  const byHash = new Map(intake.map((item) => [item.sha256, item]));
  const lost: string[] = [];
  const changed: string[] = [];
  const unreadable: string[] = [];
  const toRead: { readonly id: string; readonly promised: Promised }[] = [];
  for (const promised of mine) {
    const item = promised.id === null ? byHash.get(promised.sha256) : byId.get(promised.id);
    if (item === undefined) lost.push(nameOf(promised));
    else if (item.sha256 !== promised.sha256) changed.push(nameOf(promised));
    else toRead.push({ id: item.id, promised });
  }
  const read = async (): Promise<void> => {
    for (let next = toRead.pop(); next !== undefined; next = toRead.pop()) {
      const answer = await daybook.fetch(`/v1/intake/${next.id}/raw`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (!answer.ok) unreadable.push(nameOf(next.promised));
      else if (sha256(bytes) !== next.promised.sha256) changed.push(nameOf(next.promised));
    }
  };
  await Promise.all(Array.from({ length: readers }, read));
  return { lost, changed, unreadable, doubled: await doubledOf(daybook, since), difference: 0 };
}

/** Waits until all is settled, and then looks for all that was ever promised: archived once, and the accounts add up. */
export async function examineSettled(
  daybook: Daybook,
  outside: Outside,
  definitions: readonly string[],
): Promise<Findings> {
  const differences: number[] = [];
  for (const id of definitions) {
    const status = await eventually(
      async () => {
        const now = await statusOf(daybook, id);
        return now.processingQueue.messages === 0 && now;
      },
      { what: `an empty processing queue of ${id}`, withinMs: 120_000 },
    );
    differences.push(Math.abs(difference(status)));
  }
  const custody = await examine(daybook, outside);
  const archived = new Set((await all<Entry>(daybook, '/v1/messages')).map(({ messageId }) => messageId));
  const missing = outside.promises.filter(({ messageId }) => !archived.has(messageId)).map(nameOf);
  return {
    ...custody,
    lost: [...new Set([...custody.lost, ...missing])],
    difference: Math.max(0, ...differences),
  };
}

/** Everything found in several looks. */
export const together = (looks: readonly Findings[]): Findings => ({
  lost: [...new Set(looks.flatMap(({ lost }) => lost))],
  doubled: [...new Set(looks.flatMap(({ doubled }) => doubled))],
  changed: [...new Set(looks.flatMap(({ changed }) => changed))],
  unreadable: [...new Set(looks.flatMap(({ unreadable }) => unreadable))],
  difference: Math.max(0, ...looks.map(({ difference: each }) => each)),
});

async function doubledOf(daybook: Daybook, since: string): Promise<readonly string[]> {
  const ids = (await all<Entry>(daybook, `/v1/messages?${since}`)).map(({ messageId }) => messageId ?? 'no id');
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}

const nameOf = ({ by, id, messageId }: Promised): string => `${messageId} (${id ?? by})`;
