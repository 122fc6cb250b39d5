import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { canariesIn, type Outlet } from '../support/canary.ts';
import {
  configuration,
  heard,
  mailCanaries,
  misbehave,
  openRoutes,
  passwords,
  reference,
  repeating,
  secretCanaries,
  sendAs,
  tls,
  tokensOption,
  words,
  wordyReport,
} from '../support/canary-life.ts';
import { eventually } from '../support/eventually.ts';
import { filesOf } from '../support/folders.ts';
import { type IntakeItem, openStream, promised, type Status } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { openPop3Server } from '../support/pop3-server.ts';

const probe = pathToFileURL(join(import.meta.dirname, '../support/crash-probe.mjs'));
/** No Message-ID: it goes to the thread that hashes content, which dies of it. */
const deadly = Buffer.from(`X: ${words.header}\r\n\r\n${words.body}, of which this thread is to die\r\n`);
const ends = ['archived', 'matched', 'skipped', 'held', 'quarantined'];

/** Asks as admin; every answer is an outlet, since it may be a problem that says too much. */
function asking(daybook: Daybook, outlets: Outlet[]) {
  return async (path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> => {
    const headers = { authorization: `Bearer ${passwords.admin}`, ...init.headers };
    const answer = await daybook.fetch(path, { ...init, headers });
    const text = await answer.text();
    outlets.push({ name: `${init.method ?? 'GET'} ${path.replace(/\?.*/, '')}`, text });
    return { status: answer.status, text };
  };
}
type Ask = ReturnType<typeof asking>;

async function follow(daybook: Daybook, role: 'viewer' | 'admin', outlets: Outlet[]): Promise<() => Promise<void>> {
  const stop = await openStream(daybook, { authorization: `Bearer ${passwords[role]}` });
  return async () => {
    const text = await stop();
    expect(text, `the stream of ${role}`).toContain('event: status');
    outlets.push({ name: `/v1/stream for ${role}`, text });
  };
}

const json = { 'content-type': 'application/json' };
const put = (ask: Ask, id: string, more: object, ifMatch?: string) => {
  const common = { description: id, serviceEmailAddress: `${id}@journal.north.example`, detailedLogging: true };
  const body = JSON.stringify({ ...common, deliveryWaitAttempts: 1, ...more });
  return ask(`/v1/definitions/${id}`, {
    method: 'PUT',
    headers: { ...json, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) },
    body,
  });
};

/** Definitions with secrets over the API, right and wrong, and what is said of them. */
async function administer(ask: Ask, port: number): Promise<void> {
  const { given, sealed, refused, inQuery, basic } = passwords;
  const smtp = (password: unknown, more: object = {}) => ({
    transport: 'smtp',
    smtp: { useSmtpAuthentication: true, password, ...more },
  });
  const box = { host: '127.0.0.1', port, mailboxName: 'box', encrypted: false };
  expect((await put(ask, 'given', smtp(given))).status).toBe(201);
  expect((await put(ask, 'sealed', { transport: 'pop3', pop3: { ...box, password: sealed } })).status).toBe(201);
  const wrong: readonly object[] = [
    smtp([refused]),
    smtp({ [refused]: refused }),
    smtp(refused, { requireTls: refused, additionalSourceIpRanges: [refused] }),
    smtp(refused.repeat(20)),
    { transport: refused, password: refused },
    { transport: 'pop3', pop3: { ...box, password: `${refused}\r\n`, certificatePin: refused, port: refused } },
    { ...smtp(refused), description: 'literal' },
  ];
  for (const each of wrong) expect((await put(ask, 'refused', each)).status).toBe(400);
  expect((await put(ask, 'given', smtp(refused), '"9"')).status).toBe(412);
  expect((await put(ask, 'given', { ...smtp('********'), description: 'Given' }, '"1"')).status).toBe(200);
  await ask('/v1/definitions/given', { method: 'PUT', headers: json, body: `{"password": ${refused}` });
  await ask('/v1/definitions/sealed/test', { method: 'POST' });
  await ask('/v1/definitions/repeating/test', { method: 'POST' });
  await ask(`/v1/status?token=${inQuery}`);
  await ask(`/v1/messages?token=${inQuery}&limit=${inQuery}`);
  const login = Buffer.from(`admin:${basic}`).toString('base64');
  await ask('/v1/status', { headers: { authorization: `Basic ${login}` } });
  await ask('/v1/status', { headers: { authorization: `Bearer ${basic} ${basic}` } });
}

