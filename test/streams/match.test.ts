import { describe, expect, test } from 'vitest';
import { ruleMatch } from '../../streams/match.ts';
import type { ArchiveEntry, HeaderFacts, MatchingOptions, ParsedMail, Representation } from '../../streams/message.ts';
import { dayMs, entry, facts, mail, matchingOptions, noon, observation, representation } from './fixtures.ts';

type Own = Partial<Representation>;
const withRepresentations = (...representations: Representation[]): ParsedMail => mail({ representations });
const item = (own: Own = {}): ParsedMail => withRepresentations(representation('sha-1', own));
const archived = (own: Own = {}, id = 'e1'): ArchiveEntry =>
  entry(id, { observations: [observation(id, { representations: [representation('sha-1', own)] })] });
const ruled = (message: ParsedMail, entries: readonly ArchiveEntry[], matching: Partial<MatchingOptions> = {}) =>
  ruleMatch(message, noon, entries, { ...matchingOptions, ...matching });
const other = (change: Partial<HeaderFacts>): Own => ({ facts: { ...facts, ...change } });
const none = { kind: 'none', collidesWith: [] };

describe('M1 and M2: the same Message-ID, From and second of Date', () => {
  test('equal bytes are the same at once, without a content hash', () => {
    expect(ruled(item(), [archived()])).toEqual({ kind: 'same', case: 'M1', entryId: 'e1' });
  });

  test('other bytes ask for the content hashes of both sides', () => {
    const asked = { kind: 'unsure', entryIds: ['e1'] };
    expect(ruled(item({ sha256: 'sha-2' }), [archived()])).toEqual(asked);
    expect(ruled(item({ sha256: 'sha-2', contentHash: 'c' }), [archived()])).toEqual(asked);
    expect(ruled(item({ sha256: 'sha-2' }), [archived({ contentHash: 'c' })])).toEqual(asked);
  });

  test('equal content is the same, other content a variant', () => {
    const copy = item({ sha256: 'sha-2', contentHash: 'c' });
    expect(ruled(copy, [archived({ contentHash: 'c' })])).toEqual({ kind: 'same', case: 'M1', entryId: 'e1' });
    expect(ruled(copy, [archived({ contentHash: 'd' })])).toEqual({ kind: 'variant', case: 'M2', entryId: 'e1' });
  });

  test('Subject and recipients are no part of identity, and From is compared without regard to case', () => {
    const copy = item({
      contentHash: 'c',
      sha256: 'sha-2',
      ...other({ subject: '[ext] Lunch', from: 'ADA@north.example' }),
    });
    expect(ruled(copy, [archived({ contentHash: 'd' })])).toMatchObject({ case: 'M2' });
  });

  test('From is the same with its domain as it reads and as A-labels', () => {
    const read = other({ from: 'ada@bücher.example' });
    const copy = item({ contentHash: 'c', sha256: 'sha-2', ...other({ from: 'Ada@xn--bcher-kva.example' }) });
    expect(ruled(copy, [archived({ contentHash: 'c', ...read })])).toMatchObject({ case: 'M1' });
    expect(ruled(copy, [archived({ contentHash: 'd', ...read })])).toMatchObject({ case: 'M2' });
  });

  test('a copy that equals one of several versions is the same, not a variant', () => {
    const versions = [representation('sha-1', { contentHash: 'c' }), representation('sha-2', { contentHash: 'd' })];
    const known = entry('e1', { observations: [observation('e1', { representations: versions })] });
    expect(ruled(item({ sha256: 'sha-3', contentHash: 'd' }), [known])).toMatchObject({ case: 'M1' });
  });

  test('a rights-protected pair is the same as an entry with one of the two, whichever it would show', () => {
    const pair = withRepresentations(
      representation('guarded', { primary: false, protected: true }),
      representation('clear', { clearText: true }),
    );
    expect(ruled(pair, [archived({ sha256: 'guarded' })])).toMatchObject({ case: 'M1' });
  });

  test('another mail that came along with the original says nothing of it', () => {
    const two = withRepresentations(
      representation('sha-9', { contentHash: 'c' }),
      representation('sha-1', { primary: false, contentHash: 'd', ...other({ messageId: '<m2@north.example>' }) }),
    );
    expect(ruled(two, [archived({ contentHash: 'd' })])).toMatchObject({ case: 'M2' });
  });
});

describe('M3: the same Message-ID, another From or Date', () => {
  test.each([
    ['From', other({ from: 'eve@south.example' })],
    ['second of Date', other({ dateAt: facts.dateAt! + 1_000 })],
    ['Date, which is missing here', other({ dateAt: null })],
  ])('another %s is another message, and both are named', (_, change) => {
    expect(ruled(item(change), [archived({}, 'e1'), archived({}, 'e2')])).toEqual({
      kind: 'none',
      collidesWith: ['e1', 'e2'],
    });
  });

  test('the right one is found among others of its Message-ID', () => {
    const entries = [archived(other({ from: 'eve@south.example' }), 'e1'), archived({}, 'e2')];
    expect(ruled(item(), entries)).toEqual({ kind: 'same', case: 'M1', entryId: 'e2' });
  });

  test('nothing under the key is no collision', () => {
    expect(ruled(item(), [])).toEqual(none);
    expect(ruled(item(), [entry('e1', { matchKey: 'mid:<m9@x>' })])).toEqual(none);
  });
});

