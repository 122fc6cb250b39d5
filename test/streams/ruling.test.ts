import { describe, expect, test } from 'vitest';
import { afterFailure } from '../../streams/failed-step.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { ArchiveEntry, JournalOptions, MatchingOptions, SpoolItem, Verdict } from '../../streams/message.ts';
import { type Candidate, requestOf } from '../../streams/ruling.ts';
import {
  dayMs,
  directory,
  entry,
  journalOptions,
  mail,
  matchingOptions,
  noon,
  noTimes,
  observation,
  recipient,
  representation,
  spoolItem,
} from './fixtures.ts';

interface Given {
  readonly item?: Partial<SpoolItem>;
  readonly options?: Partial<JournalOptions>;
  readonly matching?: Partial<MatchingOptions>;
  readonly entries?: readonly ArchiveEntry[];
  readonly learnt?: Candidate['learnt'];
  readonly now?: number;
}
const parsed = mail();
function ruled({ item, options, matching, entries = [], learnt = {}, now = noon }: Given) {
  const candidate = {
    item: { ...spoolItem('i1', { state: 'parsed', ...item }), parsed: item?.parsed ?? parsed },
    learnt,
  };
  const request = requestOf(candidate, {
    options: { ...journalOptions, ...options },
    matching: { ...matchingOptions, ...matching },
    directory,
    now,
  });
  return { ...request, verdict: request.decide(entries) };
}
const verdictOf = (given: Given): Verdict => ruled(given).verdict;
const aged = (ageMs: number) => mail({ times: { ...noTimes, date: noon - ageMs } });
const old = aged(31 * dayMs);
const foreign = mail({ sender: 'eve@south.example', observed: [recipient('zoe@south.example')] });
const held = { kind: 'end', outcome: 'held', reason: 'expired' };
const skipped = { kind: 'end', outcome: 'skipped', reason: 'non-internal' };

describe('what ends an item before it is looked up', () => {
  test('what cannot be read is quarantined under its reason, before its age is asked for', () => {
    const unreadable = { ...old, class: 'quarantine', level: 'L5', quarantineReason: 'limit:parts' } as const;
    expect(verdictOf({ item: { parsed: unreadable } })).toEqual({
      kind: 'end',
      outcome: 'quarantined',
      reason: 'limit:parts',
    });
    expect(verdictOf({ item: { parsed: unreadable, overrides: ['quarantine'] } })).toMatchObject(held);
  });

  test('an operator who insists on what cannot be read gets it archived, though it names nobody', () => {
    const unreadable = { ...foreign, class: 'quarantine', level: 'L5', quarantineReason: 'no-headers' } as const;
    const given = {
      item: { parsed: unreadable, overrides: ['quarantine'] as const },
      options: { deliveryWaitAttempts: 1 },
    };
    expect(verdictOf(given)).toMatchObject({ kind: 'insert' });
  });

  test('over age is held, before scope is asked for; a release takes the rule off', () => {
    expect(ruled({ item: { parsed: { ...foreign, times: old.times } } })).toMatchObject({ verdict: held, keys: [] });
    expect(verdictOf({ item: { parsed: old, overrides: ['age'] } })).toMatchObject({ kind: 'defer' });
  });

  test('out of scope is skipped and never matched; a release takes the rule off', () => {
    const entries = [entry('e1')];
    expect(ruled({ item: { parsed: foreign }, entries })).toMatchObject({ verdict: skipped, keys: [] });
    expect(verdictOf({ item: { parsed: foreign, overrides: ['scope'] }, entries })).toMatchObject({ kind: 'merge' });
  });

  test.each(['delayed', 'matching'] as const)(
    'an item that is %s was found in order at its receipt and stays so',
    (state) => {
      const strange = { ...foreign, times: old.times };
      expect(verdictOf({ item: { parsed: strange, state, attempt: 1 } })).toMatchObject({ kind: 'defer' });
    },
  );

  test('an alert of ours that was journaled back is skipped, however old; a release takes the rule off', () => {
    const ours = { ...old, flags: ['own-notice'] };
    const loop = { kind: 'end', outcome: 'skipped', reason: 'loop' };
    expect(verdictOf({ item: { parsed: ours } })).toEqual(loop);
    expect(verdictOf({ item: { parsed: ours, overrides: ['scope', 'age'] } })).toMatchObject({ kind: 'defer' });
    expect(verdictOf({ item: { parsed: ours, origin: 'gateway' } })).not.toEqual(loop);
  });

  test('a canary that came back is skipped before scope is asked; a release takes the rule off', () => {
    const canary = { ...old, flags: ['canary'] };
    expect(verdictOf({ item: { parsed: canary } })).toEqual({ kind: 'end', outcome: 'skipped', reason: 'canary' });
    expect(verdictOf({ item: { parsed: canary, overrides: ['scope', 'age'] } })).toMatchObject({ kind: 'defer' });
    expect(verdictOf({ item: { parsed: canary, origin: 'gateway' } })).not.toMatchObject({ kind: 'end' });
  });

  test('an import is not subject to the age limit, but to scope', () => {
    expect(verdictOf({ item: { parsed: old, origin: 'import' } })).toMatchObject({ kind: 'defer' });
    expect(verdictOf({ item: { parsed: foreign, origin: 'import' } })).toEqual(skipped);
  });

  test('for the copy of the gateway there is no age, no scope, no delay and no wait', () => {
    const item = { parsed: { ...foreign, times: old.times }, origin: 'gateway', definitionId: null } as const;
    const options = { initialProcessDelayMs: 60_000, deliveryWaitAttempts: 20 };
    expect(verdictOf({ item, options })).toMatchObject({ kind: 'insert', collidesWith: [] });
  });

  test('odd clocks are flagged on the intake, also where it is held', () => {
    const skewed = mail({ times: { ...noTimes, date: noon - 31 * dayMs, reportSent: noon } });
    expect(ruled({ item: { parsed: skewed } }).item.parsed?.flags).toEqual(['suspected-clock-skew']);
    expect(ruled({ item: { parsed: aged(-2 * dayMs) } }).item.parsed?.flags).toEqual(['date-in-future']);
  });
});

