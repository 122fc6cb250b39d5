import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { entryOf, type IntakeItem, intakeOf, promised } from '../support/journal-api.ts';
import { dateOf, idOf, lunchReport, received, sha256 } from '../support/journey-mail.ts';
import { leftOut, type Said, swaks } from '../support/journey-partners.ts';
import { buildMessage, buildReport } from '../support/mail.ts';

const to = ['--from', 'MicrosoftExchange0@north.example', '--to', 'journal@journal.north.example'];
const login = ['--auth-user', 'guarded@journal.north.example', '--auth-password'];
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
  - id: guarded
    description: Guarded
    transport: smtp
    serviceEmailAddress: guarded@journal.north.example
    deliveryWaitAttempts: 1
    smtp: { useSmtpAuthentication: true, password: correct horse }
`;

describe.skipIf(leftOut({ programs: ['swaks'] }))('swaks, a client that nobody here wrote', () => {
  let daybook: Daybook;
  beforeAll(async () => {
    daybook = await startDaybook({ config });
  });
  afterAll(async () => {
    await daybook?.[Symbol.asyncDispose]();
  });

  test('sends a report, all commands in one pipeline', async () => {
    const said = await swaks(daybook.smtpPort, lunchReport('pipelined'), [...to, '--pipeline']);
    expect(said.code, said.stdout).toBe(0);
    const entry = await archived(said);
    expect(entry).toMatchObject({ messageId: idOf('pipelined'), observations: [{ level: 'L0', family: 'ms2007' }] });
  });

  test('sends eight-bit text, and every byte of it arrives', async () => {
    const original = buildMessage({
      messageId: idOf('eight-bit'),
      date: dateOf(),
      headers: ['MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit'],
      body: 'Søup für Åse\r\n.hidden dot\r\n..two\r\n',
    });
    const report = buildReport({
      messageId: idOf('eight-bit'),
      textType: 'text/plain; charset=utf-8',
      subject: 'Menü für Åse',
      recipients: [{ address: 'åse@north.example', type: 'bcc' }],
      originals: [original],
    });
    const said = await swaks(daybook.smtpPort, report, to);
    expect(said.code, said.stdout).toBe(0);
    expect(promiseOf(said).sha256).toBe(sha256(received(report)));
    const entry = await archived(said);
    expect(entry.recipients).toMatchObject([{ address: 'åse@north.example', type: 'bcc' }]);
    expect(entry.sha256).toBe(sha256(original));
  });

  test.each(['PLAIN', 'LOGIN'])('signs in by AUTH %s, on loopback in the clear too', async (mechanism) => {
    const name = `guarded-${mechanism}`;
    const guarded = ['--from', 'exchange@north.example', '--to', 'guarded@journal.north.example'];
    const wrong = await swaks(daybook.smtpPort, lunchReport(name), [
      ...guarded,
      ...['--auth', mechanism, ...login, 'wrong pony'],
    ]);
    expect(wrong.code, wrong.stdout).toBe(28);
    expect(wrong.stdout).toContain('535 5.7.8');
    const right = await swaks(daybook.smtpPort, lunchReport(name), [
      ...guarded,
      ...['--auth', mechanism, ...login, 'correct horse'],
    ]);
    expect(right.code, right.stdout).toBe(0);
    expect(await archived(right)).toMatchObject({ messageId: idOf(name) });
    const { items } = await daybook.get<{ items: (IntakeItem & { transport: unknown })[] }>(
      '/v1/intake?definition=guarded&limit=1',
    );
    expect(await intakeOf(daybook, items[0]!.id)).toMatchObject({
      transport: { authenticatedAs: 'guarded@journal.north.example', tls: null },
    });
    expect(daybook.log()).not.toContain('horse');
  });

  test('is told 550 for an address that nobody journals to, and sends nothing', async () => {
    const said = await swaks(daybook.smtpPort, lunchReport('nobody'), ['--from', 'a@b.example', '--to', 'x@y.example']);
    expect(said.code).toBe(24);
    expect(said.stdout).toContain('550 5.1.1');
  });

  async function archived(said: Said) {
    const { ids } = promiseOf(said);
    const item = await eventually(async () => {
      const now = await intakeOf(daybook, ids[0]!);
      return now.entryId !== null && now;
    });
    return entryOf(daybook, item.entryId!);
  }
});

const promiseOf = ({ stdout }: Said) => promised(stdout);
