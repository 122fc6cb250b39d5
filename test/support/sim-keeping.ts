import { MemoryLevel } from 'memory-level';
import { assembleStore, logOn } from '../../src/store/assemble-store.ts';
import { type Database, roomsOf } from '../../src/store/index-db.ts';
import type { Store } from '../../src/store/open-store.ts';
import type { SpoolItem, Verdict } from '../../streams/message.ts';
import { MemoryDisk, memoryBytes } from './memory-bytes.ts';
import { below } from './prng.ts';
import { must } from './sim-look.ts';
import { parsedItem, value } from './store-fixture.ts';
import { day, factsOf, observationOf, recipientOf } from './stream-shapes.ts';

export const keepers = ['short', 'long', 'ever'] as const;
type Keeper = (typeof keepers)[number];
const words = ['amber', 'birch', 'cedar'] as const;

/** What the world knows of one message, beside the engine and by other means. */
interface Known {
  readonly id: string;
  readonly word: string;
  readonly intakeIds: string[];
  readonly seenBy: Set<Keeper>;
  lastAt: number;
  /** Null while it stands. */
  goneAt: number | null;
  erased: boolean;
}
interface KnownHold {
  readonly id: string;
  readonly entryId: string | null;
  readonly word: string | null;
}

/** One store under retention, holds, kills and rebuilds, and a second account of what may be gone and what must be. */
export class KeepingWorld {
  readonly known = new Map<string, Known>();
  readonly holds = new Map<string, KnownHold>();
  /** What was said of each, newest last; before the first word it is for ever. */
  readonly said = new Map<Keeper, { readonly from: number; readonly ms: number }[]>();
  readonly #random: () => number;
  now = Date.parse('2026-11-23T12:00:00Z');
  store!: Store;
  deleted = 0;
  reparsed = 0;
  /** The newest parser of each intake that was parsed again. */
  readonly parsers = new Map<string, number>();
  #disk = new MemoryDisk();
  #database: Database = new MemoryLevel<string, string>() as unknown as Database;
  #count = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  async open(): Promise<void> {
    this.store = await this.#assemble(this.#disk, this.#database);
  }

  #assemble(disk: MemoryDisk, database: Database): Promise<Store> {
    return assembleStore({
      openLog: logOn(memoryBytes(disk)),
      index: roomsOf(database),
      lock: { [Symbol.asyncDispose]: async () => undefined },
      now: () => this.now,
      journalTypeOf: () => 'eej',
      checkpointBytes: 20_000,
    });
  }

  /** Memory is gone at once: what the index had not written is folded again. */
  async kill(): Promise<void> {
    this.#disk = this.#disk.crash(this.#disk.records.length - this.#disk.synced);
    await this.open();
  }

  /** From the log alone. */
  async rebuild(): Promise<void> {
    this.#database = new MemoryLevel<string, string>() as unknown as Database;
    await this.kill();
  }

  async passDays(days: number): Promise<void> {
    for (let at = 0; at < days; at += 1) {
      this.now += day;
      await this.store.retention.look(this.now);
    }
  }

  /** Some messages in one window: new ones, and copies of such as stand. */
  async receive(): Promise<void> {
    const wanted = Array.from({ length: 1 + below(this.#random, 4) }, () => {
      const standing = [...this.known.values()].filter(({ goneAt }) => goneAt === null);
      const into = this.#random() < 0.4 ? standing[below(this.#random, Math.max(1, standing.length))] : undefined;
      const keeper = keepers[below(this.#random, 3)] ?? 'ever';
      return { into, keeper, word: into?.word ?? words[below(this.#random, 3)] ?? '' };
    });
    const requests = [];
    for (const { into, keeper, word } of wanted) {
      this.#count += 1;
      const intakeId = `i${String(this.#count).padStart(5, '0')}`;
      requests.push(await this.#take(intakeId, { into, keeper, word }));
    }
    await value(this.store.archive.settle(requests));
  }

  async #take(intakeId: string, { into, keeper, word }: { into: Known | undefined; keeper: Keeper; word: string }) {
    const receipt = this.store.custody.begin();
    await receipt.write(Buffer.from(`${intakeId} says ${word}`));
    const transport = { kind: 'smtp', peer: null, tls: null, authenticatedAs: null, uidl: null } as const;
    const targets = [{ intakeId, definitionId: keeper, definitionVersion: 1 }];
    const envelope = { mailFrom: `${word}@from.example`, rcptTo: [`${intakeId}@to.example`] };
    const received = {
      targets,
      origin: 'journal',
      receivedAt: this.now,
      transport: { ...transport, ...envelope },
    } as const;
    await value(receipt.commit(received) as Promise<unknown>);
    const { items } = await value(this.store.spool.due(keeper, this.now, 500));
    const item = items.find((each) => each.intakeId === intakeId) as SpoolItem;
    const name = into?.id ?? intakeId;
    const facts = factsOf({ messageId: `<${name}@x>`, subject: word });
    const parsed = parsedItem(item, { messageId: `<${name}@x>`, subject: word });
    const representations = parsed.parsed.representations.map((each) => ({ ...each, facts }));
    const observation = observationOf(intakeId, {
      definitionId: keeper,
      receivedAt: this.now,
      recipients: [recipientOf(`${intakeId}@north.example`)],
      representations,
    });
    const learnt =
      this.#random() < 0.3 ? Object.fromEntries(representations.map((each) => [each.sha256, 'd'.repeat(64)])) : {};
    const verdict: Verdict =
      into === undefined
        ? { kind: 'insert', observation, collidesWith: [] }
        : { kind: 'merge', entryId: into.id, case: 'M1', observation, noop: false, learnt };
    const stands = into ?? {
      id: intakeId,
      word,
      intakeIds: [],
      seenBy: new Set(),
      lastAt: 0,
      goneAt: null,
      erased: false,
    };
    stands.intakeIds.push(intakeId);
    stands.seenBy.add(keeper);
    stands.lastAt = this.now;
    this.known.set(stands.id, stands);
    return { item: parsed, keys: [`mid:<${name}@x>`], decide: () => verdict };
  }

  async say(): Promise<void> {
    const keeper = keepers[below(this.#random, 2)] ?? 'short';
    const ms = (1 + below(this.#random, keeper === 'short' ? 10 : 40)) * day;
    const said = this.said.get(keeper) ?? [];
    if (said.at(-1)?.ms === ms) return;
    await this.store.retention.keep(keeper, ms);
    this.said.set(keeper, [...said, { from: this.now, ms }]);
  }

  async hold(): Promise<void> {
    this.#count += 1;
    const id = `h${this.#count}`;
    const standing = [...this.known.keys()];
    const byWord = this.#random() < 0.5;
    const entryId = byWord ? null : (standing[below(this.#random, Math.max(1, standing.length))] ?? null);
    const word = byWord ? (words[below(this.#random, 3)] ?? null) : null;
    const query = word === null ? null : { subject: word };
    const event = this.#event('hold.placed');
    await this.store.holds.place(
      { id, reason: 'r', query, entryIds: entryId === null ? [] : [entryId], placedBy: 'op' },
      event,
    );
    this.holds.set(id, { id, entryId, word });
  }

  async lift(): Promise<void> {
    const ids = [...this.holds.keys()];
    const id = ids[below(this.#random, Math.max(1, ids.length))];
    if (id === undefined) return;
    await this.store.holds.lift(id, this.#event('hold.lifted'));
    this.holds.delete(id);
  }

  async erase(): Promise<void> {
    const all = [...this.known.values()];
    const one = all[below(this.#random, Math.max(1, all.length))];
    if (one === undefined) return;
    const answer = await this.store.retention.erase(one.id, this.#event('message.erased'));
    const expected = one.goneAt !== null ? 'gone' : this.isHeld(one) ? 'held' : 'done';
    must(answer.kind === expected, () => `erasure of ${one.id} is ${answer.kind}, should be ${expected}`);
    if (answer.kind !== 'done') return;
    [one.goneAt, one.erased] = [this.now, true];
    this.deleted += 1;
  }

  /** A pass of retention: exactly what is due and on no hold is gone after it. */
  async deleteDue(): Promise<void> {
    for await (const some of this.store.retention.due(this.now)) this.deleted += some;
    for (const one of this.known.values()) {
      if (one.goneAt === null && this.isDue(one) && !this.isHeld(one)) one.goneAt = this.now;
    }
  }

  /** A newer parse of one copy, which names somebody else; now and then an older one that comes too late. */
  async reparse(): Promise<void> {
    const standing = [...this.known.values()].filter(({ goneAt }) => goneAt === null);
    const one = standing[below(this.#random, Math.max(1, standing.length))];
    const intakeId = one?.intakeIds[below(this.#random, one.intakeIds.length)];
    const entry = one === undefined ? undefined : await this.store.messages.get(one.id);
    const stood = entry?.observations.find((each) => each.intakeId === intakeId);
    if (intakeId === undefined || stood === undefined) return;
    const parser = (this.parsers.get(intakeId) ?? 0) + 2;
    const replace = (newer: number) => {
      const recipients = [recipientOf(this.addressOf(intakeId, newer))];
      const observation = { ...stood, parser: newer, recipients };
      return this.store.reparses.replace({
        ...{ stood, observation, flags: [], absorbed: false },
        event: this.#event('item.reparsed'),
      });
    };
    const answer = await replace(parser);
    must(answer === 'done', () => `${intakeId} parsed again: ${answer}`);
    const late = await replace(parser - 1);
    must(late === 'changed', () => `${intakeId} parsed again by an older parser: ${late}`);
    this.parsers.set(intakeId, parser);
    this.reparsed += 1;
  }

  /** Whom a parser names; 0 is the one that was there first. */
  addressOf(intakeId: string, parser = this.parsers.get(intakeId) ?? 0): string {
    return parser === 0 ? `${intakeId}@north.example` : `p${parser}.${intakeId}@north.example`;
  }

  async night(): Promise<void> {
    await this.passDays(1);
    while ((await this.store.housekeeping.dropPurged(this.now, 50)) > 0);
  }

  isHeld({ id, word }: Known): boolean {
    return [...this.holds.values()].some((hold) => hold.entryId === id || hold.word === word);
  }

  /** Written down from the guarantee, not from the code: everyone's longest word of the last seven days has passed. */
  isDue({ seenBy, lastAt }: Known): boolean {
    return [...seenBy].every((keeper) => {
      const said = this.said.get(keeper) ?? [];
      const longest = said.reduce((most, { from, ms }, at) => {
        const until = said[at + 1]?.from ?? Number.POSITIVE_INFINITY;
        return until > this.now - 7 * day && from <= this.now ? Math.max(most, ms) : most;
      }, 0);
      const first = said[0]?.from ?? Number.POSITIVE_INFINITY;
      return first <= this.now - 7 * day && lastAt + longest <= this.now;
    });
  }

  #event(type: string) {
    return {
      type,
      severity: 'info',
      actor: 'op',
      definitionId: null,
      intakeId: null,
      entryId: null,
      data: {},
    } as const;
  }
}
