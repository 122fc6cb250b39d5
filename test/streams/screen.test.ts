import { describe, expect, test } from 'vitest';
import type { Parsed } from '../../streams/message.ts';
import { isInternalMail, mailboxesOf, observeRecipients, screen } from '../../streams/screen.ts';
import { directory, facts, journalOptions, mail, recipient } from './fixtures.ts';

const known = 'ada@north.example';
const unknown = 'x-gone@north.example';
const outside = 'zoe@south.example';
const parsed = (more: Partial<Parsed>): Parsed => mail({ sender: null, recipients: [], ...more });
const to = (address: string) => recipient(address);
const ruled = (message: Parsed, journalNonInternalAddresses: boolean, journalUnknownInternalAddresses: boolean) =>
  screen(message, { ...journalOptions, journalNonInternalAddresses, journalUnknownInternalAddresses }, directory);

describe('S16: scope (journaling a.3)', () => {
  const table = [
    ['known and unknown', [known, unknown], [null, null, null, null]],
    ['known only', [known, outside], [null, null, null, null]],
    ['unknown only', [unknown, outside], ['unknown-internal', 'unknown-internal', null, null]],
    ['none internal', [outside], ['non-internal', null, 'non-internal', null]],
    ['nobody at all', [], ['non-internal', null, 'non-internal', null]],
  ] as const;
  test.each(table)('%s', (_, addresses, [neither, nonInternal, unknownInternal, both]) => {
    const message = parsed({ recipients: addresses.map(to) });
    expect(ruled(message, false, false)).toBe(neither);
    expect(ruled(message, true, false)).toBe(nonInternal);
    expect(ruled(message, false, true)).toBe(unknownInternal);
    expect(ruled(message, true, true)).toBe(both);
  });

  const inScope: readonly [string, Partial<Parsed>][] = [
    ['sender', { sender: known }],
    ['On-Behalf-Of', { onBehalfOf: known }],
    ['recipient', { recipients: [to(known)] }],
    [
      'list it was expanded from',
      { recipients: [recipient(outside, { via: [{ kind: 'expanded', address: known }] })] },
    ],
    ['forwarding mailbox', { recipients: [recipient(outside, { via: [{ kind: 'forwarded', address: known }] })] }],
  ];
  test.each(inScope)('the %s alone brings a message into scope', (_, part) => {
    expect(ruled(parsed(part), false, false)).toBeNull();
  });

  const original = { ranges: [], decoding: 'identity', protected: false, clearText: false, facts } as const;
  test('the header From counts where no report speaks, and not beside an envelope', () => {
    expect(ruled(parsed({ class: 'standard', originals: [original], primary: 0 }), false, false)).toBeNull();
    expect(ruled(parsed({ class: 'envelope', originals: [original], primary: 0 }), false, false)).toBe('non-internal');
  });

  test('a directory name that is not listed counts as internal and unknown', () => {
    const message = parsed({ recipients: [to('dn:/o=north/cn=x')] });
    expect(ruled(message, true, false)).toBe('unknown-internal');
    expect(ruled(message, false, true)).toBeNull();
  });

  test('the null sender is nobody', () => {
    expect(ruled(parsed({ sender: '' }), false, true)).toBe('non-internal');
  });
});

test('every author of mail without a report is looked at (RFC 5322 3.6.2), and of a report none that it does not name', () => {
  const several = parsed({ class: 'standard', sender: outside, authors: [known], recipients: [to(outside)] });
  expect(ruled(several, false, false)).toBeNull();
  expect(mailboxesOf(several, observeRecipients(several, directory), directory)).toEqual([known]);
  expect(ruled(parsed({ class: 'standard', sender: outside, recipients: [to(outside)] }), false, false)).toBe(
    'non-internal',
  );
});

describe('internal mail (Extended De-Duplication)', () => {
  test.each<[string, string | null, readonly string[], boolean]>([
    ['all of it internal', known, [known, unknown], true],
    ['one recipient outside', known, [known, outside], false],
    ['sender outside', outside, [known], false],
    ['null sender', '', [known], false],
    ['no sender', null, [known], false],
    ['no recipient', known, [], false],
  ])('%s', (_, sender, addresses, internal) => {
    const message = parsed({ sender, recipients: addresses.map(to) });
    expect(isInternalMail(message, observeRecipients(message, directory), directory)).toBe(internal);
  });
});

test('a message belongs to the mailboxes of its known internal people, the sender among them', () => {
  const message = parsed({
    sender: known,
    onBehalfOf: 'Ada@north.example',
    recipients: [to('bo@north.example'), to(unknown), to(outside)],
  });
  const observed = observeRecipients(message, directory);
  expect(mailboxesOf(message, observed, directory)).toEqual(['ada@north.example', 'bo@north.example']);
});
