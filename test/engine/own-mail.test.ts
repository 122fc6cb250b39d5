import { expect, test } from 'vitest';
import { createCanaryMarks, createOwnNotices } from '../../src/alert/own-notice.ts';
import { createOwnMail } from '../../src/engine/own-mail.ts';
import { unwrap } from '../../src/report/unwrap.ts';
import { buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';

const notices = createOwnNotices(new Uint8Array(32).fill(1));
const messageId = '<alert-1@daybook.north.example>';
const mark = notices.markOf(messageId);
const canaries = createCanaryMarks(new Uint8Array(32).fill(1));
const madeOf = { notices, recipients: ['oncall@North.example'], canaries, hasCanaries: () => true };
const own = createOwnMail(madeOf);

const notice = (value = mark): Buffer =>
  buildMessage({ messageId, to: 'oncall@north.example', headers: [`X-Daybook-Notice: ${value}`] });
function judged(bytes: Buffer, by = own): boolean {
  return by.flagOf(bytes, unwrap(bytes, unwrapOptions())) === 'own-notice';
}
const reported = (original: Buffer, ...to: readonly string[]): Buffer =>
  buildReport({ recipients: to.map((address) => ({ address })), originals: [original] });

test('an alert is known again inside its journal report, and as plain mail', () => {
  expect(judged(reported(notice(), 'oncall@north.example'))).toBe(true);
  expect(judged(notice())).toBe(true);
});

test('a list that gets alerts may have been expanded', () => {
  const via = [{ kind: 'expanded', address: 'oncall@north.example' }] as const;
  const report = buildReport({ recipients: [{ address: 'olga@north.example', via }], originals: [notice()] });
  expect(judged(report)).toBe(true);
});

test('with one recipient more it is mail like any other: a copied mark hides nothing', () => {
  expect(judged(reported(notice(), 'oncall@north.example', 'spy@south.example'))).toBe(false);
});

test('another Message-ID, another engine, a mark cut short and none at all are none of ours', () => {
  const other = buildMessage({ messageId: '<m1@north.example>', headers: [`X-Daybook-Notice: ${mark}`] });
  const foreign = createOwnNotices(new Uint8Array(32).fill(2)).markOf(messageId);
  for (const original of [other, notice(foreign), notice(mark.slice(0, -1)), buildMessage()]) {
    expect(judged(reported(original, 'oncall@north.example'))).toBe(false);
  }
});

test('an alert that somebody forwards as an attachment is their mail, and only no sign of life', () => {
  const body = `--F\r\nContent-Type: message/rfc822\r\n\r\n${notice().toString()}\r\n--F--\r\n`;
  const headers = ['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=F'];
  const forwarded = reported(buildMessage({ headers, body }), 'oncall@north.example');
  expect(judged(forwarded)).toBe(false);
  expect(own.maybe(forwarded)).toBe(true);
});

test('where nobody gets alerts by mail none is looked for', () => {
  const nobody = createOwnMail({ ...madeOf, recipients: [], hasCanaries: () => false });
  expect([own.seeks(), nobody.seeks()]).toEqual([true, false]);
  expect(nobody.maybe(notice())).toBe(false);
  expect(judged(notice(), nobody)).toBe(false);
});

const canaryId = '<canary.1@north.example>';
const canaryMark = canaries.markOf({ messageId: canaryId, to: 'canary@north.example' });
const canary = (messageId = canaryId, value = canaryMark): Buffer =>
  buildMessage({ messageId, to: 'canary@north.example', headers: [`X-Daybook-Canary: ${value}`] });
const flagOf = (bytes: Buffer, by = own) => by.flagOf(bytes, unwrap(bytes, unwrapOptions()));

test('a canary is known again inside its journal report and as plain mail, however its mailbox is spelt', () => {
  expect(flagOf(reported(canary(), 'Canary@North.example'))).toBe('canary');
  expect(flagOf(canary())).toBe('canary');
  const via = [{ kind: 'expanded', address: 'canary@north.example' }] as const;
  const listed = buildReport({ recipients: [{ address: 'robot@north.example', via }], originals: [canary()] });
  expect(flagOf(listed)).toBe('canary');
});

test('the mark of a canary hides no mail to anybody else, and none under another Message-ID', () => {
  expect(flagOf(reported(canary(), 'bo@north.example')), 'another mailbox').toBeNull();
  expect(flagOf(reported(canary(), 'canary@north.example', 'bo@north.example')), 'one more').toBeNull();
  expect(flagOf(reported(canary('<m1@north.example>'), 'canary@north.example'))).toBeNull();
  expect(flagOf(reported(canary(canaryId, mark), 'canary@north.example')), 'the mark of an alert').toBeNull();
  const foreign = createCanaryMarks(new Uint8Array(32).fill(2));
  const theirs = foreign.markOf({ messageId: canaryId, to: 'canary@north.example' });
  expect(flagOf(reported(canary(canaryId, theirs), 'canary@north.example')), 'another engine').toBeNull();
});

test('a canary is no sign of life, and where none is sent none is looked for', () => {
  expect(own.maybe(canary())).toBe(true);
  const none = createOwnMail({ ...madeOf, hasCanaries: () => false });
  expect([none.maybe(canary()), flagOf(canary(), none)]).toEqual([false, null]);
});