/** Configurations with faults beside, in and around their secrets, read by SIGHUP and by `check`. */
async function reloadFaulty(daybook: Daybook, outlets: Outlet[]): Promise<void> {
  const { faulty } = passwords;
  const good = await readFile(daybook.configFile, 'utf8');
  const texts = [
    good.replace(passwords.literal, `${faulty}" , "x`),
    good.replace(`"${passwords.literal}"`, `[${faulty}]`),
    good.replace(`"${passwords.literal}"`, `*${faulty}`),
    good.replace(`"${passwords.literal}"`, `{ ${faulty}: ${faulty} }`),
    good.replace('useSmtpAuthentication: true, password', `useSmtpAuthentication: ${faulty}, pasword`),
    good.replace('logLevel: debug', `logLevel: ${faulty}\nhttp.tokens: ${faulty}`),
    good.replace(`token: ${passwords.viewer}`, `token: ${faulty}, token: ${faulty}`),
    good.replace(reference('env', 'CANARY'), reference('env', faulty)).replace('secret.txt', `${faulty}.txt`),
  ];
  for (const [at, text] of texts.entries()) {
    const lines = daybook.log().split('configuration refused').length;
    await writeFile(daybook.configFile, text);
    const checked = await command(['check', '--config', daybook.configFile]);
    expect(checked.code, `faulty configuration ${at}`).toBe(78);
    // Which variable or file is missing is what a person needs to know; neither is a secret.
    if (at < texts.length - 1) outlets.push({ name: `check of ${at}`, text: checked.stdout + checked.stderr });
    else continue;
    process.kill(daybook.pid, 'SIGHUP');
    await eventually(async () => daybook.log().split('configuration refused').length > lines, { what: 'the refusal' });
  }
  await writeFile(daybook.configFile, good.replace('description: file', 'description: filed'));
  process.kill(daybook.pid, 'SIGHUP');
  await eventually(async () => daybook.log().includes('configuration applied'), { what: 'the reload' });
}

/** What the commands print that a person runs beside it. */
async function commands(daybook: Daybook, outlets: Outlet[]): Promise<void> {
  const file = join(daybook.directory, 'applied.yaml');
  const smtp = `smtp: { useSmtpAuthentication: true, password: ${passwords.applied} }`;
  await writeFile(
    file,
    `id: applied\ndescription: applied\ntransport: smtp\nserviceEmailAddress: applied@journal.north.example\n${smtp}\n`,
  );
  const located = ['--config', daybook.configFile];
  for (const args of [
    ['definitions', 'apply', '-f', file],
    ['definitions', 'show', 'applied'],
    ['definitions', 'show', 'mailbox'],
    ['definitions', 'list'],
    ['definitions', 'test', 'repeating'],
    ['status'],
    ['status', '--json'],
    ['events', '--definition', 'repeating'],
    ['intake', 'list'],
    ['verify'],
  ]) {
    const { stdout, stderr } = await command([...args, ...located]);
    outlets.push({ name: `daybook ${args.join(' ')}`, text: stdout + stderr });
  }
}

async function settled(ask: Ask, id: string): Promise<IntakeItem> {
  return eventually(
    async () => {
      const item = JSON.parse((await ask(`/v1/intake/${id}`)).text) as IntakeItem & { steps: { step: string }[] };
      return (ends.includes(item.state) || item.steps.some(({ step }) => step === 'failed')) && item;
    },
    { what: `an end of ${id}` },
  );
}

/** Everything in the data directory: words of mail may stand in the truth and its index alone, a secret nowhere. */
async function onDisk(directory: string): Promise<{ readonly content: Outlet[]; readonly other: Outlet[] }> {
  const outlets = await Promise.all(
    (await filesOf(directory)).map(async (name) => ({ name, text: await readFile(join(directory, name), 'latin1') })),
  );
  const isContent = ({ name }: Outlet): boolean => /^(?:commitlog|index)\//.test(name);
  return { content: outlets.filter(isContent), other: outlets.filter((outlet) => !isContent(outlet)) };
}

