import { asapScheduler, lastValueFrom, map, of, timer, toArray } from 'rxjs';
import { expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import { decode } from '../../src/store/bodies.ts';
import { turns } from '../../streams/turns.ts';
import { type UnwrapPorts, unwrapWindow } from '../../streams/unwrap.ts';
import { sha256Of } from '../support/memory-spool.ts';
import { directory, journalOptions, spoolItem } from './fixtures.ts';

const messages = [
  'From: ada@north.example\r\nSubject: One\r\nMessage-ID: <one@north.example>\r\n\r\nThe first.\r\n',
  'From: bo@north.example\r\nSubject: Two\r\n\r\nThe second, longer and without an id.\r\n',
  'From: cy@north.example\r\nSubject: Three\r\n\r\nThe third.\r\n',
].map((message) => Buffer.from(message));
const items = messages.map((bytes, at) => ({
  ...spoolItem(`i${at}`),
  sha256: sha256Of(bytes),
  size: bytes.length,
  body: [{ seq: at + 1, offset: 0, length: bytes.length }],
}));

/** What the stage makes of the messages where `bodies` gives them out. */
async function parse(bodies: UnwrapPorts['bodies'], hashLater: boolean) {
  const ports: UnwrapPorts = {
    bodies,
    unwrap,
    decode,
    hashBytes: sha256Of,
    hashContent: (bytes) => (hashLater ? timer(1).pipe(map(() => sha256Of(bytes))) : of(sha256Of(bytes))),
    directory,
    trustedRecipientHeaders: [],
  };
  const stage = unwrapWindow(items, ports, () => journalOptions, { matchOnContent: true }, turns(asapScheduler));
  const parsed = await lastValueFrom(stage.pipe(toArray()));
  return parsed.toSorted((a, b) => (a.item.intakeId < b.item.intakeId ? -1 : 1));
}
const read: UnwrapPorts['bodies']['read'] = (_body, _decoding, sha256) =>
  of(messages.find((bytes) => sha256Of(bytes) === sha256) ?? Buffer.alloc(0));

test('nothing is kept of lent bytes: the next message overwrites them, also while a content hash is on its way', async () => {
  const room = Buffer.alloc(1_000);
  let lent = 0;
  const lending: UnwrapPorts['bodies'] = {
    read: () => {
      throw new Error('not asked for');
    },
    lend: (sha256, use) => {
      const bytes = messages.find((each) => sha256Of(each) === sha256);
      if (bytes === undefined) return undefined;
      lent += 1;
      room.fill('x').set(bytes);
      const used = use(room.subarray(0, bytes.length));
      room.fill('y');
      return used;
    },
  };
  expect(await parse(lending, true)).toEqual(await parse({ read }, false));
  expect(lent).toBe(3);
});

test('what cannot be lent is read', async () => {
  const withNothing = { read, lend: () => undefined };
  expect(await parse(withNothing, false)).toEqual(await parse({ read }, false));
});