describe('waiting', () => {
  test('the initial process delay comes before the first look-up and costs no attempt', () => {
    const given = { options: { initialProcessDelayMs: 30_000 } };
    const { verdict, keys } = ruled(given);
    expect(keys).toEqual([]);
    const delayed = { state: 'delayed', attempt: 0, dueAt: noon + 30_000, deadline: noon + 150_000 };
    expect(verdict).toMatchObject({ kind: 'defer', item: delayed });
    if (verdict.kind !== 'defer') return;
    const next = verdictOf({ ...given, item: verdict.item, now: noon + 30_000 });
    expect(next).toMatchObject({ item: { state: 'matching', attempt: 1, dueAt: noon + 90_000 } });
  });

  test('a missed look-up puts it back; the last one archives it', () => {
    const miss = verdictOf({});
    expect(miss).toMatchObject({
      kind: 'defer',
      item: { state: 'matching', attempt: 1, dueAt: noon + 60_000, woken: false },
    });
    const last = { state: 'matching', attempt: 2, dueAt: noon + 120_000 } as const;
    const given = { item: last, now: noon + 120_000 };
    expect(ruled(given)).toMatchObject({ item: { attempt: 3 }, verdict: { kind: 'insert', collidesWith: [] } });
  });

  test('a woken look-up is free, is no longer woken, and forgets failed steps', () => {
    const woken = { state: 'matching', attempt: 1, woken: true, failures: 2, dueAt: noon + 5_000 } as const;
    const back = { state: 'matching', attempt: 1, woken: false, failures: 0, dueAt: noon + 60_000 };
    expect(verdictOf({ item: woken, now: noon + 5_000 })).toMatchObject({ kind: 'defer', item: back });
  });
});

