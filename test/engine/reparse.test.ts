import { asyncScheduler } from 'rxjs';
import { afterAll, expect, test } from 'vitest';
import type { Explaining } from '../../src/engine/explain.ts';
import { openExaminers } from '../../src/engine/large-mail.ts';
import { reparse } from '../../src/engine/reparse.ts';
import type { Observation } from '../../streams/message.ts';
import { parserVersion } from '../../streams/parser-version.ts';
import type { Directory } from '../../streams/ports.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { archiveAsOlder, type OlderMail, olderSetup } from '../support/older-parser.ts';
import { openStoreFixture, type StoreFixture } from '../support/store-fixture.ts';
import { directoryOf, noon, recipientOf } from '../support/stream-shapes.ts';

const examiners = openExaminers(asyncScheduler);
afterAll(() => examiners[Symbol.asyncDispose]());
const known = directoryOf('ada@north.example');
const at = new Date(noon).toUTCString().replace('GMT', '+0000');
const report = (name: string, parts: Parameters<typeof buildReport>[0] = {}): Buffer => {
  const messageId = `<${name}@north.example>`;
  return buildReport({ messageId, originals: [buildMessage({ messageId, date: at })], ...parts });
};

/** Parses all again: a dry run, or by somebody. */
function again({ store }: StoreFixture, actor: string | null = null, more: { last?: number; cursor?: string } = {}) {
  const { last = 100, ...query } = more;
  return by(store, known, actor, { last, query });
}
function by(
  store: StoreFixture['store'],
  directory: Directory,
  actor: string | null,
  { last = 100, query = {} }: { last?: number; query?: { cursor?: string } } = {},
) {
  const setup = olderSetup(store, directory);
  const clock = { now: () => noon, schedule: asyncScheduler.schedule.bind(asyncScheduler) };
  const workshop = { store, setup, clock, examiners } as unknown as Explaining;
  const who = actor === null ? null : { actor, reason: null };
  return reparse({ cursor: undefined, ...query }, { workshop, last, by: who });
}
const verdicts = ({ items }: Awaited<ReturnType<typeof again>>) =>
  items.map(({ id, repair, why }) => [id, repair, why]);
const wrong = (observation: Observation): Observation => ({
  ...observation,
  recipients: [recipientOf('wrong@north.example')],
  flags: ['report-partial'],
});

/** One of each that a newer parser may meet. */
const mails: readonly OlderMail[] = [
  { id: 'a-same', bytes: report('same') },
  { id: 'b-wrong', bytes: report('wrong'), older: wrong },
  {
    id: 'c-other-message',
    bytes: report('other'),
    older: (seen) => ({
      ...seen,
      representations: seen.representations.map((each) => ({ ...each, facts: { ...each.facts, dateAt: 1_000 } })),
    }),
  },
  {
    id: 'd-out-of-scope',
    bytes: report('scope', {
      sender: 'mallory@east.example',
      recipients: [{ address: 'cy@south.example' }],
      originals: [buildMessage({ messageId: '<scope@north.example>', from: 'mallory@east.example', date: at })],
    }),
    verdict: (verdict) =>
      verdict.kind === 'end' && verdict.outcome === 'skipped'
        ? { kind: 'end', outcome: 'quarantined', reason: 'decode' }
        : verdict,
  },
  { id: 'e-by-this-parser', bytes: report('this'), older: (seen) => ({ ...wrong(seen), parser: parserVersion }) },
  {
    id: 'f-on-hold',
    bytes: report('hold'),
    older: (seen) => ({ ...seen, recipients: [recipientOf('held@x.example')] }),
  },
  {
    id: 'g-would-join',
    bytes: report('wrong'),
    verdict: (verdict) => {
      if (verdict.kind !== 'merge') return verdict;
      return { kind: 'insert', observation: wrong(verdict.observation), collidesWith: [] };
    },
  },
  { id: 'h-joined', bytes: report('wrong', { recipients: [{ address: 'di@north.example' }] }), older: wrong },
];
const hold = { id: 'case', reason: 'r', query: { to: 'held@x.example' }, entryIds: [], placedBy: 'op' };
const holdEvent = { type: 'hold.placed', severity: 'info', actor: 'op', definitionId: null } as const;

/** One message comes each second. */
const secondsOf =
  ({ clock }: StoreFixture) =>
  () =>
    (clock.at += 1_000);

async function olderArchive(): Promise<StoreFixture> {
  const fixture = await openStoreFixture();
  fixture.clock.at = noon;
  await archiveAsOlder(fixture.store, mails, { directory: known, now: secondsOf(fixture) });
  await fixture.store.holds.place(hold, { ...holdEvent, intakeId: null, entryId: null, data: {} });
  return fixture;
}

