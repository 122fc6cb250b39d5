import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binary, type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { all, intakeOf, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, idOf, lunch, lunchReport, received, sha256 } from '../support/journey-mail.ts';
import { partner } from '../support/journey-partners.ts';
import { reportKinds, sentOf } from '../support/journey-reports.ts';

const service = ['journal@journal.north.example'];
const config = (more = ''): string => `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
    ${more}
`;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-commands-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('without an engine', () => {
  test('check prints a file with five faults as five lines, each at its place, no secret in them, and exits 78', async () => {
    const lines = [
      'logLevel: loud', // 1
      'directory: { internalDomains: [north.example] }', // 2
      'smtp:', // 3
      '  maxConnection: 7', // 4
      'definitions:', // 5
      '  - id: exchange', // 6
      '    transport: smtp', // 7
      '    serviceEmailAddress: journal@journal.north.example', // 8
      '    deliveryWaitAttempts: 21', // 9
      '    smtp: { useSmtpAuthentication: true, password: [hunter2] }', // 10
    ];
    const file = join(folder, 'faults.yaml');
    await writeFile(file, lines.join('\n'));
    const { code, stdout } = await command(['check', '--config', 'faults.yaml'], { cwd: folder });
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(': ').slice(0, 2).join(' ')),
    ).toEqual([
      'faults.yaml:1:11 logLevel',
      'faults.yaml:4:3 smtp.maxConnection',
      'faults.yaml:6:5 definitions[0].description',
      'faults.yaml:9:27 definitions[0].deliveryWaitAttempts',
      'faults.yaml:10:52 definitions[0].smtp.password',
    ]);
    expect(stdout).toContain('maxConnections');
    expect(stdout).not.toContain('hunter2');
    expect(code).toBe(78);
    expect(await command(['run', '--config', file])).toMatchObject({ code: 78, stdout: '' });
  });

  test('check of a file without fault exits 0, touches nothing, and a missing file is 78', async () => {
    const file = join(folder, 'fine.yaml');
    await writeFile(file, `dataDir: ./never-made\n${config()}`);
    expect(await command(['check', '--config', file])).toMatchObject({ code: 0, stdout: '' });
    expect(await command(['rebuild-index', '--config', join(folder, 'none.yaml')])).toMatchObject({ code: 78 });
    const missing = await command(['check'], { cwd: folder });
    expect(missing.code).toBe(78);
    expect(missing.stderr).toContain('daybook.yaml');
  });

  test('schema is one JSON document that names every key of a definition', async () => {
    const { code, stdout } = await command(['schema']);
    expect(code).toBe(0);
    const schema = JSON.parse(stdout) as { $schema: string; properties: object };
    expect(schema.$schema).toContain('json-schema.org');
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['dataDir', 'smtp', 'definitions']));
    expect(stdout).toContain('deliveryWaitInterval');
  });

  test('exit codes: 2 for wrong usage, 69 where nobody answers; help and version are 0', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const codes = await Promise.all(
      [
        ['nonsense'],
        ['status', '--nonsense'],
        ['messages', 'show'],
        ['status', '--url', url],
        ['--help'],
        ['--version'],
      ].map(async (args) => (await command(args)).code),
    );
    expect(codes).toEqual([2, 2, 2, 69, 0, 0]);
  });

  test('a file that is not there is named, without a trace of the program', async () => {
    for (const words of [['explain'], ['definitions', 'apply', '-f'], ['definitions', 'dry-run', 'a', '-f']]) {
      const { code, stderr } = await command([...words, '/nowhere/a.eml', '--url', 'http://127.0.0.1:9']);
      expect([code, stderr], words.join(' ')).toEqual([2, 'daybook: /nowhere/a.eml: the file does not exist\n']);
    }
  });

  test('demo --once journals its samples over SMTP and POP3, prints the table, and exits 0', async () => {
    const { code, stdout, stderr } = await command(['demo', '--once']);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^SAMPLE +VIA +LEVEL +OUTCOME +ARCHIVED FOR$/m);
    expect(stdout).toMatch(/^Report with To, Cc and Bcc +smtp +L0 +archived +.*bcc:legal@north\.example/m);
    expect(stdout).toMatch(/ pop3 +L0 +(archived|matched)/);
    expect(stdout).toMatch(/http:\/\/127\.0\.0\.1:\d+\//);
    expect(stdout).not.toContain('expected');
  });
});

