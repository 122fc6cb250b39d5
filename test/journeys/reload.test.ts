import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { onAskedBackend } from '../../bench/peers/other-backend.ts';
import { eventually } from '../support/eventually.ts';
import { all, intakeOf, statusOf } from '../support/journal-api.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { SmtpClient, stuff } from '../support/smtp-client.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

const head = (more = ''): string => `
logLevel: info
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example]${more} }
`;
const definition = (id: string, more = ''): string => `
  - id: ${id}
    description: Definition ${id}
    transport: smtp
    serviceEmailAddress: ${id}@journal.north.example
    deliveryWaitAttempts: 1
    ${more}`;
const service = (id: string): string => `${id}@journal.north.example`;

/** Writes the configuration anew below ports and data directory, and waits until the engine has said what it made of it. */
async function reload(daybook: Daybook, config: string, from: RegExp, to: string): Promise<string> {
  const before = await readFile(daybook.configFile, 'utf8');
  const start = before.split('\n').slice(0, 3).join('\n').replace(from, to);
  await writeFile(daybook.configFile, await onAskedBackend(`${start}\n${config}`, daybook.directory));
  const said = daybook.log().length;
  process.kill(daybook.pid, 'SIGHUP');
  const log = () => daybook.log().slice(said);
  await eventually(async () => /configuration (applied|refused)/.test(log()), { what: 'the reload' });
  return log();
}
const reloaded = (daybook: Daybook, config: string): Promise<string> => reload(daybook, config, /^$/, '');
const typesOf = async (daybook: Daybook) =>
  (await all<{ readonly type: string; readonly definition: string | null }>(daybook, '/v1/events'))
    .toReversed()
    .map(({ type, definition: about }) => `${type} ${about ?? ''}`.trim());

test('definitions are added, changed and removed; a connection of another one goes on in the middle of its message', async () => {
  const three = `${head()}definitions:${definition('alpha')}${definition('beta')}${definition('gamma')}\n`;
  await using daybook = await startDaybook({ config: three });
  await using client = await SmtpClient.ready(daybook.smtpPort);
  await client.command('MAIL FROM:<MicrosoftExchange0@north.example>');
  await client.command(`RCPT TO:<${service('alpha')}>`);
  expect((await client.command('DATA')).code).toBe(354);
  const changed = definition('beta', 'description: Renamed').replace('description: Definition beta', '');
  const said = await reloaded(daybook, `${head()}definitions:${definition('alpha')}${changed}${definition('delta')}\n`);
  expect(said).toContain('"added":["delta"],"changed":["beta"],"removed":["gamma"],"afterRestart":[]');
  await client.send(stuff(lunchReport('through the reload')));
  const { code, text } = await client.reply();
  expect(code, text).toBe(250);
  expect((await client.command('NOOP')).code, 'the connection stands').toBe(250);
  await client.command('MAIL FROM:<>');
  expect(await client.command(`RCPT TO:<${service('gamma')}>`)).toMatchObject({ code: 550 });
  expect(await client.command(`RCPT TO:<${service('delta')}>`)).toMatchObject({ code: 250 });
  expect(await daybook.get('/v1/definitions/beta')).toMatchObject({ description: 'Renamed', version: 2 });
  expect(await statusOf(daybook, 'delta')).toMatchObject({ serviceStatus: 'awaiting-initial-run' });
  const types = await typesOf(daybook);
  expect(types).toEqual(
    expect.arrayContaining(['definition.changed beta', 'definition.created delta', 'definition.deleted gamma']),
  );
  // The mail is acknowledged first; what it has begun is noted after it.
  await expect
    .poll(async () => (await typesOf(daybook)).filter((type) => type.endsWith(' alpha')))
    .toEqual(['definition.created alpha', 'run.first alpha']);
});

test('a configuration with faults is refused as a whole, each fault logged with its place, and the running one stays', async () => {
  await using daybook = await startDaybook({ config: `${head()}definitions:${definition('alpha')}\n` });
  const faulty = `${head()}definitions:${definition('beta')}${definition('gamma', 'journalType: pst')}\n`;
  const said = await reloaded(daybook, faulty);
  expect(said).toMatch(/configuration refused.*|fault.*daybook.yaml:\d+:\d+: definitions\[1\].journalType/s);
  expect((await daybook.fetch('/v1/definitions/beta')).status).toBe(404);
  await deliver(daybook.smtpPort, [service('alpha')], lunchReport('still there'));
  const moved = definition('alpha').replace(
    'transport: smtp',
    'transport: pop3\n    pop3: { host: a, mailboxName: b, password: c }',
  );
  expect(await reloaded(daybook, `${head()}definitions:${moved}\n`)).toContain('may change only while');
  expect(await daybook.get('/v1/definitions/alpha')).toMatchObject({ transport: 'smtp', version: 1 });
});

