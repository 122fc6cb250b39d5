import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import { buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';

const read = (fields: readonly string[]) => {
  const part = `${fields.join('\r\n')}\r\n\r\n${buildMessage()}`;
  return unwrap(buildReport({ originals: [], partsAfter: [part] }), unwrapOptions());
};
const base64 = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
const type = 'Content-Type: application/x-scanned';
/** By number, not as text: the tenth comes after the ninth. */
const elevenPieces = Array.from({ length: 11 }, (_, at) => `;\r\n filename*${at}=${at === 10 ? '.eml' : 'x'}`)
  .toReversed()
  .join('');
const attached = 'Content-Disposition: attachment';

describe('a file that is an original by its name alone', () => {
  test.each([
    ['in its type', [`${type}; name="Menu.eml"`]],
    ['in its disposition', [type, `${attached}; filename=MENU.EML`]],
    ['as an encoded word', [`${type}; name="${base64('Menü.eml')}"`]],
    ['as an encoded word in quoted-printable', [type, `${attached}; filename="=?iso-8859-1?Q?Men=FC=2Eeml?="`]],
    ['as encoded words on two lines', [type, `${attached}; filename="${base64('Men')}\r\n ${base64('ü.eml')}"`]],
    ['as a bare encoded word', [type, `${attached}; filename=${base64('Menü.eml')}; size=9`]],
    ['as bare encoded words on two lines', [type, `${attached}; filename=${base64('Men')}\r\n ${base64('ü.eml')}`]],
    ['percent-encoded', [type, `${attached}; filename*=utf-8''Men%C3%BC%2Eeml`]],
    ['percent-encoded in the type', [`${type}; name*=utf-8''Men%C3%BC.eml`]],
    ['in pieces', [type, `${attached}; filename*0*=utf-8''Men%C3%BC;\r\n filename*1=".eml"`]],
    ['in pieces out of order', [type, `${attached}; filename*1=".eml";\r\n filename*0*=utf-8''Men%C3%BC`]],
    ['in eleven pieces', [type, `${attached}${elevenPieces}`]],
  ] as const)('%s', (_, fields) => {
    expect(read(fields)).toMatchObject({ level: 'L0', flags: ['mislabelled-original'] });
  });

  test.each([
    ['another name', [`${type}; name="${base64('Menü.pdf')}"`]],
    ['a name that ends otherwise', [type, `${attached}; filename*0*=utf-8''a.eml;\r\n filename*1=".pdf"`]],
    ['another parameter', [type, `${attached}; nickname="${base64('Menü.eml')}"`]],
  ] as const)('not of %s', (_, fields) => {
    expect(read(fields)).toMatchObject({ level: 'L3', flags: ['original-missing'] });
  });
});