describe('with an engine', () => {
  let daybook: Daybook;
  const report = lunchReport('asked');
  let intakeId: string;
  let entryId: string;
  const ask = (...args: readonly string[]) => command([...args, '--config', daybook.configFile]);
  beforeAll(async () => {
    daybook = await startDaybook({ config: config() });
    intakeId = (await deliver(daybook.smtpPort, service, report)).id;
    await deliver(daybook.smtpPort, service, sentOf('no header', 'x').bytes);
    await deliver(daybook.smtpPort, service, sentOf('over age', 'old').bytes);
    await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
    const { items } = await daybook.get<{ items: { id: string }[] }>('/v1/messages');
    entryId = items[0]!.id;
  });
  afterAll(() => daybook?.[Symbol.asyncDispose]());

  test('status shows the engine and its definitions, as a table and as JSON', async () => {
    const table = await ask('status');
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(/exchange +smtp +Active .* 3 +1 +0 +2/);
    expect(table.stdout).not.toContain('\u001b[');
    const one = await ask('status', 'exchange', '--json');
    expect(JSON.parse(one.stdout)).toMatchObject({ id: 'exchange', counts: { received: 3, held: 1, quarantined: 1 } });
    expect((await ask('status', 'nobody')).code).toBe(1);
    expect((await command(['status', '--url', `http://127.0.0.1:${daybook.httpPort}`])).code).toBe(0);
  });

  test.each([
    [['messages', 'list', '--limit', '0'], 'limit'],
    [['messages', 'list', '--since', 'yesterday'], 'since'],
    [['intake', 'list', '--state', 'lost'], 'state'],
    [['intake', 'list', '--cursor', 'x'], 'cursor'],
    [['events', '--cursor', 'x'], 'cursor'],
  ])('a value that says nothing to the engine is wrong usage: %j', async (args, field) => {
    expect(await ask(...args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(field) });
  });

  test('messages: list with a filter, show, and raw byte for byte', async () => {
    const list = await ask('messages', 'list', '--mailbox', 'bo@north.example');
    expect(list.code).toBe(0);
    expect(list.stdout).toContain(entryId);
    expect((await ask('messages', 'list', '--mailbox', 'nobody@north.example')).stdout).not.toContain(entryId);
    const shown = JSON.parse((await ask('messages', 'show', entryId, '--json')).stdout) as { sha256: string };
    const raw = await ask('messages', 'raw', entryId);
    expect(sha256(raw.bytes)).toBe(shown.sha256);
    expect((await ask('messages', 'show', 'none')).code).toBe(1);
    for (const filter of ['--message-id', '--messageId']) {
      const found = JSON.parse((await ask('messages', 'list', filter, idOf('asked'), '--json')).stdout) as {
        items: { id: string }[];
      };
      expect(
        found.items.map(({ id }) => id),
        filter,
      ).toEqual([entryId]);
      expect(JSON.parse((await ask('messages', 'list', filter, '<none@x>', '--json')).stdout)).toMatchObject({
        items: [],
      });
    }
  });

  test('intake: list by state, show with its steps, raw as received, release of what was held', async () => {
    const held = JSON.parse((await ask('intake', 'list', '--state', 'held', '--json')).stdout) as {
      items: { id: string }[];
    };
    expect(held.items).toHaveLength(1);
    expect((await ask('intake', 'list')).stdout).toMatch(/quarantined.*no-headers/);
    expect((await ask('intake', 'show', intakeId)).stdout).toContain('attempt');
    expect(sha256((await ask('intake', 'raw', intakeId)).bytes)).toBe(sha256(received(report)));
    expect((await ask('intake', 'release', held.items[0]!.id)).code).toBe(0);
    await eventually(async () => (await statusOf(daybook, 'exchange')).counts.archived === 2, {
      what: 'the released item',
    });
    expect((await statusOf(daybook, 'exchange')).counts).toMatchObject({ received: 3, held: 0 });
    expect((await ask('events', '--type', 'item.released')).stdout).toContain('item.released');
  });

  test('definitions: list, show, suspend and activate; the events tell of it', async () => {
    expect((await ask('definitions', 'list')).stdout).toMatch(/exchange +Exchange +smtp +no/);
    expect((await ask('definitions', 'show', 'exchange')).stdout).toContain('journal@journal.north.example');
    expect((await ask('definitions', 'suspend', 'exchange')).stdout).toMatch(/exchange +smtp +Suspended/);
    expect((await ask('definitions', 'activate', 'exchange')).stdout).toMatch(/exchange +smtp +Active/);
    const { stdout } = await ask('events', '--definition', 'exchange');
    expect(stdout.indexOf('definition.suspended')).toBeGreaterThan(0);
    expect(stdout.indexOf('definition.enabled'), 'the oldest first').toBeGreaterThan(
      stdout.indexOf('definition.suspended'),
    );
  });

  test('definitions apply takes its document from standard input where it is told -', async () => {
    const document =
      'id: piped\ndescription: Piped\ntransport: smtp\nserviceEmailAddress: piped@journal.north.example\n';
    const words = ['definitions', 'apply', '-f', '-', '--config', daybook.configFile];
    const { code, stdout } = await partner(process.execPath, [binary, ...words], document);
    expect([code, stdout]).toEqual([0, 'piped: created, version 1\n']);
    expect((await daybook.get<{ description: string }>('/v1/definitions/piped')).description).toBe('Piped');
  });

  test('definitions apply says which definition of a file was refused, and where it stopped', async () => {
    const file = join(folder, 'three.json');
    const document = (id: string, serviceEmailAddress: string) => ({
      id,
      description: id,
      transport: 'smtp',
      serviceEmailAddress,
    });
    const documents = [
      document('one', 'one@journal.north.example'),
      document('two', 'nobody'),
      document('three', 'x@y.example'),
    ];
    await writeFile(file, JSON.stringify(documents));
    const { code, stdout, stderr } = await ask('definitions', 'apply', '-f', file);
    expect([code, stdout]).toEqual([78, 'one: created, version 1\n']);
    expect(stderr).toMatch(/^daybook: two: 400: .*serviceEmailAddress: /);
    expect((await daybook.fetch('/v1/definitions/three')).status).toBe(404);
  });

  test('explain tells what would become of a file, and changes nothing', async () => {
    const [again, fresh] = [join(folder, 'again.eml'), join(folder, 'fresh.eml')];
    await writeFile(again, report);
    await writeFile(fresh, lunch('fresh'));
    const before = await statusOf(daybook, 'exchange');
    const matched = await ask('explain', again, '--definition', 'exchange', '--json');
    expect(JSON.parse(matched.stdout)).toMatchObject({ outcome: 'matched', level: 'L0', family: 'ms2007', entryId });
    const absorbed = await ask('explain', fresh, '--definition', 'exchange', '--json');
    expect(JSON.parse(absorbed.stdout)).toMatchObject({ outcome: 'archived', level: 'L4', entryId: null });
    expect(await statusOf(daybook, 'exchange')).toEqual(before);
    const text = (await ask('explain', again, '--definition', 'exchange')).stdout;
    expect(text).toMatch(/^outcome +matched, M1$/m);
    expect(text).toMatch(new RegExp(`^${entryId} +M1 +yes +—`, 'm'));
    expect(text).toMatch(/^detect +applied +journalType: eej +L0: a journal report, read in full/m);
    expect(text).toMatch(/^journalType: standard instead of eej\n {2}outcome: matched → archived$/m);
    const stored = (await ask('explain', '--intake', entryId ?? '')).stdout;
    expect(stored).toMatch(/^outcome +archived$/m);
    expect(stored).toMatch(/^Recorded\narchived; today it would be the same$/m);
    expect((await ask('explain')).code).toBe(2);
  });

  test('a changed definition is run over what was received, and stored messages are parsed again, changing nothing', async () => {
    const before = await statusOf(daybook, 'exchange');
    const file = join(folder, 'changed.yaml');
    const lines = ['id: exchange', 'description: Exchange', 'transport: smtp', `serviceEmailAddress: ${service[0]}`];
    await writeFile(file, [...lines, 'deliveryWaitAttempts: 1', 'journalType: standard'].join('\n'));
    const { stdout } = await ask('definitions', 'dry-run', 'exchange', '-f', file, '--last', '500');
    expect(stdout).toMatch(/^journalType: eej → standard$/m);
    const [, changed, looked] = /^(\d+) of (\d+) messages would end otherwise, 0 /m.exec(stdout) ?? [];
    expect(Number(looked)).toBe(before.counts.received);
    expect(Number(changed)).toBeGreaterThan(0);
    expect(stdout).toMatch(new RegExp(`^${entryId} .*level: L0 → L4.* journalType$`, 'm'));
    await writeFile(file, [...lines, 'deliveryWaitAttempts: 21'].join('\n'));
    expect((await ask('definitions', 'dry-run', 'exchange', '-f', file)).stderr).toContain('deliveryWaitAttempts');
    const again = await ask('intake', 'reparse', '--definition', 'exchange');
    expect(again.stdout).toContain(`today's parser says otherwise of 0 of ${before.counts.received} messages`);
    expect(await statusOf(daybook, 'exchange')).toEqual(before);
  });

  test('a second engine, and rebuild-index, on the folder of a running one exit 75 and harm nothing', async () => {
    const codes = [(await ask('run')).code, (await ask('rebuild-index')).code];
    expect(codes).toEqual([75, 75]);
    expect((await statusOf(daybook, 'exchange')).counts.received).toBe(3);
  });
});

