import { isDeepStrictEqual } from 'node:util';
import type { ArchiveEntry, IntakeState } from '../../streams/message.ts';
import { outcomes } from '../../streams/message.ts';
import type { IntakeRecord, Page, PageQuery } from '../../streams/ports.ts';
import { places, type SimEngine } from './sim-engine.ts';
import { box, type SimMail } from './sim-mail.ts';
import type { Promised } from './sim-senders.ts';

/** A broken invariant; the message names it. */
export class Violation extends Error {
  override name = 'Violation';
}

export function must(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Violation(what());
}

/** All that readers see of a store. */
export interface Picture {
  readonly intake: readonly IntakeRecord[];
  readonly entries: readonly ArchiveEntry[];
  readonly events: readonly unknown[];
  readonly figures: readonly unknown[];
  readonly ledger: readonly unknown[];
  readonly definitions: readonly unknown[];
}
/** The ledger of the mailbox: what is known of its items but for whether QUIT has confirmed their end. */
export interface MailboxPicture {
  readonly items: readonly unknown[];
  /** How long the log was. */
  readonly records: number;
}

export async function pictureOf({ store }: SimEngine): Promise<Picture> {
  return {
    intake: await all((query) => store.intake.find(query)),
    entries: await all((query) => store.messages.find(query)),
    events: await all((query) => store.events.find(query)),
    figures: places.map((place) => store.figuresOf(place)),
    ledger: await store.ledger(),
    definitions: await store.definitions.all(),
  };
}

/** Of an engine by itself: a cluster has it in the database. */
export async function mailboxOf({ store }: SimEngine): Promise<MailboxPicture> {
  const records = store.log.head.seq;
  const items = [...(await store.uidl(box).read())].map(([key, { state, listSize, rawSha256 }]) => {
    return { key, listSize, rawSha256, state: rawSha256 === null ? state : 'in custody' };
  });
  return { items, records };
}

/** Journaling c.8: what comes from a mailbox again, its end not confirmed, makes no second record. */
export function fetchedOnce({ intake }: Picture, gone: readonly SimMail[]): void {
  const left = new Map<string, number>();
  for (const { sha256 } of gone) left.set(sha256, (left.get(sha256) ?? 0) + 1);
  for (const { intakeId, sha256, transport } of intake) {
    if (transport.kind !== 'pop3') continue;
    const count = left.get(sha256) ?? 0;
    must(count > 0, () => `c.8: ${intakeId} is a second record of an item of the mailbox`);
    left.set(sha256, count - 1);
  }
}

async function all<T>(find: (query: PageQuery) => Promise<Page<T>>): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await find({ limit: 50, cursor });
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return items;
}

/** What was seen at earlier looks of one run, and must still be there at each later one. */
export class Watch {
  readonly #ended = new Map<string, string>();
  readonly #recipients = new Map<string, ReadonlySet<string>>();
  looks = 0;

  /** Conservation, promises kept, ends that stay, recipients that never shrink. */
  async look(engine: SimEngine, promised: readonly Promised[], gone: readonly SimMail[]): Promise<Picture> {
    this.looks += 1;
    const picture = await pictureOf(engine);
    conserved(engine, picture);
    const records = new Map(picture.intake.map((record) => [record.intakeId, record]));
    for (const { mail, custodied } of promised) {
      for (const intakeId of custodied.intakeIds) {
        const record = records.get(intakeId);
        must(record !== undefined, () => `INV-1: ${intakeId} was acknowledged and is not in custody`);
        must(record.sha256 === mail.sha256, () => `INV-6: ${intakeId} has another hash than the mail`);
      }
    }
    const held = new Set(picture.intake.map(({ sha256 }) => sha256));
    for (const { sha256 } of gone) {
      must(held.has(sha256), () => `INV-1: ${sha256} was deleted from its mailbox and is not in custody`);
    }
    for (const record of picture.intake) this.#seeEnd(record);
    const missing = new Set(this.#recipients.keys());
    for (const entry of picture.entries) {
      missing.delete(entry.id);
      this.#seeRecipients(entry);
    }
    must(missing.size === 0, () => `INV-4: entries were seen and are gone: ${[...missing].join()}`);
    return picture;
  }

  #seeEnd({ intakeId, state, reason, entryId }: IntakeRecord): void {
    const before = this.#ended.get(intakeId);
    const end = JSON.stringify([state, reason, entryId]);
    must(before === undefined || before === end, () => `INV-2: ${intakeId} ended as ${before}, then as ${end}`);
    if (isEnd(state)) this.#ended.set(intakeId, end);
  }

  #seeRecipients({ id, observations }: ArchiveEntry): void {
    const now = new Set(observations.flatMap(({ recipients }) => recipients.map((each) => JSON.stringify(each))));
    for (const known of this.#recipients.get(id) ?? []) {
      must(now.has(known), () => `INV-4: entry ${id} has lost the recipient ${known}`);
    }
    this.#recipients.set(id, now);
  }
}

/** INV-3: the figures, the ledger and the records themselves say the same. */
function conserved({ store }: SimEngine, { intake }: Picture): void {
  for (const place of places) {
    const figures = store.figuresOf(place);
    const { received, archived, matched, skipped, held, quarantined, queueMessages } = figures;
    const sum = queueMessages + archived + matched + skipped + held + quarantined;
    must(received === sum, () => `INV-3: ${place} received ${received}, and accounts for ${sum}`);
    const counted: Record<string, number> = { queueMessages: 0 };
    for (const outcome of outcomes) counted[outcome] = 0;
    for (const { state, definitionId } of intake) {
      if (definitionId !== place) continue;
      const name = isEnd(state) ? state : 'queueMessages';
      counted[name] = (counted[name] ?? 0) + 1;
    }
    const said = { queueMessages, archived, matched, skipped, held, quarantined };
    must(
      isDeepStrictEqual(said, counted),
      () => `INV-3: ${place} says ${JSON.stringify(said)}, its records ${JSON.stringify(counted)}`,
    );
  }
}

/** INV-3 in the ledger: day by day it says what the figures say. */
export function ledgerAgrees({ figures, ledger }: Picture): void {
  for (const [at, place] of places.entries()) {
    const rows = (ledger as readonly (Record<string, number> & { definition: unknown })[]).filter(
      ({ definition }) => definition === place,
    );
    const sum = (name: string): number => rows.reduce((total, row) => total + (row[name] ?? 0), 0);
    const said = figures[at] as Record<string, number>;
    for (const name of ['received', ...outcomes]) {
      must(
        sum(name) === said[name],
        () => `INV-3: the ledger of ${place} has ${sum(name)} ${name}, the figures ${said[name]}`,
      );
    }
    must(
      sum('inProcess') === said['queueMessages'],
      () => `INV-3: the ledger of ${place} has ${sum('inProcess')} in process`,
    );
  }
}

export const isEnd = (state: IntakeState): boolean => (outcomes as readonly string[]).includes(state);
