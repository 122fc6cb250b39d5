import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { type Postfix, startPostfix } from '../../bench/peers/postfix.ts';
import type { Status } from '../../src/http/status.schema.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { leftOut, partner } from '../support/journey-partners.ts';

const config = (mailPort: number): string => `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example], addresses: [bo@north.example] }
definitions:
  - id: postfix
    description: Postfix
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    journalType: standard
    deliveryWaitAttempts: 1
    periodOfInactivityAllowed: 4s
    canary:
      host: 127.0.0.1
      port: ${mailPort}
      security: none
      from: daybook@north.example
      to: canary@north.example
      interval: 10s
      limit: 5s
`;
const journalRule = 'always_bcc = journal@journal.north.example';
interface AlertItem {
  readonly kind: string;
  readonly severity: string;
  readonly text: string;
}

describe.skipIf(leftOut({ programs: ['postfix', 'postconf'], asRoot: true }))('a canary through Postfix', () => {
  let daybook: Daybook;
  let postfix: Postfix;
  let people: People;
  beforeAll(async () => {
    const port = await freePort();
    [daybook, people] = [await startDaybook({ config: config(port) }), await openPeople()];
    const routes = [
      `{ journal.north.example = smtp:[127.0.0.1]:${daybook.smtpPort} }`,
      `{ north.example = smtp:[127.0.0.1]:${people.port} }`,
    ];
    postfix = await startPostfix({
      port,
      main: [
        `transport_maps = inline:{ ${routes.join(', ')} }`,
        'parent_domain_matches_subdomains =',
        'minimal_backoff_time = 1s',
        journalRule,
      ],
    });
  });
  afterAll(async () => {
    await daybook?.[Symbol.asyncDispose]();
    await postfix?.[Symbol.asyncDispose]();
    await people?.[Symbol.asyncDispose]();
  });

  const canaryOf = async (): Promise<NonNullable<Status['canary']>> => {
    const { canary } = (await statusOf(daybook, 'postfix')) as unknown as Status;
    if (canary === null) throw new Error('there is no canary');
    return canary;
  };
  const standing = (wanted: string) =>
    eventually(async () => ((await canaryOf()).standing === wanted ? await canaryOf() : undefined), {
      withinMs: 40_000,
      what: `a canary that is ${wanted}`,
    });
  const eventTypes = async (): Promise<readonly string[]> =>
    (await all<{ type: string }>(daybook, '/v1/events')).map(({ type }) => type);
  const openAlerts = async (): Promise<readonly AlertItem[]> =>
    (await daybook.get<{ items: AlertItem[] }>('/v1/alerts?state=open')).items;

  test('one that is journaled has passed: skipped, not archived, and the account adds up', async () => {
    const canary = await standing('passed');
    expect(canary).toMatchObject({ missed: 0, unsent: null });
    await eventually(async () => people.recipients().includes('canary@north.example'), { what: 'the mail itself' });
    const [item] = await all<IntakeItem>(daybook, '/v1/intake');
    expect(item).toMatchObject({ state: 'skipped', reason: 'canary', flags: expect.arrayContaining(['canary']) });
    const status = await statusOf(daybook, 'postfix');
    expect([status.counts['archived'], difference(status)]).toEqual([0, 0]);
    const metrics = await (await daybook.fetch('/metrics')).text();
    expect(metrics).toContain('daybook_canary_state{definition="postfix",state="passed"} 1\n');
    const { stdout } = await command(['status', '--config', daybook.configFile]);
    expect(stdout).toMatch(/\npostfix: canary passed; the last came .*, after \d+ s\n/);
  });

  test('it is no sign of life: the definition is down, and the alert says what the canary proves', async () => {
    await eventually(async () => (await statusOf(daybook, 'postfix')).serviceStatus === 'down', { withinMs: 20_000 });
    const isProven = ({ kind, severity, text }: AlertItem): boolean =>
      kind === 'down' && severity === 'warning' && text.includes('its canary came through at');
    await eventually(async () => (await openAlerts()).some(isProven), { withinMs: 20_000, what: 'a milder alert' });
    expect(await statusOf(daybook, 'postfix')).toMatchObject({ lastMessageAt: null });
  });

  test('with the journal rule gone its mail is delivered and the canary missing; a kill does not forget it', async () => {
    await configure('always_bcc =');
    const before = people.recipients().length;
    const canary = await standing('missing');
    expect(canary.missed).toBeGreaterThan(0);
    await eventually(async () => people.recipients().length > before, { what: 'the mail itself' });
    const isTold = ({ kind, text }: AlertItem): boolean =>
      kind === 'canary' && text.includes('no journal copy came within 5 s');
    await eventually(async () => (await openAlerts()).some(isTold), { withinMs: 20_000, what: 'the alert' });
    await daybook.end('SIGKILL');
    daybook = await daybook.restart();
    expect(await canaryOf()).toMatchObject({ standing: 'missing' });
    const { code, stdout } = await command(['status', '--check', '--config', daybook.configFile]);
    expect([code, stdout]).toEqual([2, expect.stringContaining('no journal copy came within 5 s')]);
    expect((await eventTypes()).filter((type) => type === 'canary.missed')).toHaveLength(1);
  });

  test('with the rule back the next one passes', async () => {
    await configure(journalRule);
    expect(await standing('passed')).toMatchObject({ missed: 0 });
    await eventually(async () => (await eventTypes()).includes('canary.recovered'), { what: 'the event' });
    expect(difference(await statusOf(daybook, 'postfix'))).toBe(0);
  });

  async function configure(line: string): Promise<void> {
    const at = ['-c', postfix.configDirectory];
    expect(await partner('postconf', [...at, '-e', line])).toMatchObject({ code: 0 });
    expect(await partner('postfix', [...at, 'reload'])).toMatchObject({ code: 0 });
  }
});

interface People extends AsyncDisposable {
  readonly port: number;
  recipients(): readonly string[];
}

/** The server of the people themselves: takes all mail. */
async function openPeople(): Promise<People> {
  const recipients: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onData: (stream, { envelope }, done) => {
      stream.on('data', () => undefined);
      stream.on('end', () => {
        recipients.push(...envelope.rcptTo.map(({ address }) => address));
        done();
      });
    },
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    recipients: () => recipients,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
