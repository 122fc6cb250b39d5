import { describe, expect, test } from 'vitest';
import { readMessageId } from '../../src/report/header-facts.ts';
import { unwrap } from '../../src/report/unwrap.ts';
import { matchIndexKey } from '../../src/store/keys.ts';
import { matchKeyOf } from '../../streams/match-keys.ts';
import type { Parsed } from '../../streams/message.ts';
import { buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';

const read = (bytes: Uint8Array): Parsed => unwrap(bytes, unwrapOptions());
const left = 'x'.repeat(600);
const long = `<${left}${left}@North.example>`;
const folded = `<${left}\r\n ${left}@North.example>`;

describe('a Message-ID that is longer than a line of mail', () => {
  test.each([
    ['on one line', long],
    ['folded', folded],
  ])('names a report and its original, %s', (_, messageId) => {
    const parsed = read(buildReport({ messageId, originals: [buildMessage({ messageId })] }));
    expect(parsed).toMatchObject({ level: 'L0', flags: [], messageId: long, reportMessageId: long });
    expect(parsed.originals[0]?.facts.messageId).toBe(long);
  });

  test('is one however a copy has it folded', () => {
    const parsed = read(buildReport({ messageId: long, originals: [buildMessage({ messageId: folded })] }));
    expect(parsed).toMatchObject({ level: 'L0', flags: [], messageId: long });
    expect(read(buildMessage({ messageId: folded })).messageId).toBe(long);
  });

  test('that differs at its end is another, under a key as short as any', () => {
    const keys = [long, long.replace('@', 'y@'), '<m1@north.example>'].map((id) => matchKeyOf(id, null) ?? '');
    expect(new Set(keys).size).toBe(3);
    const indexKeys = keys.map((key) => matchIndexKey(key, 'id'));
    expect(new Set(indexKeys).size).toBe(3);
    expect(new Set(indexKeys.map(({ length }) => length)).size).toBe(1);
  });

  test('ends somewhere: beyond 8 KB it is none', () => {
    const ofLength = (length: number): string => `<${'x'.repeat(length - 2)}>`;
    expect(readMessageId(ofLength(8_192))).toHaveLength(8_192);
    expect(readMessageId(ofLength(8_193))).toBeNull();
    expect(read(buildMessage({ messageId: ofLength(8_193) })).messageId).toBeNull();
  });
});
