import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entryView } from '../../streams/entry-view.ts';
import { addsNothing, mergeObservation, withLearnt } from '../../streams/merge.ts';
import type { ArchiveEntry, Observation, RecipientType, Representation } from '../../streams/message.ts';
import { entry, noon, observation, recipient, representation } from './fixtures.ts';

const plain = { flags: [], learnt: {} };
const merged = (start: ArchiveEntry, all: readonly Observation[]): ArchiveEntry =>
  all.reduce((before, each) => mergeObservation(before, each, plain), start);

describe('merging observations is set union', () => {
  const people = ['bo@north.example', 'Bo@north.example', 'cy@south.example', 'x-gone@north.example'];
  const recipients = fc.array(
    fc.record({
      address: fc.constantFrom(...people),
      type: fc.constantFrom<RecipientType>('to', 'cc', 'bcc', 'recipient', 'undisclosed'),
      source: fc.constantFrom('envelope' as const, 'header' as const),
    }),
    { maxLength: 4 },
  );
  const representations = fc.array(
    fc.record({
      sha256: fc.constantFrom('a', 'b', 'c'),
      stub: fc.boolean(),
      primary: fc.boolean(),
      clearText: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  );
  const observations = fc.uniqueArray(
    fc.record({
      id: fc.constantFrom('i1', 'i2', 'i3', 'i4', 'i5'),
      at: fc.integer({ min: 0, max: 3 }),
      recipients,
      representations,
    }),
    { selector: ({ id }) => id, minLength: 1, maxLength: 5 },
  );
  const made = observations.map((drafts) =>
    drafts.map(({ id, at, recipients: people, representations: versions }) =>
      observation(id, {
        receivedAt: noon + at,
        recipients: people.map(({ address, ...more }) => recipient(address, more)),
        representations: versions.map(({ sha256, ...more }): Representation => representation(sha256, more)),
      }),
    ),
  );

  test('in any order, in any grouping and however often, the entry is the same', () => {
    fc.assert(
      fc.property(made, fc.infiniteStream(fc.nat()), (all, numbers) => {
        const expected = merged(entry('e0'), all);
        const shuffled = all.map((each) => ({ each, key: numbers.next().value as number }));
        const order = shuffled.toSorted((a, b) => a.key - b.key).map(({ each }) => each);
        const repeated = order.flatMap((each, at) => (at % 2 === 0 ? [each, each] : [each]));
        expect(merged(entry('e0'), repeated)).toEqual(expected);
        expect(merged(merged(entry('e0'), order.slice(0, 2)), order)).toEqual(expected);
        expect(entryView(merged(entry('e0'), order))).toEqual(entryView(expected));
      }),
      { numRuns: 120 },
    );
  });

  test('recipients never shrink, and a repetition adds nothing', () => {
    fc.assert(
      fc.property(made, (all) => {
        let shown = new Set<string>();
        let current = entry('e0', { observations: [] });
        for (const each of all) {
          current = mergeObservation(current, each, plain);
          expect(addsNothing(current, each)).toBe(true);
          const now = new Set(entryView(current).recipients.map(({ address }) => address.toLowerCase()));
          for (const address of shown) expect(now).toContain(address);
          shown = now;
        }
      }),
      { numRuns: 100 },
    );
  });

  test('flags only grow, and a content hash once learnt stays', () => {
    const first = mergeObservation(entry('e0'), observation('i1'), { flags: ['variant'], learnt: { 'sha-1': 'c' } });
    const second = mergeObservation(first, observation('i2'), { flags: ['mid-collision'], learnt: { 'sha-1': 'd' } });
    expect(second.flags).toEqual(['mid-collision', 'variant']);
    const hashes = first.observations.flatMap((each) => each.representations.map(({ contentHash }) => contentHash));
    expect(hashes).toEqual(['c', 'c']);
    expect(second.observations[0]!.representations[0]!.contentHash).toBe('c');
    const pair = [representation('sha-1', { contentHash: 'c' }), representation('sha-2')];
    const half = entry('e0', { observations: [observation('i0', { representations: pair })] });
    const whole = withLearnt(half, { 'sha-1': 'x', 'sha-2': 'd' }).observations[0]!.representations;
    expect(whole.map(({ contentHash }) => contentHash)).toEqual(['c', 'd']);
    expect(withLearnt(entry('e0'), {}).observations).toEqual(entry('e0').observations);
  });
});

describe('what adds nothing', () => {
  const known = entry('e0', {
    observations: [observation('i0', { representations: [representation('sha-1', { contentHash: 'c' })] })],
  });
  const nothing: readonly [string, Partial<Observation>][] = [
    ['the same copy again', {}],
    ['other bytes of equal content', { representations: [representation('sha-2', { contentHash: 'c' })] }],
    ['an address in another spelling', { recipients: [recipient('BO@north.example')] }],
    ['a copy that does not know its sender', { sender: null }],
  ];
  test.each(nothing)('%s', (_, more) => {
    expect(addsNothing(known, observation('i1', more))).toBe(true);
  });

  const something: readonly [string, Partial<Observation>][] = [
    ['a new recipient', { recipients: [recipient('cy@north.example')] }],
    ['a known recipient in another field', { recipients: [recipient('bo@north.example', { type: 'bcc' })] }],
    [
      'a list it came over',
      { recipients: [recipient('bo@north.example', { via: [{ kind: 'expanded', address: 'all@north.example' }] })] },
    ],
    ['another envelope sender', { sender: '' }],
    ['a delegate', { onBehalfOf: 'ada@north.example' }],
    ['a new version', { representations: [representation('sha-2', { contentHash: 'd' })] }],
  ];
  test.each(something)('but %s does', (_, more) => {
    expect(addsNothing(known, observation('i1', more))).toBe(false);
  });
});
