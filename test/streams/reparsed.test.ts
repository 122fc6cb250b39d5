import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entryView } from '../../streams/entry-view.ts';
import { mergeObservation } from '../../streams/merge.ts';
import type { ArchiveEntry, Observation, Representation } from '../../streams/message.ts';
import { isBare, isSameMessage, parserOf, standingOf } from '../../streams/reparsed.ts';
import { entry, noon, observation, recipient, representation } from './fixtures.ts';

const empty = entry('e0', { observations: [] });
const merged = (start: ArchiveEntry, all: readonly Observation[]): ArchiveEntry =>
  all.reduce((before, each) => mergeObservation(before, each, { flags: [], learnt: {} }), start);

/** What parsers of several numbers made of a few intakes, and what is left of one whose particulars were deleted. */
const people = ['bo@north.example', 'cy@south.example', 'di@north.example'];
const versions = fc
  .record({
    id: fc.constantFrom('i1', 'i2', 'i3'),
    parser: fc.constantFrom(undefined, 1, 2, 3),
    people: fc.uniqueArray(fc.constantFrom(...people), { maxLength: 3 }),
    flags: fc.uniqueArray(fc.constantFrom('report-partial', 'suspect'), { maxLength: 2 }),
    hashed: fc.boolean(),
    bare: fc.boolean(),
  })
  .map(({ id, parser, people: named, flags, hashed, bare }): Observation => {
    const contentHash = hashed ? `content of ${id}` : null;
    const version = representation(`bytes of ${id}`, { contentHash });
    const more = { flags, recipients: named.map((address) => recipient(address)), representations: [version] };
    if (bare) return observation(id, { recipients: [], representations: [], sender: null });
    return observation(id, { receivedAt: noon, ...more, ...(parser === undefined ? {} : { parser }) });
  });
const several = fc.array(versions, { minLength: 1, maxLength: 8 });

describe('observations of one intake by several parsers', () => {
  test('in any order, in any grouping and however often, the entry is the same', () => {
    fc.assert(
      fc.property(several, fc.infiniteStream(fc.nat()), fc.nat(), (all, numbers, cut) => {
        const expected = merged(empty, all);
        const shuffled = all.map((each) => ({ each, key: numbers.next().value as number }));
        const order = shuffled.toSorted((a, b) => a.key - b.key).map(({ each }) => each);
        expect(merged(empty, order)).toEqual(expected);
        expect(merged(merged(empty, order), order)).toEqual(expected);
        const [first, second] = [order.slice(0, cut % order.length), order.slice(cut % order.length)];
        const groups = [merged(empty, first), merged(empty, second)] as const;
        expect(merged(groups[0], groups[1].observations)).toEqual(expected);
        expect(merged(groups[1], groups[0].observations)).toEqual(expected);
        expect(entryView(merged(empty, order))).toEqual(entryView(expected));
      }),
      { numRuns: 400 },
    );
  });

  test('each intake is shown once, as the newest parser has it, and none as bare where any tells of it', () => {
    fc.assert(
      fc.property(several, (all) => {
        const { observations } = merged(empty, all);
        expect(observations.map(({ intakeId }) => intakeId)).toEqual([...new Set(all.map((o) => o.intakeId))].sort());
        for (const shown of observations) {
          const of = all.filter(({ intakeId }) => intakeId === shown.intakeId);
          expect(parserOf(shown)).toBe(Math.max(...of.map(parserOf)));
          expect(isBare(shown)).toBe(of.every(isBare));
          const hashes = of.flatMap(({ representations }) => representations.map(({ contentHash }) => contentHash));
          if (!isBare(shown))
            expect(shown.representations[0]!.contentHash).toBe(hashes.find((h) => h !== null) ?? null);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('the newer one stands whichever comes first, and tells nothing of the older', () => {
    const older = observation('i1', { recipients: [recipient('wrong@north.example')], flags: ['report-partial'] });
    const newer = observation('i1', { recipients: [recipient('right@north.example')], parser: 1 });
    for (const order of [
      [older, newer],
      [newer, older],
    ]) {
      const view = entryView(merged(empty, order));
      expect(view.recipients.map(({ address }) => address)).toEqual(['right@north.example']);
      expect(view.flags).toEqual([]);
    }
    expect(standingOf(newer, { ...older, parser: 2 })).toEqual({ ...older, parser: 2 });
  });
});

describe('the same message', () => {
  const { facts } = representation('sha-1');
  const other: readonly [string, Partial<Representation>][] = [
    ['other bytes', { sha256: 'sha-2' }],
    ['another place of them', { body: [{ seq: 1, offset: 1, length: 10 }] }],
    ['another decoding', { decoding: 'base64' }],
    ['the report in its place', { stub: true }],
    ['another Message-ID', { facts: { ...facts, messageId: '<m2@north.example>' } }],
    ['another date', { facts: { ...facts, dateAt: noon } }],
    ['a clear copy', { clearText: true }],
    ['protected', { protected: true }],
    ['another one shown', { primary: false }],
  ];
  test.each(other)('is not %s', (_, more) => {
    expect(
      isSameMessage(observation('i1'), observation('i1', { representations: [representation('sha-1', more)] })),
    ).toBe(false);
  });

  test('is it with another From and Subject, a content hash and another envelope', () => {
    const read = representation('sha-1', { contentHash: 'c', facts: { ...facts, subject: 'Supper', from: null } });
    const more = { representations: [read], recipients: [], sender: null, level: 'L2' } as const;
    expect(isSameMessage(observation('i1'), observation('i1', more))).toBe(true);
    expect(isSameMessage(observation('i1'), observation('i1', { representations: [read, read] }))).toBe(false);
  });
});
