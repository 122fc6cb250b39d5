import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, intakeOf, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver } from '../support/journey-mail.ts';
import { buildReport } from '../support/mail.ts';

const service = ['journal@journal.north.example'];
interface Notice {
  readonly event: string;
  readonly id: string;
  readonly kind: string;
  readonly definition: string | null;
  readonly note: string | null;
}
interface AlertItem {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly knownBy: readonly string[];
}

const called: { readonly notices: readonly Notice[]; readonly signature: string | undefined }[] = [];
const hook = createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => {
    body += piece;
  });
  request.on('end', () => {
    const { data } = JSON.parse(body);
    called.push({ notices: data.notices, signature: request.headers['webhook-signature'] as string | undefined });
    response.writeHead(204).end();
  });
});
const mails: Buffer[] = [];
const relay = new SMTPServer({
  disabledCommands: ['STARTTLS', 'AUTH'],
  logger: false,
  onData: (stream, _, done) => {
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => {
      mails.push(Buffer.concat(pieces));
      done();
    });
  },
});
const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
const noticed = (event: string, kind: string): Promise<Notice> =>
  eventually(
    async () => called.flatMap(({ notices }) => notices).find((each) => each.event === event && each.kind === kind),
    {
      what: `${event} ${kind}`,
    },
  );
const subjectOf = (mail: Buffer): string => /^Subject: (.*)$/m.exec(mail.toString())?.[1]?.trim() ?? '';

let daybook: Daybook;
beforeAll(async () => {
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  daybook = await startDaybook({
    config: `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
alerts:
  channels:
    - { name: hook, kind: webhook, url: "http://127.0.0.1:${portOf(hook)}/", secret: a-secret-of-the-hook }
    - { name: mail, kind: mail, host: 127.0.0.1, port: ${portOf(relay.server)}, security: none, from: daybook@north.example, to: [oncall@north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
    periodOfInactivityAllowed: 3s
`,
  });
});
afterAll(async () => {
  await daybook?.[Symbol.asyncDispose]();
  hook.closeAllConnections();
  hook.close();
  await new Promise<void>((resolve) => relay.close(() => resolve()));
});

describe('an operator who is told', () => {
  let alert: Notice;

  test('a test reaches both channels', async () => {
    const { code, stdout } = await command(['alerts', 'test', '--config', daybook.configFile]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/\nhook +sent *\nmail +sent *\n$/)]);
    expect(called.at(-1)?.signature).toMatch(/^v1,/);
    expect(mails.map(subjectOf)).toEqual([expect.stringMatching(/^\[Daybook .*\] a test$/)]);
  });

  test('a silence is told by webhook and by mail', async () => {
    alert = await noticed('raised', 'down');
    expect(alert).toMatchObject({ definition: 'exchange', note: null });
    await eventually(async () => mails.some((mail) => subjectOf(mail).endsWith('exchange is down')), {
      withinMs: 40_000,
      what: 'the mail',
    });
    const [open] = (await daybook.get<{ items: AlertItem[] }>('/v1/alerts?state=open')).items;
    expect(open).toMatchObject({ id: alert.id, kind: 'down', state: 'open' });
    const metrics = await (await daybook.fetch('/metrics')).text();
    expect(metrics).toContain('daybook_alerts_open{kind="down"} 1\n');
  });

  test('the mail, journaled back, is skipped as a loop, is no sign of life, and the account adds up', async () => {
    const mail = mails.find((each) => subjectOf(each).endsWith('exchange is down')) ?? Buffer.alloc(0);
    const recipients = [{ address: 'oncall@north.example' }];
    const report = buildReport({ sender: 'daybook@north.example', recipients, originals: [mail] });
    const { id } = await deliver(daybook.smtpPort, service, report);
    await eventually(async () => (await intakeOf(daybook, id)).state === 'skipped');
    expect(await intakeOf(daybook, id)).toMatchObject({
      reason: 'loop',
      flags: expect.arrayContaining(['own-notice']),
    });
    const status = await statusOf(daybook, 'exchange');
    expect(status).toMatchObject({ serviceStatus: 'down', counts: { received: 1, skipped: 1 } });
    expect(difference(status)).toBe(0);
  });

  test('an acknowledgement is told, and stands after a kill, and nobody is asked again', async () => {
    const { code, stdout } = await command([
      ...['alerts', 'acknowledge', alert.id, '--note', 'the mail server restarts', '--config', daybook.configFile],
    ]);
    expect([code, stdout]).toEqual([0, 'exchange is down: acknowledged\n']);
    expect(await noticed('acknowledged', 'down')).toMatchObject({ note: 'the mail server restarts' });
    await daybook.end('SIGKILL');
    daybook = await daybook.restart();
    const listed = await command(['alerts', 'list', '--config', daybook.configFile]);
    expect(listed.stdout).toMatch(/acknowledged by operator .*exchange is down: .*\(the mail server restarts\)/);
    await eventually(async () => (await statusOf(daybook, 'exchange')).serviceStatus === 'down');
    const asked = called.flatMap(({ notices }) => notices).filter(({ event }) => event !== 'acknowledged');
    expect(asked).toEqual([alert]);
    const events = (await all<{ type: string; actor: string }>(daybook, '/v1/events')).toReversed();
    expect(events.filter(({ type }) => type.startsWith('alert.'))).toMatchObject([
      { type: 'alert.raised', actor: 'engine' },
      { type: 'alert.acknowledged', actor: 'operator', data: { note: 'the mail server restarts' } },
    ]);
  });
});
