import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { openAnchors } from '../../src/engine/anchors.ts';
import type { Anchor } from '../../src/evidence/anchor.ts';
import { eventually } from '../support/eventually.ts';
import { flipBit } from '../support/folders.ts';

const head = { log: 'a'.repeat(64), size: 7, root: 'b'.repeat(64), at: 1_000, signature: 'c2ln', key: 'k' };
const { publicKey } = generateKeyPairSync('ed25519');

async function set(anchors: (folder: string) => readonly Anchor[]) {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-anchors-'));
  const notes: string[] = [];
  const logged: string[] = [];
  const parts = {
    clock: asyncScheduler,
    log: (level: string, text: string) => void logged.push(`${level} ${text}`),
    note: ({ type, severity, data }: { type: string; severity: string; data: object }) =>
      void notes.push(`${severity} ${type} ${JSON.stringify(data)}`),
    newestHead: async () => head,
    publicKey,
    dataDir: folder,
  };
  const open = () => openAnchors({ ...parts, anchors: anchors(folder) });
  return { folder, notes, logged, open, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
const anchor = (more: Partial<Anchor> & Pick<Anchor, 'kind' | 'target'>): Anchor => ({
  name: more.kind,
  token: null,
  intervalMs: 3_600_000,
  ...more,
});

test('one anchor that fails holds up no other; both are told once, and the last success outlives a restart', async () => {
  await using rig = await set((folder) => [
    anchor({ kind: 'file', target: join(folder, 'heads.jsonl') }),
    anchor({ kind: 'file', name: 'missing', target: join(folder, 'none/heads.jsonl') }),
  ]);
  const anchors = await rig.open();
  await eventually(async () => rig.notes.length === 2);
  expect(rig.notes).toContain('info anchor.made {"anchor":"file","kind":"file","size":7,"failedSince":null}');
  expect(rig.notes.find((each) => each.startsWith('warning anchor.failed'))).toMatch(/"anchor":"missing".*ENOENT/);
  const [made, missing] = anchors.status();
  expect(made).toMatchObject({ name: 'file', kind: 'file', failingSince: null, lastAt: expect.stringMatching(/Z$/) });
  expect(missing).toMatchObject({ lastAt: null, failingSince: expect.stringMatching(/Z$/) });
  expect(anchors.warnings()).toEqual([
    {
      code: 'anchor-failing',
      text: expect.stringMatching(/^the anchor missing \(file\) fails: ENOENT/),
      since: missing?.failingSince,
    },
  ]);
  await anchors[Symbol.asyncDispose]();
  const again = await rig.open();
  expect(again.status()[0]?.lastAt).toBe(made?.lastAt);
  await eventually(async () => rig.notes.length === 3);
  await again[Symbol.asyncDispose]();
  expect((await readFile(join(rig.folder, 'heads.jsonl'), 'utf8')).trimEnd().split('\n')).toHaveLength(1);
  // With the times lost a head is made at once: one too many is better than one too few.
  await flipBit(join(rig.folder, 'anchors.state'), 3, 1);
  const third = await rig.open();
  await eventually(async () => rig.notes.length === 5);
  await third[Symbol.asyncDispose]();
  expect(rig.logged).toEqual(['warn the times of anchored heads are damaged; heads are anchored now']);
});

test('a webhook gets the head as JSON with its token; a redirect and a status of its own are failures', async () => {
  const heard: string[] = [];
  let status = 204;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => (body += piece));
    request.on('end', () => {
      heard.push(`${request.method} ${request.headers['content-type']} ${request.headers.authorization} ${body}`);
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}/heads`;
  await using rig = await set(() => [anchor({ kind: 'webhook', target, token: new Secret('s3cret') })]);
  for (const answered of [204, 302, 500]) {
    await rm(join(rig.folder, 'anchors.state'), { force: true });
    status = answered;
    const anchors = await rig.open();
    const told = rig.notes.length + 1;
    await eventually(async () => rig.notes.length === told);
    expect(anchors.warnings()).toHaveLength(answered === 204 ? 0 : 1);
    await anchors[Symbol.asyncDispose]();
  }
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const line = `POST application/json Bearer s3cret ${JSON.stringify({ head, publicKey: pem })}\n`;
  expect(heard).toEqual([line, line, line]);
  expect(rig.notes.slice(1)).toEqual([expect.stringContaining('status 302'), expect.stringContaining('status 500')]);
  expect(rig.notes.join()).not.toContain('s3cret');
  server.closeAllConnections();
  server.close();
});

test('closing gives up a call that nobody answers', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await using rig = await set(() => [anchor({ kind: 'webhook', target })]);
  const anchors = await rig.open();
  await eventually(
    async () => (await new Promise<number>((resolve) => server.getConnections((_, n) => resolve(n)))) > 0,
  );
  const before = performance.now();
  await anchors[Symbol.asyncDispose]();
  expect(performance.now() - before).toBeLessThan(5_000);
  expect(rig.notes).toEqual([]);
  server.closeAllConnections();
  server.close();
});