describe('what a look-up finds', () => {
  test('a copy is merged, and said to add nothing where it does not', () => {
    expect(verdictOf({ entries: [entry('e1')] })).toMatchObject({
      kind: 'merge',
      entryId: 'e1',
      case: 'M1',
      noop: true,
    });
    const more = mail({ observed: [recipient('cy@north.example')], mailboxes: ['cy@north.example'] });
    expect(verdictOf({ item: { parsed: more }, entries: [entry('e1')] })).toMatchObject({
      kind: 'merge',
      noop: false,
      observation: { intakeId: 'i1', recipients: more.observed, mailboxes: ['cy@north.example'] },
    });
  });

  test('content is looked for under its own key only where content may match', () => {
    const hashed = mail({ representations: [representation('sha-1', { contentHash: 'c' })] });
    const keys = (matchOnContent: boolean) => ruled({ item: { parsed: hashed }, matching: { matchOnContent } }).keys;
    expect(keys(false)).toEqual(['mid:<m1@north.example>']);
    expect(keys(true)).toEqual(['mid:<m1@north.example>', 'ch:c']);
  });

  test('the hashes that were learnt are handed on; those of unreadable bytes make a variant and are not', () => {
    const copy = mail({ representations: [representation('sha-2', { contentHash: 'c' })] });
    const versions = [representation('sha-1'), representation('sha-3')];
    const entries = [entry('e1', { observations: [observation('e1', { representations: versions })] })];
    const asked = { item: { parsed: copy }, entries };
    expect(verdictOf(asked)).toEqual({ kind: 'unsure', entryIds: ['e1'] });
    expect(verdictOf({ ...asked, learnt: { 'sha-1': 'd', 'sha-3': '' } })).toMatchObject({
      case: 'M2',
      learnt: { 'sha-1': 'd' },
    });
    const merged = verdictOf({ ...asked, learnt: { 'sha-1': 'd', 'sha-3': '' } });
    expect(merged.kind === 'merge' && merged.learnt).toEqual({ 'sha-1': 'd' });
    expect(verdictOf({ ...asked, learnt: { 'sha-1': 'c', 'sha-3': 'd' } })).toMatchObject({ case: 'M1' });
  });

  test('another message under its Message-ID is named when it is archived, and no reason to archive early', () => {
    const stranger = mail({
      representations: [
        representation('sha-2', {
          facts: { messageId: '<m1@north.example>', from: 'eve@south.example', subject: null, dateAt: 0 },
        }),
      ],
    });
    const entries = [entry('e1')];
    expect(verdictOf({ item: { parsed: stranger }, entries })).toMatchObject({ kind: 'defer' });
    const last = { item: { parsed: stranger }, entries, options: { deliveryWaitAttempts: 1 } };
    expect(verdictOf(last)).toMatchObject({ kind: 'insert', collidesWith: ['e1'] });
  });
});

describe('a failed step', () => {
  const failing = (failures: number, error: unknown) =>
    afterFailure(spoolItem('i1', { failures, attempt: 2 }), error, noon);
  const crash = new EngineFailure('parser-crash');

  test.each([
    [0, 1_000],
    [1, 10_000],
    [2, 60_000],
  ])('after %i in a row waits, without consuming an attempt', (failures, waitMs) => {
    const item = { failures: failures + 1, dueAt: noon + waitMs, attempt: 2, state: 'received' };
    expect(failing(failures, crash)).toMatchObject({ kind: 'defer', item });
    expect(failing(failures, new Error('bug'))).toMatchObject({ kind: 'defer', item });
  });

  test('after three tries is quarantined', () => {
    expect(failing(3, crash)).toEqual({ kind: 'end', outcome: 'quarantined', reason: 'parser-crash' });
    expect(failing(3, new Error('bug'))).toEqual({ kind: 'end', outcome: 'quarantined', reason: 'parser-crash' });
    expect(failing(3, new EngineFailure('damaged'))).toEqual({
      kind: 'end',
      outcome: 'quarantined',
      reason: 'storage-poison',
    });
  });

  test('trouble of the store is waited for, for as long as it takes, and told once in the record', () => {
    for (const failures of [3, 4, 100]) {
      const verdict = failing(failures, new EngineFailure('store-failed'));
      expect(verdict).toMatchObject({ kind: 'defer', item: { dueAt: noon + 60_000, failures: failures + 1 } });
    }
    const first = afterFailure(spoolItem('i1'), new EngineFailure('store-failed'), noon);
    if (first.kind !== 'defer') throw new Error('not put back');
    const second = afterFailure(first.item, new EngineFailure('store-failed'), noon + 1_000);
    expect(second).toMatchObject({ item: { steps: [{ at: noon, step: 'failed' }] } });
  });
});
