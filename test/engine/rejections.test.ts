import { expect, test } from 'vitest';
import { createRejectionBook } from '../../src/engine/rejections.ts';
import type { RejectReason } from '../../src/smtp/types.ts';
import type { EventDraft } from '../../streams/ports.ts';

const hour = 3_600_000;

function opened() {
  const events: EventDraft[] = [];
  const added: string[] = [];
  let at = 0;
  const book = createRejectionBook(
    () => at,
    (draft) => void events.push(draft),
    { add: (id) => void added.push(id) },
  );
  const refuse = (time: number, reason: RejectReason, definitionId: string | null = 'exchange'): void => {
    at = time;
    book.note({ definitionId, reason, reply: '451 4.7.1', peer: '192.0.2.7' });
  };
  const standing = (time: number, id = 'exchange') => {
    at = time;
    return book.standing(id);
  };
  return { book, events, added, refuse, standing };
}

test('a refusal stands for an hour after the last one, and counts from the first', () => {
  const { refuse, standing } = opened();
  expect(standing(0)).toBeNull();
  refuse(5, 'source');
  refuse(hour, 'auth-failed');
  expect(standing(2 * hour)).toMatchObject({ reason: 'auth-failed', peer: '192.0.2.7', count: 2, since: 5 });
  expect(standing(2 * hour + 1), 'an hour is over').toBeNull();
  refuse(3 * hour, 'source');
  expect(standing(3 * hour)).toMatchObject({ count: 1, since: 3 * hour });
  expect(standing(3 * hour, 'another')).toBeNull();
});

test('what passes by itself, or is told otherwise, does not stand', () => {
  const { added, refuse, standing } = opened();
  for (const reason of ['suspended', 'overloaded', 'store-full', 'stopping', 'too-slow'] as const) refuse(5, reason);
  refuse(5, 'unknown-address', null);
  expect([standing(5), added.length]).toEqual([null, 5]);
});

test('each is counted, and one event a minute is let through for a peer and a reason', () => {
  const { book, events, added, refuse } = opened();
  for (const at of [0, 59_999, 60_000]) refuse(at, 'source');
  refuse(60_000, 'too-large');
  expect(events.map(({ data }) => data['reason'])).toEqual(['source', 'source', 'too-large']);
  expect([added.length, book.all().length]).toEqual([4, 2]);
});

test('a message that is too large is told for itself with what is known, at most sixty a minute', () => {
  const { book, events, refuse } = opened();
  const mail = { mailFrom: 'exchange@north.example', bytes: 200_000_000 };
  const large = { definitionId: 'exchange', reason: 'too-large', reply: '552 5.3.4', peer: '192.0.2.7', mail } as const;
  for (let n = 0; n < 100; n += 1) book.note(large);
  const each = (): readonly EventDraft[] => events.filter(({ type }) => type === 'too-large');
  expect(each()).toHaveLength(60);
  const { peer, reply } = large;
  expect(each()[0]).toMatchObject({ definitionId: 'exchange', severity: 'warning', data: { peer, reply, ...mail } });
  expect(events.filter(({ type }) => type === 'smtp.rejected')).toHaveLength(1);
  refuse(60_000, 'source');
  book.note(large);
  expect(each()).toHaveLength(61);
});
