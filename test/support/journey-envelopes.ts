import { dateOf, idOf, received } from './journey-mail.ts';
import { buildBounce, buildMessage, buildProtectedPair, buildReport, type ReportParts } from './mail.ts';

/** What must become of one sent message. */
export interface Expected {
  readonly state: 'archived' | 'matched' | 'skipped' | 'held' | 'quarantined';
  readonly reason?: string;
  readonly level?: string;
  readonly family?: string | null;
  /** All recipients in order, `type:address`, with ` via …` behind. Only where there is an entry. */
  readonly recipients?: readonly string[];
  readonly sender?: string;
  /** What `GET /v1/messages/{id}/raw` gives, byte for byte. */
  readonly original?: Uint8Array;
  /** Flags of the observation, in order. */
  readonly flags?: readonly string[];
  readonly representations?: number;
}
export type Built = Expected & { readonly bytes: Uint8Array; readonly times?: number };
export type Build = (name: string) => Built;

export const bo = 'to:bo@north.example';
/** A body that a careless parser breaks: dots at line starts, bytes of all values, what looks like a boundary, no last line end. */
const awkward = Buffer.concat([
  Buffer.from('.\r\n..\r\n.dot\r\nSender: nobody@north.example\r\n--BB\r\n\r\n'),
  Buffer.from(Array.from({ length: 256 }, (_, at) => at)),
  Buffer.from(`\nbare\rends\n${'x'.repeat(3000)}\r\nlast `),
]);

export const message = (name: string, parts: Parameters<typeof buildMessage>[0] = {}): Buffer =>
  buildMessage({ messageId: idOf(name), date: dateOf(), body: awkward, ...parts });

/** A report of one original that must come out whole: level L0, family ms2007, to Bo, unless said otherwise. */
export function whole(name: string, parts: ReportParts = {}, expected: Partial<Expected> = {}): Built {
  const original = parts.originals?.[0] ?? message(name);
  const bytes = buildReport({ messageId: idOf(name), originals: [original], ...parts });
  const { family = 'ms2007' } = parts;
  const flags = family === 'none' ? ['marker-missing'] : [];
  return {
    bytes,
    state: 'archived',
    level: 'L0',
    family: family === 'none' ? 'heuristic' : family,
    recipients: [bo],
    sender: 'ada@north.example',
    original,
    flags,
    representations: 1,
    ...expected,
  };
}

