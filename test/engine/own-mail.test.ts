import { expect, test } from 'vitest';
import { createOwnNotices } from '../../src/alert/own-notice.ts';
import { createOwnMail } from '../../src/engine/own-mail.ts';
import { unwrap } from '../../src/report/unwrap.ts';
import { buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';

const notices = createOwnNotices(new Uint8Array(32).fill(1));
const messageId = '<alert-1@daybook.north.example>';
const mark = notices.markOf(messageId);
const own = createOwnMail(notices, ['oncall@North.example']);

const notice = (value = mark): Buffer =>
  buildMessage({ messageId, to: 'oncall@north.example', headers: [`X-Daybook-Notice: ${value}`] });
function judged(bytes: Buffer, by = own): boolean {
  return by.isNotice(bytes, unwrap(bytes, unwrapOptions()));
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
  const nobody = createOwnMail(notices, []);
  expect(nobody.maybe(notice())).toBe(false);
  expect(judged(notice(), nobody)).toBe(false);
});
