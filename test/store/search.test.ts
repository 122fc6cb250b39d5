import fc from 'fast-check';
import { MemoryLevel } from 'memory-level';
import { expect, test } from 'vitest';
import { Change } from '../../src/store/change.ts';
import { removeEntry, storeEntry } from '../../src/store/entry-keys.ts';
import { type IndexDb, roomsOf } from '../../src/store/index-db.ts';
import { type IndexMemory, loadIndexMemory } from '../../src/store/index-memory.ts';
import { createMessageReader } from '../../src/store/level-messages.ts';
import type { SearchBounds } from '../../src/store/walk.ts';
import type { ArchiveEntry, Observation } from '../../streams/message.ts';
import type { MessageQuery } from '../../streams/ports.ts';

/** What the model knows of one copy of a message, and an archive of such messages in the plainest words. */
interface Copy {
  readonly date: number | null;
  readonly from: string;
  readonly author: string | null;
  readonly to: readonly string[];
  readonly via: string | null;
  readonly subject: string;
  readonly flags: readonly string[];
  readonly definition: string | null;
}
type Query = Omit<MessageQuery, 'limit' | 'cursor'>;
interface Message {
  readonly id: string;
  readonly messageId: string;
  readonly archivedAt: number;
  readonly copies: readonly Copy[];
}

const day = 86_400_000;
const people = ['ada@x.example', 'Bo@x.example', 'cy@Bücher.example', 'CY@xn--bcher-kva.example', 'list@x.example'];
const words = ['lunch', 'Größe', 'minutes', '42'];
const somebody = fc.constantFrom(...people);

const copies: fc.Arbitrary<Copy> = fc.record({
  date: fc.option(fc.integer({ min: -2, max: 6 }).map((days) => days * day + 7_000)),
  from: somebody,
  author: fc.option(somebody),
  to: fc.uniqueArray(somebody, { maxLength: 3 }),
  via: fc.option(somebody),
  subject: fc.array(fc.constantFrom(...words), { maxLength: 3 }).map((chosen) => chosen.join(' ')),
  flags: fc.subarray(['variant', 'report-partial']),
  definition: fc.option(fc.constantFrom('exchange', 'google')),
});
const filters = fc.record({
  mailbox: somebody,
  from: somebody,
  to: somebody,
  subject: fc.subarray(words, { minLength: 1, maxLength: 2 }).map((chosen) => chosen.join(', ').toUpperCase()),
  flag: fc.constantFrom('variant', 'report-partial'),
  definition: fc.constantFrom('exchange', 'google'),
  messageId: fc.constantFrom('<a@x>', '<b@x>', '<none@x>'),
  since: fc.integer({ min: -2, max: 4 }).map((days) => days * day + 7_000),
  until: fc.integer({ min: 1, max: 6 }).map((days) => days * day + 7_000),
});
/** Two filters at most: with all of them nothing ever fits. */
const queries = fc
  .tuple(
    filters,
    fc.subarray(['mailbox', 'from', 'to', 'subject', 'flag', 'definition', 'messageId', 'since', 'until'], {
      maxLength: 2,
    }),
  )
  .map(([all, chosen]) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => chosen.includes(name))),
  ) as fc.Arbitrary<Query>;
/** What happens to the archive between two pages. */
const happenings = fc.array(
  fc.record({ what: fc.constantFrom('arrives', 'is joined', 'is deleted'), at: fc.nat(), copy: copies }),
  { maxLength: 12 },
);