test('SIGTERM and SIGINT drain and exit 0', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await using daybook = await startDaybook({ config: config('initialProcessDelay: 1h') });
    const { id } = await deliver(daybook.smtpPort, service, lunchReport('waits'));
    expect(await daybook.end(signal), signal).toBe(0);
    await using again = await daybook.restart();
    // Acknowledged it was, parsed perhaps not yet when the signal came: it goes on, and waits its hour.
    await eventually(async () => (await intakeOf(again, id)).state === 'delayed', { what: `delayed after ${signal}` });
  }
});

test('rebuild-index on a stopped engine gives the same answers as before', async () => {
  await using daybook = await startDaybook({ config: config() });
  for (const [at, kind] of reportKinds.entries())
    await deliver(daybook.smtpPort, service, sentOf(kind, `k${at}`).bytes);
  await daybook.fetch('/v1/definitions/exchange/suspend', { method: 'POST' });
  await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
  const answers = async (running: Daybook) => {
    const { machine: _machine, ...status } = (await statusOf(running, 'exchange')) as object as Record<string, unknown>;
    const intake = await all<{ id: string }>(running, '/v1/intake');
    return {
      status,
      intake,
      first: await running.get(`/v1/intake/${intake[0]!.id}`),
      entries: await all(running, '/v1/messages'),
      words: await all(running, '/v1/messages?subject=lunch&mailbox=bo@north.example'),
      ledger: await running.get('/v1/ledger'),
      definitions: await running.get('/v1/definitions'),
      events: (await all<{ type: string }>(running, '/v1/events')).filter(
        ({ type }) => !/^(?:engine|messages?|intake)\./.test(type),
      ),
    };
  };
  const before = await answers(daybook);
  expect(before.entries.length).toBeGreaterThan(20);
  expect(await daybook.end('SIGTERM')).toBe(0);
  await rm(join(daybook.directory, 'data', 'index'), { recursive: true });
  const rebuilt = await command(['rebuild-index', '--config', daybook.configFile]);
  expect(rebuilt.code, rebuilt.stderr).toBe(0);
  expect(rebuilt.stderr).toMatch(/index rebuilt from \d+ records/);
  await using again = await daybook.restart();
  expect(await answers(again)).toEqual(before);
  await again.fetch('/v1/definitions/exchange/activate', { method: 'POST' });
  expect(await statusOf(again, 'exchange'), 'it has had its first run').toMatchObject({ serviceStatus: 'active' });
});

test('a second signal ends the engine at once, and nothing acknowledged is lost', async () => {
  await using daybook = await startDaybook({ config: config('initialProcessDelay: 1h') });
  const { id } = await deliver(daybook.smtpPort, service, lunchReport('twice'));
  process.kill(daybook.pid, 'SIGTERM');
  await daybook.end('SIGTERM');
  await using again = await daybook.restart();
  // Whether it was parsed before the end is a race; it goes on, and waits its hour.
  await eventually(async () => (await intakeOf(again, id)).state === 'delayed', { what: 'delayed' });
});
