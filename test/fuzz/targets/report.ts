import { readHeaderBlock } from '../../../src/report/header-block.ts';
import { walkParts } from '../../../src/report/mime-parts.ts';
import { unwrap } from '../../../src/report/unwrap.ts';
import { checkParsed } from '../../support/check-parsed.ts';
import { buildBounce, buildMessage, buildProtectedPair, buildReport, unwrapOptions } from '../../support/mail.ts';
import type { Target } from '../fuzzer.ts';

export const mailWords: readonly string[] = [
  ...['\r\n\r\n', '\r\n--B\r\n', '\r\n--B--\r\n', '--', ':', ';', ',', '(', ')', '<', '>', '@', '=', '\u00ff', '\t'],
  ...['X-MS-Journal-Report:\r\n', 'X-WM-Journal-Report: journal\r\n', 'Content-Identifer: ExJournalReport\r\n'],
  ...['Sender: a@b.example\r\n', 'Subject: ', 'Message-ID: <m1@north.example>\r\n', 'To: ', 'Bcc: ', 'Recipient: '],
  ...['Recipients:\r\n\t', 'SentUtc: 3/2/2026 9:00:00 AM\r\n', ', Expanded: ', ', Forwarded: ', '[EX:/o=x]', 'SMTP:'],
  ...['From: ', 'Date: Mon, 2 Mar 2026 09:00 GMT\r\n', 'Received: by x; '],
  ...['X-MS-Exchange-Organization-BCC: c@d.example\r\n', 'Content-Type: ', 'multipart/mixed; boundary=B'],
  ...['multipart/report; boundary=N', 'multipart/digest; boundary="x"', 'message/rfc822', 'message/delivery-status'],
  ...['text/plain; charset=', 'text/html', 'utf-16', 'iso-2022-jp', '; format=flowed; delsp=yes', 'utf-7', 'gb18030'],
  ...['application/ms-tnef', 'application/octet-stream; name=x.eml', "name*0*=utf-8''%41", 'base64', 'x-uuencode'],
  ...['Content-Transfer-Encoding: ', 'quoted-printable', '=?utf-8?B?', '=?iso-2022-jp?q?', '?=', '=0D=0A', '&#65;'],
  ...['<br>', '<style>', '<td>', 'Content-Class: rpmsg.message\r\n', '\ufeff', 'From x\r\n', 'begin 644 x\r\n'],
];

export const mailSeeds = (): readonly Buffer[] => [
  buildMessage({ headers: ['X-MS-Exchange-Organization-BCC: legal@north.example,\r\n eve@north.example'] }),
  buildReport({
    recipients: [{ address: 'bo@north.example', via: [{ kind: 'expanded', address: 'all@north.example' }] }],
  }),
  buildReport({ family: 'none', textEncoding: 'base64', lines: ['Received: 3/2/2026'] }),
  buildReport({ family: 'ms2003', lines: ['\t"Cy" <cy@north.example>, di@north.example'] }),
  buildReport({ family: 'workmail', originalEncoding: 'base64' }),
  buildReport({ originals: Object.values(buildProtectedPair()), messageId: '<m3@north.example>' }),
  buildReport({ text: 'Sender: ada@north.example<br>To: bo@north.example', textType: 'text/html' }),
  buildBounce(buildReport()),
  buildBounce(
    buildMessage(),
    'Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; bo@north.example\r\nAction: relayed',
  ),
];

/** The whole way from received bytes to what is known of them. */
export const report: Target = {
  name: 'report',
  sources: ['/src/report/'],
  share: 250,
  words: mailWords,
  seeds: mailSeeds,
  run: (input, random) => {
    const options = unwrapOptions({
      journalType: random(8) === 0 ? 'standard' : 'eej',
      preferClearTextVersion: random(2) === 0,
      removeJournalHeaders: random(2) === 0,
      trustedRecipientHeaders: random(2) === 0 ? [] : ['x-envelope-to', 'received', '__proto__'],
    });
    checkParsed(unwrap(input, options), input, options);
  },
};

/** The walk over the parts alone, within any window of the bytes. */
export const parts: Target = {
  name: 'parts',
  sources: ['/src/report/mime-parts', '/src/report/header-block', '/src/report/content-type'],
  share: 60,
  words: mailWords,
  seeds: mailSeeds,
  run: (input, random) => {
    const start = random(input.length + 1);
    const end = start + random(input.length - start + 1);
    const block = readHeaderBlock(input, start, end);
    for (const part of walkParts(block, end).leaves) {
      const isWithin = part.start >= start && part.start <= part.end && part.end <= end;
      if (!isWithin) throw new Error(`a part from ${part.start} to ${part.end} of a message to ${end}`);
    }
  },
};