test('any search, page by page while the archive changes, meets each entry that fits once and in order', async () => {
  const bounds = fc.record({
    reads: fc.integer({ min: 10, max: 16 }),
    keys: fc.integer({ min: 70, max: 120 }),
    looks: fc.integer({ min: 0, max: 5 }),
    namesakes: fc.integer({ min: 0, max: 9 }),
  });
  const archives = fc.array(
    fc.record({ id: fc.nat(9_999), messageId: fc.constantFrom('<a@x>', '<b@x>'), copy: copies }),
    {
      minLength: 20,
      maxLength: 60,
    },
  );
  await fc.assert(
    fc.asyncProperty(
      archives,
      queries,
      fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constant(40)),
      happenings,
      bounds,
      async (...run) => {
        const [messages, query, limit, happens, bound] = run;
        const archive = await openArchive(bound);
        const [early, late] = [messages.filter((_, at) => at % 3 !== 2), messages.filter((_, at) => at % 3 === 2)];
        for (const message of early) await archive.add(message);
        const before = archive.fitting(query);
        const { seen, deleted } = await readAll(archive, { query, limit }, happens, late);
        expect(seen).toEqual([...new Set(seen)]);
        const positions = seen.map((id): readonly [number, string] => archive.positions.get(id) ?? [0, '']);
        expect(positions).toEqual(positions.toSorted(([a, x], [b, y]) => b - a || (x < y ? 1 : -1)));
        for (const id of before) if (!deleted.has(id)) expect(seen).toContain(id);
      },
    ),
    // What failed is made smaller for half a minute at most.
    { numRuns: 150, interruptAfterTimeLimit: 30_000 },
  );
});

test('a search that finds nothing for long answers what it has, and goes on from there wherever it stopped', async () => {
  const plain: Copy = {
    date: null,
    from: 'ada@x.example',
    author: null,
    to: [],
    via: null,
    subject: '',
    flags: [],
    definition: null,
  };
  // Wherever the one that fits stands among those that fit by half.
  for (let place = 10; place < 40; place += 1) {
    const archive = await openArchive({ reads: 3, keys: 9_999, looks: 0, namesakes: 9 });
    for (let id = 0; id < 80; id += 1) {
      const half = id % 2 === 0 ? { ...plain, subject: 'lunch' } : { ...plain, from: 'Bo@x.example' };
      const copy = id === place ? { ...plain, from: 'Bo@x.example', subject: 'lunch' } : half;
      await archive.add({ id, messageId: '<a@x>', copy: { ...copy, date: id * day } });
    }
    const query = { from: 'bo@x.example', subject: 'lunch' };
    const { seen, pages } = await readAll(archive, { query, limit: 5 }, [], []);
    expect(seen).toEqual([`m.00${place}-~`]);
    expect(pages).toBeGreaterThan(1);
  }
});

type Archive = Awaited<ReturnType<typeof openArchive>>;
type Happening = typeof happenings extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

/** All pages; what is shown of each fits at that time, and things happen in between. */
async function readAll(
  archive: Archive,
  { query, limit }: { readonly query: Query; readonly limit: number },
  happens: readonly Happening[],
  late: readonly { readonly id: number; readonly messageId: string; readonly copy: Copy }[],
) {
  const [seen, deleted, arriving] = [[] as string[], new Set<string>(), [...late]];
  let cursor: string | undefined;
  for (let page = 0; page < 500; page += 1) {
    const { items, next } = await archive.reader.find({ ...query, limit, cursor });
    expect(items.length).toBeLessThanOrEqual(limit);
    const fitting = new Set(archive.fitting(query));
    for (const { id } of items) expect(fitting).toContain(id);
    seen.push(...items.map(({ id }) => id));
    if (next === null) return { seen, deleted, pages: page + 1 };
    expect(next).not.toBe(cursor);
    cursor = next;
    const happening = happens[page];
    if (happening?.what === 'arrives') {
      const message = arriving.pop();
      if (message !== undefined) await archive.add(message);
    } else if (happening !== undefined) {
      const id = archive.ids()[happening.at % Math.max(1, archive.ids().length)];
      if (id === undefined) continue;
      if (happening.what === 'is deleted') {
        await archive.remove(id);
        deleted.add(id);
      } else await archive.join(id, happening.copy);
    }
  }
  throw new Error('no end after 500 pages');
}

