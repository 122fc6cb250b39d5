import { expect, test } from 'vitest';
import { createAccessTrail } from '../../src/engine/access-trail.ts';
import type { EventDraft } from '../../streams/ports.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const noted = () => {
  const clock = new VirtualClock(0);
  const drafts: EventDraft[] = [];
  return { clock, drafts, accessed: createAccessTrail(clock, (draft) => drafts.push(draft)) };
};
const who = { actor: 'eve', peer: '192.0.2.1' } as const;

test('a look is one line of the event log, without what was seen', () => {
  const { drafts, accessed } = noted();
  accessed({ kind: 'view', ...who, entryId: 'E1' });
  accessed({ kind: 'search', ...who, query: { mailbox: 'bo@north.example' } });
  accessed({ kind: 'intake-download', ...who, intakeId: 'I1' });
  expect(drafts).toEqual([
    {
      type: 'message.viewed',
      severity: 'info',
      actor: 'eve',
      definitionId: null,
      intakeId: null,
      entryId: 'E1',
      data: { peer: '192.0.2.1' },
    },
    {
      type: 'messages.searched',
      severity: 'info',
      actor: 'eve',
      definitionId: null,
      intakeId: null,
      entryId: null,
      data: { peer: '192.0.2.1', query: { mailbox: 'bo@north.example' } },
    },
    {
      type: 'intake.downloaded',
      severity: 'info',
      actor: 'eve',
      definitionId: null,
      intakeId: 'I1',
      entryId: null,
      data: { peer: '192.0.2.1' },
    },
  ]);
});

test('the same look is told of once a minute; by another, at another, or another kind of it each time', () => {
  const { clock, drafts, accessed } = noted();
  for (let times = 0; times < 5; times += 1) accessed({ kind: 'view', ...who, entryId: 'E1' });
  expect(drafts).toHaveLength(1);
  accessed({ kind: 'view', ...who, actor: 'mallory', entryId: 'E1' });
  accessed({ kind: 'view', ...who, entryId: 'E2' });
  accessed({ kind: 'download', ...who, entryId: 'E1' });
  expect(drafts).toHaveLength(4);
  clock.runUntil(59_999);
  accessed({ kind: 'view', ...who, entryId: 'E1' });
  expect(drafts).toHaveLength(4);
  clock.runUntil(60_000);
  accessed({ kind: 'view', ...who, entryId: 'E1' });
  expect(drafts).toHaveLength(5);
});