describe('a missing Date', () => {
  const dateless = other({ dateAt: null });
  test('equals a missing Date where the content is equal', () => {
    const copy = item({ sha256: 'sha-2', contentHash: 'c', ...dateless });
    expect(ruled(copy, [archived({ contentHash: 'c', ...dateless })])).toMatchObject({ case: 'M1' });
  });

  test('makes no variant: other content is another message', () => {
    const copy = item({ sha256: 'sha-2', contentHash: 'c', ...dateless });
    expect(ruled(copy, [archived({ contentHash: 'd', ...dateless })])).toEqual({ kind: 'none', collidesWith: ['e1'] });
  });
});

describe('M4: no Message-ID', () => {
  const matchKey = 'ch:c';
  const nameless = other({ messageId: null });
  const copy = { ...item({ contentHash: 'c', ...nameless }), matchKey };
  const known = (receivedAt: number, change: Own = nameless) =>
    entry('e1', {
      matchKey,
      observations: [
        observation('e1', { receivedAt, representations: [representation('sha-2', { contentHash: 'c', ...change })] }),
      ],
    });

  test.each([
    ['24 hours before', noon - dayMs, { kind: 'same', case: 'M4', entryId: 'e1' }],
    ['24 hours after', noon + dayMs, { kind: 'same', case: 'M4', entryId: 'e1' }],
    ['more than 24 hours before', noon - dayMs - 1, none],
    ['more than 24 hours after', noon + dayMs + 1, none],
  ])('equal content and From, received %s', (_, receivedAt, match) => {
    expect(ruled(copy, [known(receivedAt)])).toEqual(match);
  });

  test('another From is another message', () => {
    expect(ruled(copy, [known(noon, other({ messageId: null, from: 'eve@south.example' }))])).toEqual(none);
  });
});

describe('M5: another Message-ID, the same content', () => {
  const copy = { ...item({ contentHash: 'c', ...other({ messageId: '<m2@relay>' }) }), matchKey: 'mid:<m2@relay>' };
  const known = archived({ sha256: 'sha-2', contentHash: 'c' });

  test('is a second message, unless matchOnContent says otherwise', () => {
    expect(ruled(copy, [known])).toEqual(none);
    expect(ruled(copy, [known], { matchOnContent: true })).toEqual({ kind: 'same', case: 'M5', entryId: 'e1' });
  });

  test.each([
    ['From', other({ from: 'eve@south.example' })],
    ['Date', other({ dateAt: facts.dateAt! + 1_000 })],
  ])('needs the same %s', (_, change) => {
    const strange = archived({ sha256: 'sha-2', contentHash: 'c', ...change });
    expect(ruled(copy, [strange], { matchOnContent: true })).toEqual(none);
  });

  test('never hits without a Date', () => {
    const dateless = other({ dateAt: null });
    const nowhere = { ...item({ contentHash: 'c', ...dateless }), matchKey: 'mid:<m2@relay>' };
    expect(ruled(nowhere, [archived({ contentHash: 'c', ...dateless })], { matchOnContent: true })).toEqual(none);
  });
});

describe('M6: stubs', () => {
  const stubEntry = (id = 'e1', sha256 = 'report') => archived({ sha256, stub: true }, id);
  const stubItem = item({ sha256: 'report-2', stub: true });

  test('an arriving original fills the stub', () => {
    expect(ruled(item(), [stubEntry()])).toEqual({ kind: 'stub', case: 'M6', entryId: 'e1' });
  });

  test('its own entry is found before a stub under the same Message-ID', () => {
    expect(ruled(item(), [stubEntry('e1'), archived({}, 'e2')])).toEqual({ kind: 'same', case: 'M1', entryId: 'e2' });
    const variant = item({ sha256: 'sha-2', contentHash: 'c' });
    const entries = [stubEntry('e1'), archived({ contentHash: 'd' }, 'e2')];
    expect(ruled(variant, entries)).toMatchObject({ case: 'M2', entryId: 'e2' });
  });

  test('a report without original joins the only entry of its Message-ID, whatever it is', () => {
    expect(ruled(stubItem, [archived()])).toEqual({ kind: 'stub', case: 'M6', entryId: 'e1' });
    expect(ruled(stubItem, [stubEntry()])).toEqual({ kind: 'stub', case: 'M6', entryId: 'e1' });
  });

  test('with several entries it stays apart, and its repetition finds it', () => {
    const entries = [archived({}, 'e1'), archived(other({ from: 'eve@south.example' }), 'e2')];
    expect(ruled(stubItem, entries)).toEqual(none);
    expect(ruled(stubItem, [...entries, stubEntry('e3', 'report-2')])).toMatchObject({ entryId: 'e3' });
  });
});

test('what has no key or no bytes matches nothing', () => {
  expect(ruled(mail({ matchKey: null }), [entry('e1')])).toEqual(none);
  expect(ruled(mail({ representations: [] }), [entry('e1')])).toEqual(none);
});
