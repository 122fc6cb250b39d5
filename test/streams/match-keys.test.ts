import { expect, test } from 'vitest';
import { matchKeyOf } from '../../streams/match-keys.ts';

test.each([
  ['<m1@North.Example>', 'mid:<m1@north.example>'],
  ['<M1@NORTH.example> (a comment) <m2@x>', 'mid:<M1@north.example>'],
  ['  < m 1 @north.\r\n example >', 'mid:<m1@north.example>'],
  ['<"a@B"@C.example>', 'mid:<"a@B"@c.example>'],
  ['<NoAtSign>', 'mid:<NoAtSign>'],
  ['<>', 'ch:abc'],
  ['m1@north.example', 'ch:abc'],
  ['', 'ch:abc'],
])('the Message-ID %j has the key %s', (messageId, key) => {
  expect(matchKeyOf(messageId, 'abc')).toBe(key);
});

test('without Message-ID the key is the content hash, and there is none without both', () => {
  expect(matchKeyOf(null, 'abc')).toBe('ch:abc');
  expect(matchKeyOf(null, null)).toBeNull();
});