test('G18: no secret comes out anywhere, and no word of a mail but where mail is asked for', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-canary-'));
  const item = (uidl: string) => ({ uidl, bytes: wordyReport(uidl) });
  await using mailbox = await openPop3Server({ password: passwords.mailbox, items: [item('one'), item('two')] });
  await using echo = await openPop3Server({ password: passwords.repeated, items: [item('x')], script: repeating });
  await using sealedBox = await openPop3Server({ password: passwords.sealed, items: [item('three')] });
  try {
    await writeFile(join(directory, 'secret.txt'), `${passwords.file}\n`);
    await writeFile(join(directory, 'cert.pem'), tls.cert);
    await writeFile(join(directory, 'key.pem'), tls.key);
    await using daybook = await startDaybook({
      directory,
      config: configuration({ mailbox: mailbox.port, repeating: echo.port }),
      smtp: 'tls: { cert: cert.pem, key: key.pem }',
      http: tokensOption,
      environment: { CANARY: passwords.environment },
      nodeArguments: ['--import', probe.href],
    });
    const [outlets, content]: [Outlet[], Outlet[]] = [[], []];
    const ask = asking(daybook, content);
    const streams = [await follow(daybook, 'viewer', outlets), await follow(daybook, 'admin', outlets)];
    await administer(asking(daybook, outlets), sealedBox.port);
    const sent = [
      await sendAs(daybook, 'open', 'none', wordyReport('open')),
      await sendAs(daybook, 'literal', passwords.literal, wordyReport('literal')),
      await sendAs(daybook, 'environment', passwords.environment, wordyReport('environment')),
      await sendAs(daybook, 'file', passwords.file, wordyReport('file')),
      await sendAs(daybook, 'given', passwords.given, wordyReport('given')),
      await sendAs(daybook, 'open', 'none', deadly),
    ];
    const items: IntakeItem[] = [];
    for (const text of sent) items.push(await settled(ask, promised(text).ids[0] ?? ''));
    expect(items.map(({ state }) => state).slice(0, 5)).toEqual(Array(5).fill('archived'));
    const explained = { method: 'POST', headers: { 'content-type': 'message/rfc822' }, body: deadly };
    const trial = await ask('/v1/explain?definition=open', explained);
    expect([trial.status, JSON.parse(trial.text).outcome]).toEqual([200, 'quarantined']);
    await misbehave(daybook);
    for (const id of ['mailbox', 'sealed']) {
      const status = async () => JSON.parse((await ask(`/v1/definitions/${id}/status`)).text) as Status;
      await eventually(async () => (await status()).counts.archived > 0, { what: `the mail of ${id}` });
    }
    await eventually(async () => echo.connections() >= 5, { what: 'every answer of the repeating server' });
    await reloadFaulty(daybook, outlets);
    await commands(daybook, outlets);
    outlets.push(...(await heard(daybook, openRoutes)));
    const paths = items.map(({ id }) => `/v1/intake/${id}`);
    outlets.push(...(await heard(daybook, paths, ['operator'])));
    content.push(...(await heard(daybook, [...paths, '/v1/messages?limit=500'])));
    const processes = execFileSync('ps', ['-ww', '-o', 'args', '-p', `${daybook.pid}`, '--ppid', `${daybook.pid}`], {
      encoding: 'utf8',
    });
    outlets.push({ name: 'arguments of the process', text: processes });
    for (const stop of streams) await stop();
    expect(await daybook.end('SIGTERM')).toBe(0);
    outlets.push({ name: 'log', text: daybook.log() });
    const { content: stored, other } = await onDisk(join(directory, 'data'));
    expect(other.map(({ name }) => name).filter((name) => name.startsWith('logs/')).length).toBeGreaterThanOrEqual(7);
    expect(canariesIn(stored, mailCanaries), 'the search finds what is there').not.toEqual([]);
    expect(canariesIn([...outlets, ...other], [...secretCanaries, ...mailCanaries])).toEqual([]);
    expect(canariesIn([...content, ...stored], secretCanaries)).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
