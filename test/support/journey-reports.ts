import { type Build, bo, type Expected, envelopes, message, whole } from './journey-envelopes.ts';
import { dateOf, idOf, received } from './journey-mail.ts';
import { buildReport } from './mail.ts';

export interface Sent {
  readonly name: string;
  readonly kind: string;
  readonly bytes: Buffer;
  readonly expected: Expected;
  /** Sent this often; the copies behind the first match it and change nothing. */
  readonly times: number;
}

/** One of each family and malformation of journaling section b, and of the rules that stop a message. */
export function sentOf(kind: string, name: string): Sent {
  const build = kinds[kind];
  if (build === undefined) throw new Error(`no kind ${kind}`);
  const { bytes, times = 1, ...expected } = build(name);
  return { name, kind, bytes: Buffer.from(bytes), expected, times };
}

/** Reports that lost something on the way, and messages that a rule stops. */
const damaged: Record<string, Build> = {
  'lines nobody knows': (name) =>
    whole(name, { lines: ['Cc: not an address', 'X-Note: hi'] }, { level: 'L1', flags: ['report-partial'] }),
  'no recipient lines': (name) => whole(name, { recipients: [] }, { level: 'L1', flags: ['report-partial'] }),
  'unreadable text': (name) =>
    whole(name, { text: 'This item was scanned.\r\nHave a nice day.' }, { level: 'L2', flags: ['report-unreadable'] }),
  'no original': (name) => {
    const bytes = buildReport({
      messageId: idOf(name),
      originals: [],
      partsAfter: ['Content-Type: text/plain\r\n\r\nremoved'],
    });
    return whole(name, {}, { original: received(bytes), level: 'L3', flags: ['original-missing'], ...{ bytes } });
  },
  'plain mail': (name) => {
    const bytes = received(
      message(name, { cc: 'cy@south.example', headers: ['X-MS-Exchange-Organization-BCC: legal@north.example'] }),
    );
    return {
      ...whole(name, {}, { original: bytes, level: 'L4', family: null }),
      recipients: [bo, 'cc:cy@south.example', 'bcc:legal@north.example'],
      bytes,
    };
  },
  'marker on plain mail': (name) => {
    const bytes = received(message(name, { body: 'Soup today.', headers: ['X-MS-Journal-Report:'] }));
    return {
      ...whole(name, {}, { original: bytes, level: 'L4', family: null, flags: ['marker-without-report'] }),
      bytes,
    };
  },
  'no header': (name) => ({
    bytes: Buffer.from(`\u0001\u0002 no header at all ${name}\r\nrandom bytes`),
    state: 'quarantined',
    reason: 'no-headers',
  }),
  'too many parts': (name) => ({
    bytes: buildReport({
      messageId: idOf(name),
      partsAfter: Array.from({ length: 210 }, () => 'Content-Type: image/gif\r\n\r\nx'),
    }),
    state: 'quarantined',
    reason: 'limit:parts',
  }),
  'winmail.dat': (name) => ({
    bytes: buildReport({
      messageId: idOf(name),
      originals: [],
      partsAfter: [
        'Content-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+Ig==',
      ],
    }),
    state: 'quarantined',
    reason: 'tnef',
  }),
  'unknown encoding': (name) => ({
    bytes: buildReport({
      messageId: idOf(name),
      partHeaders: ['Content-Type: message/rfc822', 'Content-Transfer-Encoding: x-uuencode'],
      originals: [Buffer.from('begin 644 x\r\n#0V%T\r\nend')],
    }),
    state: 'quarantined',
    reason: 'decode',
  }),
  'over age': (name) => ({
    ...whole(name, { originals: [message(name, { date: dateOf(Date.now() - 31 * 86_400_000) })] }),
    state: 'held',
    reason: 'expired',
  }),
  'nobody of ours': (name) => ({
    bytes: buildReport({
      messageId: idOf(name),
      sender: 'mallory@east.example',
      recipients: [{ address: 'cy@south.example' }],
      originals: [message(name, { from: 'mallory@east.example', to: 'cy@south.example' })],
    }),
    state: 'skipped',
    reason: 'non-internal',
  }),
};

const kinds: Record<string, Build> = { ...envelopes, ...damaged };
export const reportKinds: readonly string[] = Object.keys(kinds);