/** An index in memory beside a model of it. */
async function openArchive(bounds: SearchBounds) {
  const index = roomsOf(new MemoryLevel<string, string>() as never);
  const memory = await loadIndexMemory(index);
  const model = new Map<string, Message>();
  const positions = new Map<string, readonly [number, string]>();
  const store = async (message: Message): Promise<void> => {
    const before = model.get(message.id);
    await write({ index, memory }, before === undefined ? undefined : entryOf(before), entryOf(message));
    model.set(message.id, message);
    // Some stands in the database, some is not written yet.
    if (model.size % 7 === 0) await index.behind.flush({ sync: false });
    positions.set(message.id, [Math.max(0, dateOf(message)), message.id]);
  };
  return {
    reader: createMessageReader(index, bounds),
    positions,
    ids: () => [...model.keys()],
    fitting: (query: Query) => [...model.values()].filter((message) => fits(message, query)).map(({ id }) => id),
    add: async ({ id, messageId, copy }: { id: number; messageId: string; copy: Copy }) => {
      const name = `m.${String(id).padStart(4, '0')}-~`;
      // An id never comes again; one that is deleted, seen before and placed anew would look like a wrong order.
      if (!positions.has(name)) await store({ id: name, messageId, archivedAt: (id % 5) * day, copies: [copy] });
    },
    join: async (id: string, copy: Copy) => {
      const message = model.get(id);
      if (message !== undefined) await store({ ...message, copies: [...message.copies, copy] });
    },
    remove: async (id: string) => {
      const message = model.get(id);
      if (message === undefined) return;
      const change = new Change(index, memory);
      await removeEntry({ index, change }, entryOf(message));
      await change.commit();
      model.delete(id);
    },
  };
}

async function write(
  { index, memory }: { readonly index: IndexDb; readonly memory: IndexMemory },
  before: ArchiveEntry | undefined,
  entry: ArchiveEntry,
): Promise<void> {
  const change = new Change(index, memory);
  storeEntry({ index, change }, before, entry);
  await change.commit();
}

const dateOf = ({ copies: [made], archivedAt }: Message): number => made?.date ?? archivedAt;

const spelt = (address: string): string => address.toLowerCase().replace('xn--bcher-kva', 'bücher');

/** Interface section 5, read as it stands. */
function fits(message: Message, query: Query): boolean {
  const { mailbox, from, to, subject, flag, definition, messageId, since, until } = query;
  const some = (holds: (copy: Copy) => boolean): boolean => message.copies.some(holds);
  const same = (a: string, b: string): boolean => spelt(a) === spelt(b);
  const sent = (who: string) =>
    some(({ from: first, author }) => same(first, who) || (author !== null && same(author, who)));
  const got = (who: string) => some((copy) => copy.to.some((each) => same(each, who)));
  const passed = (who: string) => some((copy) => copy.to.length > 0 && copy.via !== null && same(copy.via, who));
  if (mailbox !== undefined && !sent(mailbox) && !got(mailbox) && !passed(mailbox)) return false;
  if (from !== undefined && !sent(from)) return false;
  if (to !== undefined && !got(to)) return false;
  const wanted = subject?.toLowerCase().split(', ') ?? [];
  if (
    subject !== undefined &&
    !some((copy) => wanted.every((word) => copy.subject.toLowerCase().split(' ').includes(word)))
  )
    return false;
  if (flag !== undefined && !some((copy) => copy.flags.includes(flag))) return false;
  if (definition !== undefined && !some((copy) => copy.definition === definition)) return false;
  if (messageId !== undefined && message.messageId !== messageId) return false;
  return dateOf(message) >= (since ?? -9e15) && dateOf(message) <= (until ?? 9e15);
}

function entryOf({ id, messageId, archivedAt, copies: all }: Message): ArchiveEntry {
  const observations = all.map((copy, at) => observationOf(copy, at === 0 ? id : `${id}${at}`));
  return { id, matchKey: `mid:${messageId}`, archivedAt, origin: 'journal', flags: [], observations };
}

function observationOf(
  { date, from, author, to, via, subject, flags, definition }: Copy,
  intakeId: string,
): Observation {
  const steps = via === null ? [] : [{ kind: 'expanded', address: via } as const];
  return {
    ...{ intakeId, definitionId: definition, origin: 'journal', receivedAt: 0, level: 'L0', family: null, flags },
    ...{ reportMessageId: null, sender: from, onBehalfOf: null, ...(author === null ? {} : { authors: [author] }) },
    recipients: to.map((address) => ({
      ...{ address, type: 'to', via: steps, source: 'envelope', internal: true, known: true },
    })),
    representations: [
      {
        ...{ sha256: intakeId, size: 1, body: [], decoding: 'identity', contentHash: null, protected: false },
        ...{ clearText: false, stub: false, primary: true },
        facts: { messageId: null, from, subject, dateAt: date },
      },
    ],
  };
}
