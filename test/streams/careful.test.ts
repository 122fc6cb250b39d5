import { concat, defer, NEVER, type Observable } from 'rxjs';
import { expect, test } from 'vitest';
import type { Suspicion } from '../../streams/careful.ts';
import type { SpoolItem } from '../../streams/message.ts';
import type { SettleRequest } from '../../streams/ports.ts';
import { Line } from '../support/line.ts';
import { atOnce, other, reportOf } from '../support/line-mail.ts';

/** Suspects by id, with the attempts that were made with each; tells what is worked on, and when that ends. */
function suspecting(attempts: Readonly<Record<string, number>>) {
  const told: string[] = [];
  const suspicion: Suspicion = {
    isSuspect: ({ intakeId }: SpoolItem) => attempts[intakeId] !== undefined,
    alone: <T>({ intakeId }: SpoolItem, work: (attempts: number) => Observable<T>) =>
      concat(
        defer(() => {
          told.push(`begin ${intakeId}`);
          return work(attempts[intakeId] ?? 0);
        }),
        defer(() => {
          told.push(`end ${intakeId}`);
          return [];
        }),
      ),
  };
  return { told, suspicion };
}
const take = (line: Line, count: number): void =>
  line.takeAtOnce(Array.from({ length: count }, (_, at) => reportOf(other(at + 1), 'bo@north.example')));

test('suspects are settled one by one before all others, which go together', () => {
  const { told, suspicion } = suspecting({ 'intake-002': 1, 'intake-003': 2 });
  using line = new Line({ options: atOnce, ports: { suspicion } });
  const settled: string[] = [];
  const { settle } = line.store.archive;
  line.store.archive.settle = (requests: readonly SettleRequest[]) => {
    settled.push(requests.map(({ item }) => item.intakeId).join(' '));
    told.push('settle');
    return settle(requests);
  };
  take(line, 4);
  line.until(1);
  expect(settled).toEqual(['intake-002', 'intake-003', 'intake-001 intake-004']);
  expect(told).toEqual([
    ...['begin intake-002', 'settle', 'end intake-002', 'begin intake-003', 'settle', 'end intake-003', 'settle'],
  ]);
  expect(Object.values(line.ends)).toEqual(['archived', 'archived', 'archived', 'archived']);
});

test('one that the process has died of three times is quarantined unread, with its bytes, and the others go on', () => {
  const { suspicion } = suspecting({ 'intake-001': 3, 'intake-002': 2 });
  const read: string[] = [];
  using line = new Line({
    options: atOnce,
    ports: { suspicion, bodies: { read: (...asked) => line.store.bodies.read(...asked) } },
  });
  const { read: stored } = line.store.bodies;
  line.store.bodies.read = (body, decoding, sha256) => {
    read.push(sha256);
    return stored(body, decoding, sha256);
  };
  take(line, 3);
  line.until(1);
  expect(line.ends).toEqual({
    'intake-001': 'quarantined poison',
    'intake-002': 'archived',
    'intake-003': 'archived',
  });
  const { item } = line.store.ended.get('intake-001')!;
  expect(read).not.toContain(item.sha256);
  expect(item.steps.at(-1)).toMatchObject({ step: 'failed', detail: 'the process died each time it was worked on' });
});

test('while one suspect has not ended, nobody of its line goes on', () => {
  const suspicion: Suspicion = { isSuspect: ({ intakeId }) => intakeId === 'intake-001', alone: () => NEVER };
  using line = new Line({ options: atOnce, ports: { suspicion } });
  take(line, 2);
  line.until(60);
  expect(line.ends).toEqual({});
});