test('N9 a dry run tells what can be repaired, and why the rest cannot; nothing is written', async () => {
  await using fixture = await olderArchive();
  const { seq } = fixture.store.log.head;
  const told = await again(fixture);
  expect(verdicts(told)).toEqual([
    ['h-joined', 'possible', null],
    ['g-would-join', 'no', 'outcome'],
    ['f-on-hold', 'no', 'hold'],
    ['e-by-this-parser', 'no', 'parser'],
    ['d-out-of-scope', 'no', 'not-archived'],
    ['c-other-message', 'no', 'message'],
    ['b-wrong', 'possible', null],
  ]);
  expect(told).toMatchObject({ parser: parserVersion, looked: 8, changed: 7, repairable: 2, repaired: 0 });
  const changes = told.items.at(-1)!.changes;
  expect(changes.map(({ field }) => field)).toEqual(['flags', 'recipients']);
  expect(changes[1]).toMatchObject({
    from: [{ address: 'wrong@north.example' }],
    to: [{ address: 'bo@north.example' }],
  });
  expect(fixture.store.log.head.seq).toBe(seq);
});

test('N9 it is applied by somebody, message by message, and found as it is now; what is left stays as it was', async () => {
  await using fixture = await olderArchive();
  const { store } = fixture;
  const dry = await again(fixture);
  const untouched = await Promise.all(['a-same', 'c-other-message', 'f-on-hold'].map((id) => store.messages.get(id)));
  const account = await store.ledger();
  const applied = await again(fixture, 'ops');
  expect(applied.items.map(({ changes, id }) => [id, changes])).toEqual(dry.items.map((it) => [it.id, it.changes]));
  expect(verdicts(applied).filter(([, repair]) => repair !== 'no')).toEqual([
    ['h-joined', 'done', null],
    ['b-wrong', 'done', null],
  ]);
  expect(applied).toMatchObject({ repairable: 0, repaired: 2 });
  const find = async (to: string) =>
    (await store.messages.find({ limit: 9, cursor: undefined, to })).items.map(({ id }) => id).toSorted();
  // Two of those that stay as they are name the wrong one.
  expect(await find('wrong@north.example')).toEqual(['e-by-this-parser', 'g-would-join']);
  expect(await find('bo@north.example')).toContain('b-wrong');
  expect(await find('di@north.example')).toEqual(['b-wrong']);
  const repaired = (await store.messages.get('b-wrong'))!.observations;
  expect(repaired.map(({ parser, flags }) => [parser, flags])).toEqual(repaired.map(() => [parserVersion, []]));
  const now = await Promise.all(['a-same', 'c-other-message', 'f-on-hold'].map((id) => store.messages.get(id)));
  expect(now).toEqual(untouched);
  expect(await store.ledger()).toEqual(account);
  const events = await store.events.find({ limit: 9, cursor: undefined, type: 'item.reparsed' });
  expect(events.items.map(({ actor, intakeId, entryId, data }) => [actor, intakeId, entryId, data])).toEqual(
    ['b-wrong', 'h-joined'].map((id) => [
      'ops',
      id,
      'b-wrong',
      {
        parser: { old: 0, new: parserVersion },
        changed: ['flags', 'recipients'],
        recipients: { added: 1, removed: 1 },
      },
    ]),
  );
  // Again: nothing is left to do, and nothing is written.
  const { seq } = store.log.head;
  expect(await again(fixture, 'ops')).toMatchObject({ changed: 5, repaired: 0 });
  expect(store.log.head.seq).toBe(seq);
  await fixture.reopen({ rebuild: true });
  expect((await fixture.store.messages.get('b-wrong'))!.observations).toEqual(repaired);
});

test('page by page it comes to the same as at once', async () => {
  await using fixture = await olderArchive();
  await using other = await olderArchive();
  let [cursor, repaired, pages]: [string | null, number, number] = [null, 0, 0];
  do {
    const page = await again(fixture, 'ops', { last: 1, ...(cursor === null ? {} : { cursor }) });
    [cursor, repaired, pages] = [page.next, repaired + page.repaired, pages + 1];
  } while (cursor !== null);
  await again(other, 'ops');
  expect([repaired, pages]).toEqual([2, mails.length]);
  const entries = async ({ store }: StoreFixture) =>
    (await store.messages.find({ limit: 99, cursor: undefined })).items;
  expect(await entries(fixture)).toEqual(await entries(other));
});

test('who is known stays as it was at the receipt: a changed directory alone changes nothing', async () => {
  await using fixture = await openStoreFixture();
  fixture.clock.at = noon;
  await archiveAsOlder(fixture.store, mails.slice(0, 2), { directory: known, now: secondsOf(fixture) });
  const before = (await fixture.store.messages.get('b-wrong'))!.observations[0]!;
  const today = directoryOf('bo@north.example', 'wrong@north.example');
  const told = await by(fixture.store, today, 'ops');
  expect(verdicts(told)).toEqual([['b-wrong', 'done', null]]);
  const after = (await fixture.store.messages.get('b-wrong'))!.observations[0]!;
  expect(after.mailboxes).toEqual([...before.mailboxes!, 'bo@north.example']);
});
