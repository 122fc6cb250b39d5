import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import { checkParsed } from '../support/check-parsed.ts';
import { buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';
import { threadCpuMs } from '../support/thread-cpu.ts';

const megabyte = 1 << 20;
const fill = (unit: string): string => unit.repeat(Math.ceil(megabyte / unit.length));
const report = (body: string): Buffer => buildReport({ originals: [Buffer.from(body, 'latin1')] });
const text = (value: string, textType = 'text/plain') =>
  buildReport({ text: value.slice(0, megabyte - 100), textType });
const header = (line: string) => buildReport({ headers: [line] });
/** Without recipients of its own, so that those of the header are read. */
const innerHeader = (line: string) => buildReport({ recipients: [], originals: [buildMessage({ headers: [line] })] });
const nested = (depth: number): string =>
  Array.from({ length: depth }, (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`).join(
    '',
  );

const inputs: Readonly<Record<string, () => Buffer>> = {
  'parts without end': () => report(fill('\r\n--B\r\n\r\nx')),
  'boundary prefixes': () => report(fill('\r\n--Bx')),
  'boundary in the middle of lines': () => report(fill(' --B')),
  dashes: () => buildReport({ boundary: '-'.repeat(60), originals: [Buffer.from(fill('-'))] }),
  'a boundary that almost matches': () =>
    buildReport({ boundary: `${'a'.repeat(180)}b`, originals: [Buffer.from(fill('a'))] }),
  'nested containers': () => report(`\r\n--B\r\n${nested(20_000)}`),
  'nested containers in the original': () => report(nested(20_000)),
  'nested messages': () => report(fill('Content-Type: message/rfc822\r\n\r\n')),
  'a container of small parts in the original': () =>
    report(`Content-Type: multipart/mixed; boundary=x\r\n\r\n${fill('--x\r\n\r\n')}`),
  'a million header fields': () => report(fill('a:\n')),
  'one header field': () => innerHeader(`Subject: ${fill('x')}`),
  'one folded header field': () => innerHeader(`Subject: ${fill('x\r\n ')}`),
  'a header of the report': () => header(`X: ${fill('x')}`),
  'no line end at all': () => Buffer.from(fill('a')),
  'nothing but line ends': () => Buffer.from(`a: b\n${fill('\n')}`),
  parameters: () => innerHeader(`Content-Type: multipart/mixed; ${fill('a=b;')}`),
  'quoted parameters without semicolons': () => innerHeader(`Content-Type: multipart/mixed;${fill(' a=""')}`),
  'parameters without values': () => innerHeader(`Content-Type: multipart/mixed${fill(';a')}`),
  'continued parameters': () => innerHeader(`Content-Type: x/y${fill("; name*1*=''%41")}`),
  'encoded words': () => innerHeader(`Subject: ${fill('=?utf-8?q?a?= ')}`),
  'encoded words in file names': () => {
    const part = `--x\r\nContent-Type: a/b; name="${'=?utf-8?q?a?= '.repeat(9000)}"\r\n\r\n`;
    return report(`Content-Type: multipart/mixed; boundary=x\r\n\r\n${part.repeat(9)}`);
  },
  'encoded words cut off': () => innerHeader(`Subject: ${fill('=?utf-8?q?a')}`),
  addresses: () => innerHeader(`To: ${fill('a@b.example,')}`),
  commas: () => innerHeader(`To: ${fill(',')}`),
  groups: () => innerHeader(`To: ${fill('a:')}`),
  'open comments': () => innerHeader(`To: ${fill('(')}`),
  'open quotes': () => innerHeader(`To: ${fill('"')}x"`),
  'open brackets': () => innerHeader(`To: ${fill('<')}`),
  'at signs': () => innerHeader(`To: ${fill('@')}`),
  'backslashes in quotes': () => innerHeader(`To: "${fill('\\"')}`),
  'quoted local parts': () => innerHeader(`To: ${fill('""')}@x`),
  'message-id brackets': () => innerHeader(`Message-ID: ${fill('<')}`),
  'received fields': () => report(fill('Received: by x; Mon, 2 Mar 2026 09:00:00 +0000\r\n')),
  'continuation lines': () => text(`To: a@x.example\r\n${fill(' x\r\n')}`),
  'unindented continuations': () => text(`To: a@x.example,\r\n${fill('Expanded:\r\n')}`),
  redirections: () => text(`To: a@x.example${fill(', Expanded: a@x.example')}`),
  'commas and blanks': () => text(`To: ${fill(',      ')}`),
  recipients: () => text(fill('To: abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz@x.example\r\n')),
  labels: () => text(fill('Sender')),
  'html tags left open': () => text(fill('<'), 'text/html'),
  'html tags': () => text(fill('<p>'), 'text/html'),
  'html styles left open': () => text(fill('<style>'), 'text/html'),
  'html entities': () => text(fill('&#65;&'), 'text/html'),
  'flowed lines': () => text(fill('x \r\n'), 'text/plain; format=flowed'),
  'soft breaks': () =>
    buildReport({ text: fill('=\r\n'), textType: 'text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\nX: y' }),
  'equals signs before blanks': () =>
    buildReport({
      text: fill('=          '),
      textType: 'text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\nX: y',
    }),
  'a planted subject of many lines': () => {
    const subject = `=?utf-8?B?${Buffer.from('\nTo: a@x'.repeat(5000)).toString('base64')}?=`;
    return buildReport({ originals: [buildMessage({ subject })], text: 'To: a@x\r\n'.repeat(15_000) });
  },
  'a 2003 list': () => buildReport({ family: 'ms2003', lines: [`\t${fill('a@x ')}`.slice(0, megabyte - 500)] }),
  'many delivery blocks': () =>
    Buffer.from(
      `Content-Type: multipart/report; boundary=N\r\n\r\n--N\r\nContent-Type: message/delivery-status\r\n\r\n${fill('a: b\r\n\r\n')}\r\n--N\r\nContent-Type: message/rfc822\r\n\r\nx: y\r\n`,
    ),
  'many encoded messages in a bounce': () => {
    const header = 'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64';
    const part = `\r\n--N\r\n${header}\r\n\r\n${Buffer.from('a:\n'.repeat(1300)).toString('base64')}`;
    return Buffer.from(`Content-Type: multipart/report; boundary=N\r\n\r\n${fill(part)}`);
  },
  'an encoded report in a bounce': () => {
    const report = buildReport({ originals: [Buffer.from(fill('\r\n--B\r\n\r\nx'))] }).toString('base64');
    const header = 'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64';
    return Buffer.from(`Content-Type: multipart/report; boundary=N\r\n\r\n--N\r\n${header}\r\n\r\n${report}`);
  },
};

describe('a hostile megabyte is read in time', () => {
  test.each(Object.entries(inputs))('%s', (_, build) => {
    const bytes = build();
    for (const options of [
      unwrapOptions(),
      unwrapOptions({ removeJournalHeaders: true, preferClearTextVersion: true }),
      unwrapOptions({ insists: true }),
    ]) {
      const before = threadCpuMs();
      const parsed = unwrap(bytes, options);
      const usedMs = threadCpuMs() - before;
      checkParsed(parsed, bytes, options);
      expect(usedMs).toBeLessThan(1000);
    }
  });
});
