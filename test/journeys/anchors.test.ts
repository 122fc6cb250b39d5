import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { flipBit } from '../support/folders.ts';
import { all, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { leftOutOfCluster } from '../support/other-backend.ts';
import { startTimeStampAuthority, type TimeStampAuthority } from '../support/time-stamp-authority.ts';

const recipient = 'journal@journal.north.example';
interface EngineStatus {
  readonly engine: {
    readonly anchors: readonly {
      readonly name: string;
      readonly lastAt: string | null;
      readonly failingSince: string | null;
    }[];
    readonly warnings: readonly { readonly code: string; readonly text: string }[];
  };
}
interface Event {
  readonly type: string;
  readonly data: { readonly anchor?: string };
}

let authority: TimeStampAuthority;
let daybook: Daybook;
const posted: string[] = [];
const webhook = createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => {
    body += piece;
  });
  request.on('end', () => {
    posted.push(body);
    response.end();
  });
});
const data = (): string => join(daybook.directory, 'data');
const heads = (): string => join(daybook.directory, 'heads.jsonl');
const verify = (...args: readonly string[]) => command(['verify', '--config', daybook.configFile, ...args]);
const anchorsOf = async () => (await daybook.get<EngineStatus>('/v1/status')).engine;
const allMade = () =>
  eventually(async () => (await anchorsOf()).anchors.every(({ lastAt }) => lastAt !== null), { what: 'the anchors' });

beforeAll(async () => {
  authority = await startTimeStampAuthority();
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const hook = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/heads`;
  daybook = await startDaybook({
    config: `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
evidence:
  anchors:
    - { name: mount, kind: file, path: ./heads.jsonl }
    - { name: hook, kind: webhook, url: "${hook}" }
    - { name: tsa, kind: rfc3161, url: "${authority.url}" }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`,
  });
});
afterAll(async () => {
  await daybook[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
  webhook.closeAllConnections();
  webhook.close();
});

describe('a running engine with an anchor of each kind', () => {
  test('keeps a head at each of them, and says when', async () => {
    await allMade();
    const { anchors, warnings } = await anchorsOf();
    expect(anchors.map(({ name, failingSince }) => [name, failingSince])).toEqual([
      ['mount', null],
      ['hook', null],
      ['tsa', null],
    ]);
    expect(warnings).toEqual([]);
    const [line] = (await readFile(heads(), 'utf8')).trimEnd().split('\n');
    expect(JSON.parse(line!)).toMatchObject({ head: { size: expect.any(Number) }, publicKey: expect.any(String) });
    expect(JSON.parse(posted[0]!)).toMatchObject({ head: { log: JSON.parse(line!).head.log } });
    // The event follows what the status shows, in a cluster by a way to the database.
    const told = async () => {
      const events = await all<Event>(daybook, '/v1/events?type=anchor.made');
      return events.map((event) => event.data.anchor).toSorted();
    };
    await expect.poll(told).toEqual(['hook', 'mount', 'tsa']);
    const metrics = await (await daybook.fetch('/metrics')).text();
    for (const { name, lastAt } of anchors) {
      expect(metrics).toContain(
        `daybook_anchor_last_success_timestamp_seconds{anchor="${name}"} ${Date.parse(lastAt!) / 1000}\n`,
      );
    }
  });

  test('has a time-stamp that openssl accepts, and is verified against what it can read', async () => {
    const folder = join(data(), 'anchors/tsa');
    const [json, tsr] = (await readdir(folder)).toSorted();
    expect(authority.verify(join(folder, tsr!), join(folder, json!))).toMatchObject({ code: 0 });
    const { code, stdout } = await verify();
    expect([code, stdout]).toEqual([0, expect.stringMatching(/, 2 heads of anchors\n(?:.*\n)*no fault/)]);
  });
});

describe('a folder at rest', () => {
  test('is verified against the anchor file and the time-stamps, and a changed one is named', async () => {
    await deliver(daybook.smtpPort, [recipient], lunchReport('one'));
    await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
    expect(await daybook.end('SIGTERM')).toBe(0);
    expect(await verify()).toMatchObject({ code: 0, stdout: expect.stringContaining('2 heads of anchors') });
    expect(await verify('--against', heads())).toMatchObject({ code: 0 });
    const stamps = (await readdir(join(data(), 'anchors/tsa'))).map((name) => `anchors/tsa/${name}`);
    for (const file of [...stamps, 'anchors.state', '../heads.jsonl']) {
      const undo = await flipBit(join(data(), file), 60, 2);
      const { code, stdout } = await verify();
      const named = file.replace(/json$/, 'tsr').replace('..', daybook.directory);
      expect([file, code, stdout]).toEqual([file, 1, expect.stringContaining(`DAMAGED ${named}: `)]);
      await undo();
    }
    expect((await verify()).code).toBe(0);
    await writeFile(join(daybook.directory, 'none'), '{}\n');
    expect(await verify('--against', join(daybook.directory, 'none'))).toMatchObject({ code: 2 });
  });

  test.skipIf(leftOutOfCluster('a folder put back'))(
    'is put back to an older state as a whole: the anchor file shows it, to verify and to the engine',
    async () => {
      const old = `${data()}.old`;
      await cp(data(), old, { recursive: true });
      daybook = await daybook.restart();
      for (const name of ['after', 'the', 'copy']) await deliver(daybook.smtpPort, [recipient], lunchReport(name));
      expect(await daybook.end('SIGTERM')).toBe(0);
      // Its times are part of the folder; as if an interval had passed.
      await rm(join(data(), 'anchors.state'));
      daybook = await daybook.restart();
      await allMade();
      expect(await daybook.end('SIGTERM')).toBe(0);
      expect((await verify()).code).toBe(0);
      await rm(data(), { recursive: true });
      await rename(old, data());
      const { code, stdout } = await verify();
      expect([code, stdout]).toEqual([1, expect.stringMatching(/DAMAGED .*heads\.jsonl: .*it was put back/)]);
      await rm(join(data(), 'anchors.state'));
      daybook = await daybook.restart();
      const failing = await eventually(async () => {
        const { warnings } = await anchorsOf();
        return warnings.find(({ code: warning }) => warning === 'anchor-failing');
      });
      expect(failing.text).toMatch(/^the anchor mount \(file\) fails: .*it was put back$/);
      const told = await eventually(async () => {
        const events = await all<Event>(daybook, '/v1/events?type=anchor.failed');
        return events.length > 0 && events;
      });
      expect(told.map((event) => event.data.anchor)).toEqual(['mount']);
      expect((await daybook.fetch('/readyz')).status).toBe(200);
    },
  );
});