test('what an operator suspended stays so over a reload, until the file says otherwise', async () => {
  const config = (suspended: boolean, name = 'one') =>
    `${head()}definitions:${definition('alpha', `suspended: ${suspended}`).replace('Definition alpha', name)}\n`;
  await using daybook = await startDaybook({ config: config(false) });
  await daybook.fetch('/v1/definitions/alpha/suspend', { method: 'POST' });
  await reloaded(daybook, config(false, 'two'));
  expect(await statusOf(daybook, 'alpha')).toMatchObject({ serviceStatus: 'suspended' });
  await reloaded(daybook, config(true, 'two'));
  await reloaded(daybook, config(false, 'two'));
  expect(await statusOf(daybook, 'alpha')).toMatchObject({ serviceStatus: 'awaiting-initial-run' });
});

test('the directory is read again, and the last good one kept where its file cannot be', async () => {
  const config = `${head(', addresses: ./known.txt')}definitions:${definition('alpha')}\n`;
  const empty = `${head()}definitions: []\n`;
  await using daybook = await startDaybook({ config: empty });
  const known = join(daybook.directory, 'known.txt');
  await writeFile(known, 'nobody@north.example\n');
  await reloaded(daybook, config);
  await eventually(async () => (await daybook.fetch('/readyz')).ok, { what: 'the listener' });
  const outcome = async (name: string) => {
    const { id } = await deliver(daybook.smtpPort, [service('alpha')], lunchReport(name));
    const ended = async () => {
      const { state, reason } = await intakeOf(daybook, id);
      return ['archived', 'skipped'].includes(state) && `${state} ${reason ?? ''}`.trim();
    };
    return eventually(ended, { what: 'an outcome' });
  };
  expect(await outcome('unknown')).toBe('skipped unknown-internal');
  await writeFile(known, 'ada@north.example\n');
  await reloaded(daybook, config);
  expect(await outcome('known')).toBe('archived');
  await writeFile(known, 'this is no address\n');
  expect(await reloaded(daybook, config)).toContain('configuration refused');
  expect(await outcome('still known')).toBe('archived');
});

test('certificates and tokens are read again, and what needs a restart is named', async () => {
  const tls = 'tls: { cert: ./cert.pem, key: ./key.pem }';
  const config = `${head()}definitions:${definition('alpha')}\n`;
  await using daybook = await startDaybook({ config });
  const place = async (name: string) => {
    const pair = makeTlsPair(name);
    await writeFile(join(daybook.directory, 'cert.pem'), pair.cert);
    await writeFile(join(daybook.directory, 'key.pem'), pair.key);
    return pair.cert;
  };
  const first = await place('first.test');
  const said = await reload(
    daybook,
    `${config}limits: { processingQueue: { messages: 5 } }\n`,
    /hostname: daybook.test/,
    `hostname: other.test, ${tls}`,
  );
  expect(said).toContain('"afterRestart":["smtp.hostname","limits"]');
  expect(await shows(daybook.smtpPort, first)).toBe(true);
  const second = await place('second.test');
  await reload(daybook, config, /^$/, '');
  expect([await shows(daybook.smtpPort, first), await shows(daybook.smtpPort, second)]).toEqual([false, true]);
  const tokens = 'tokens: [{ name: eve, role: viewer, token: right-token }]';
  await reload(daybook, `${config}matching: { continuityEvent: true }\n`, /http: \{/, `http: { ${tokens},`);
  const ask = (token: string) => daybook.fetch('/v1/status', { headers: { authorization: `Bearer ${token}` } });
  expect([(await ask('wrong')).status, (await ask('right-token')).status]).toEqual([401, 200]);
  await reload(daybook, config, new RegExp(`${tokens.replace(/[[\]{}]/g, '\\$&')},`), '');
  const wanted = ['continuity.on', 'continuity.off', 'config.reloaded'];
  const told = async () => {
    const types = await typesOf(daybook);
    return wanted.every((type) => types.includes(type));
  };
  await eventually(told, { what: wanted.join(', ') });
});

/** True when STARTTLS shows this certificate. */
async function shows(port: number, cert: string): Promise<boolean> {
  await using client = await SmtpClient.ready(port);
  return await client.startTls({ ca: cert, checkServerIdentity: () => undefined }).then(
    () => true,
    () => false,
  );
}
