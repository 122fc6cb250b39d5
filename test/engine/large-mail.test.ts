import { createHash } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { hashContent } from '../../src/content/content-hash.ts';
import { openLargeMail } from '../../src/engine/large-mail.ts';
import { unwrap } from '../../src/report/unwrap.ts';
import { eventually } from '../support/eventually.ts';
import { buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';
import { StillClock } from '../support/smtp-listener.ts';

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const original = buildMessage({ body: 'Soup = soup, ä.\r\n'.repeat(80_000) });
const loading = (bytes: Uint8Array) => async (into: Uint8Array) => into.set(bytes);
const about = (bytes: Uint8Array) => ({ size: bytes.length, sha256: sha256Of(bytes) });
const options = { unwrapOptions: unwrapOptions(), matchOnContent: true };

describe('large mail', () => {
  test.each(['identity', 'base64', 'quoted-printable'] as const)(
    'is opened as it would be here, its original under %s',
    async (encoding) => {
      await using large = openLargeMail(asyncScheduler);
      const report = buildReport({
        originals: [original],
        ...(encoding === 'identity' ? {} : { originalEncoding: encoding }),
      });
      const opened = await large.open(loading(report), about(report), options);
      expect(opened.parsed).toEqual(unwrap(report, options.unwrapOptions));
      expect(opened.versions).toEqual([{ sha256: sha256Of(original), size: original.length }]);
      expect(opened.contentHash).toBe(await hashContent(original));
    },
  );

  test('the directory is asked here, whether the report came from inside or not', async () => {
    await using large = openLargeMail(asyncScheduler);
    const report = buildReport({ originals: [original] });
    for (const inside of [true, false]) {
      const asked = unwrapOptions({ isInternal: () => inside });
      const { parsed } = await large.open(loading(report), about(report), { ...options, unwrapOptions: asked });
      expect(parsed).toEqual(unwrap(report, asked));
      expect(parsed.flags.includes('report-from-outside')).toBe(!inside);
    }
  });

  test('one message after another, each in the place of the last, and none with the bytes of another', async () => {
    await using large = openLargeMail(asyncScheduler);
    const reports = [3, 1, 2].map((n) =>
      buildReport({ originals: [buildMessage({ body: `${n}`.repeat(n * 500_000) })] }),
    );
    const opened = await Promise.all(reports.map((report) => large.open(loading(report), about(report), options)));
    expect(opened.map(({ versions }) => versions[0]?.size)).toEqual(
      reports.map((report) => unwrap(report, options.unwrapOptions).originals[0]!.ranges[0]!).map(([a, b]) => b - a),
    );
  });

  test('bytes that are not those that were recorded are refused, and the next message is served', async () => {
    await using large = openLargeMail(asyncScheduler);
    const report = buildReport({ originals: [original] });
    const wrong = { ...about(report), sha256: sha256Of(Buffer.from('other')) };
    await expect(large.open(loading(report), wrong, options)).rejects.toMatchObject({ code: 'damaged' });
    const expected = { decoding: 'identity', sha256: wrong.sha256, where: 'record 7' } as const;
    await expect(large.read(loading(report), report.length, expected)).rejects.toThrow(/record 7/);
    expect((await large.open(loading(report), about(report), options)).versions).toHaveLength(1);
  });

  test('is read whole, decoded, also where next to nothing is left of it', async () => {
    await using large = openLargeMail(asyncScheduler);
    const encoded = Buffer.from(original.toString('base64'));
    const read = (stored: Buffer, decoding: 'identity' | 'base64', whole: Buffer) =>
      large.read(loading(stored), stored.length, { decoding, sha256: sha256Of(whole), where: 'record 1' });
    expect(Buffer.from(await read(original, 'identity', original)).equals(original)).toBe(true);
    expect(Buffer.from(await read(encoded, 'base64', original)).equals(original)).toBe(true);
    const junk = Buffer.from(`Zm9v${'\x80'.repeat(2_000_000)}`, 'latin1');
    expect(Buffer.from(await read(junk, 'base64', Buffer.from('foo'))).toString()).toBe('foo');
  });

  test('what takes too long is given up, and does not hold what comes after', async () => {
    const clock = new StillClock();
    await using large = openLargeMail(clock);
    const report = buildReport({ originals: [Buffer.from('x\r\n'.repeat(4_000_000))] });
    const failed = expect(large.open(loading(report), about(report), options)).rejects.toMatchObject({
      code: 'parser-crash',
    });
    await eventually(async () => clock.actions.some(({ delay }) => delay === 11_000));
    clock.advance(11_000);
    await failed;
    const small = buildReport();
    expect((await large.open(loading(small), about(small), options)).parsed.level).toBe('L0');
  });
});