/** Reports that come out whole: of every family, and with all that relays do to them. */
export const envelopes: Record<string, Build> = {
  types: (name) =>
    whole(
      name,
      {
        recipients: [
          { address: 'bo@north.example', type: 'to' },
          { address: 'cy@South.Example', type: 'cc' },
          { address: 'legal@north.example', type: 'bcc' },
          { address: 'di@north.example', type: 'recipient' },
        ],
      },
      { recipients: [bo, 'cc:cy@south.example', 'bcc:legal@north.example', 'recipient:di@north.example'] },
    ),
  list: (name) =>
    whole(
      name,
      {
        recipients: [
          { address: 'bo@north.example', type: 'to' },
          { address: 'cy@north.example', type: 'to', via: [{ kind: 'expanded', address: 'kitchen@north.example' }] },
          {
            address: 'eve@north.example',
            type: 'bcc',
            via: [
              { kind: 'expanded', address: 'board@north.example' },
              { kind: 'forwarded', address: 'chair@north.example' },
            ],
          },
        ],
      },
      {
        recipients: [
          bo,
          'to:cy@north.example via expanded kitchen@north.example',
          'bcc:eve@north.example via expanded board@north.example via forwarded chair@north.example',
        ],
      },
    ),
  delegate: (name) =>
    whole(
      name,
      { sender: 'assistant@north.example', onBehalfOf: 'ada@north.example' },
      { sender: 'assistant@north.example' },
    ),
  'null sender': (name) =>
    whole(
      name,
      {
        sender: '<>',
        recipients: [{ address: 'ada@north.example', type: 'recipient' }],
        originals: [message(name, { from: 'postmaster@mx.south.example', to: 'ada@north.example' })],
      },
      { sender: '', recipients: ['recipient:ada@north.example'] },
    ),
  'directory name': (name) =>
    whole(
      name,
      { recipients: [{ address: '[EX:/o=North/cn=Recipients/cn=Smith, Jo, Dr]' }, { address: 'bo@north.example' }] },
      { recipients: ['to:dn:/o=North/cn=Recipients/cn=Smith, Jo, Dr', bo], flags: ['dn-recipient'] },
    ),
  ms2003: (name) =>
    whole(
      name,
      {
        family: 'ms2003',
        recipients: [
          { address: 'bo@north.example' },
          { address: 'cy@north.example' },
          { address: 'eve@north.example' },
        ],
        originals: [message(name, { cc: 'Cy <cy@north.example>' })],
      },
      { recipients: [bo, 'cc:cy@north.example', 'undisclosed:eve@north.example'] },
    ),
  workmail: (name) => whole(name, { family: 'workmail' }),
  heuristic: (name) => whole(name, { family: 'none' }),
  bounce: (name) => {
    const inner = whole(name);
    return { ...inner, bytes: buildBounce(inner.bytes), flags: ['ndr-unwrapped'] };
  },
  'text in base64': (name) =>
    whole(
      name,
      {
        textEncoding: 'base64',
        textType: 'text/plain; charset=utf-8',
        subject: 'Menü für Åse',
        recipients: [{ address: 'åse@north.example' }],
      },
      { recipients: ['to:åse@north.example'] },
    ),
  'text in quoted-printable': (name) =>
    whole(name, { textEncoding: 'quoted-printable', textType: 'text/plain; charset=utf-8', subject: 'Grüße = a' }),
  'original in base64': (name) => whole(name, { originalEncoding: 'base64' }, { flags: ['encoded-rfc822'] }),
  'original in quoted-printable': (name) =>
    whole(
      name,
      { originalEncoding: 'quoted-printable', originals: [message(name, { body: 'Caf\u00e9 = soup\r\n.\r\nlast' })] },
      { flags: ['encoded-rfc822'] },
    ),
  'LF only': (name) => whole(name, { eol: '\n' }),
  'mbox line before it': (name) => whole(name, { prefix: 'From journal@north.example Mon Mar  2 09:00:00 2026\r\n' }),
  'byte order mark': (name) => whole(name, { prefix: '\ufeff' }),
  'no closing boundary': (name) => {
    const original = message(name);
    // To the end of what was received, and DATA ends with CRLF.
    return whole(
      name,
      { closed: false, originals: [original] },
      { original: received(original), flags: ['truncated-mime'] },
    );
  },
  'mislabelled original': (name) =>
    whole(
      name,
      { partHeaders: ['Content-Type: application/octet-stream; name="ATT1.eml"'] },
      { flags: ['mislabelled-original'] },
    ),
  'other id in the report': (name) =>
    whole(name, { messageId: '<another@north.example>' }, { flags: ['mid-mismatch'] }),
  'two originals': (name) => {
    const other = buildMessage({ messageId: '<elsewhere@north.example>', date: dateOf() });
    return whole(
      name,
      { originals: [other, message(name)] },
      { original: message(name), flags: ['two-originals'], representations: 2 },
    );
  },
  'rights-protected pair': (name) => {
    const pair = buildProtectedPair(idOf(name));
    const [clear, guarded] = [pair.clear, pair.guarded].map((bytes) =>
      Buffer.from(bytes.toString('latin1').replace(/^Date: .*$/m, `Date: ${dateOf()}`), 'latin1'),
    );
    return whole(
      name,
      { originals: [clear!, guarded!], subject: 'Secret' },
      { original: guarded!, flags: ['rms-protected'], representations: 2 },
    );
  },
  'report inside a report': (name) => {
    const forged = buildReport({
      boundary: 'N',
      messageId: '<inner@north.example>',
      recipients: [{ address: 'eve@north.example' }],
    });
    const header = `Message-ID: ${idOf(name)}\r\nDate: ${dateOf()}\r\n`;
    const original = Buffer.concat([Buffer.from(header), forged]);
    return whole(name, { originals: [original] }, { flags: ['nested-report-kept'] });
  },
  'sent twice': (name) => ({ ...whole(name), times: 2 }),
};
