import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DefinitionConfig, definitionSchema } from '../../src/config/definition.schema.ts';
import { createArchiveApi } from '../../src/engine/archive-api.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { sha256 } from '../support/store-fixture.ts';
import { day, gigabyte, minute, Week } from '../support/week.ts';

/**
 * One bad week of a small organisation on virtual time, told as its people get to see it: `»` is what happens out there or
 * what somebody does, then the lines of `daybook events`, the mails to those on call, and `daybook status` for who looks.
 * The story stands in `bad-week.txt`; after a change that is meant to change it, WRITE=1 writes it anew. Read it then.
 */
const file = join(import.meta.dirname, 'bad-week.txt');
const monday = Date.UTC(2026, 10, 2);
const at = (weekday: number, time: string): number => {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return monday + weekday * day + (hours * 60 + minutes) * minute;
};
const [mon, tue, wed, thu, fri, sat, sun] = [0, 1, 2, 3, 4, 5, 6] as const;

const common = { deliveryWaitAttempts: 1, deliveryWaitInterval: '1m' };
const configs: readonly DefinitionConfig[] = [
  {
    id: 'exchange',
    description: 'Exchange',
    transport: 'smtp',
    serviceEmailAddress: 'exchange@journal.north.example',
  },
  {
    id: 'mailbox',
    description: 'Old mailbox',
    transport: 'pop3',
    serviceEmailAddress: 'mailbox@journal.north.example',
    pop3: { host: 'mail.north.example', mailboxName: 'journal', password: 'an-old-secret' },
  },
].map((each) => definitionSchema.parse({ ...each, ...common }));

let week: Week;
let story = '';
/** Mail that the sender keeps while it is refused. */
const kept: Buffer[] = [];
const refused: string[] = [];
let silent = false;
let sent = 0;

function report(dateAt: number, headers: readonly string[] = []): Buffer {
  sent += 1;
  const messageId = `<m${sent}@north.example>`;
  const date = new Date(dateAt).toUTCString().replace('GMT', '+0000');
  return buildReport({ messageId, originals: [buildMessage({ messageId, date, headers })] });
}

/** How long until the next message: each quarter of an hour by day, seldom at night, and more seldom at the weekend. */
function restOf(now: number): number {
  const [weekday, hour] = [Math.floor((now - monday) / day), Math.floor((now % day) / (60 * minute))];
  if (weekday >= sat) return 80 * minute;
  return (hour >= 7 && hour < 19 ? 15 : 50) * minute;
}

async function offer(bytes: Buffer): Promise<void> {
  const answer = await week.engine.send('exchange', bytes);
  if (answer === '250') return;
  kept.push(bytes);
  refused.push(answer);
}

/** Lets the week go on with its usual mail until that time. */
async function go(until: number): Promise<void> {
  while (week.clock.now() < until) {
    const now = week.clock.now();
    const next = Math.min(until, now - (now % (5 * minute)) + restOf(now));
    await week.until(next);
    if (next >= until) return;
    if (silent) continue;
    for (const bytes of kept.splice(0)) await offer(bytes);
    await offer(report(week.clock.now()));
    if (sent % 4 === 0) {
      const bytes = report(week.clock.now());
      week.mailbox.put({ bytes, sha256: sha256(bytes), places: ['box'], message: sent });
    }
  }
}

async function acknowledge(kind: string, by: string, note: string): Promise<void> {
  const alert = week.alerts.all().find((each) => each.kind === kind && each.resolvedAt === null);
  if (alert === undefined) throw new Error(`nothing to acknowledge: ${kind}`);
  await week.alerts.acknowledge(alert.id, { actor: by, note });
}

beforeAll(async () => {
  week = await Week.open(monday, configs);
  await go(at(mon, '09:12'));
  week.tell('the server of the old mailbox stops answering');
  week.mailboxFailure = ['refused', 'connect ECONNREFUSED 192.0.2.9:995'];
  await go(at(mon, '09:40'));
  week.tell('Olga acknowledges it');
  await acknowledge('error', 'olga', 'the server team has it, back by noon');
  await go(at(mon, '11:38'));
  week.tell('the server is back');
  week.mailboxFailure = null;

  await go(at(tue, '22:10'));
  week.tell('the mail server hangs: nothing comes any more, and nobody notices');
  silent = true;
  await go(at(wed, '01:20'));
  week.tell('the alert comes back as a journal report, over another server');
  await offer(alertReport());
  await week.until(at(wed, '06:20'));
  week.tell('the mail server is restarted');
  silent = false;

  await go(at(wed, '10:03'));
  week.tell('a scanner whose clock stands in September sends seven messages');
  const received = `Received: from scanner.north.example; ${new Date(at(wed, '10:02')).toUTCString()}`;
  for (let n = 0; n < 7; n += 1) await offer(report(Date.UTC(2026, 8, 14), [received]));
  await go(at(wed, '10:30'));
  await acknowledge('held', 'olga', 'clock of the scanner');
  await go(at(wed, '11:00'));
  week.tell('its clock is set, and Olga releases what was held');
  await createArchiveApi(week.engine.store as never).releaseAll(
    { state: 'held', limit: 500 },
    { actor: 'olga', reason: null },
  );

  await go(at(thu, '09:30'));
  week.tell('a broken gateway sends something that is no mail');
  await offer(Buffer.from('\u0000\u0001 no header at all\r\n'));
  await go(at(thu, '14:00'));
  week.tell('the pager service is out of order');
  week.broken.set('pager', 'answered with status 503');
  await go(at(thu, '15:10'));
  week.tell('another program fills the disk');
  week.leftBytes = 1.5 * gigabyte;
  await go(at(thu, '16:40'));
  week.leftBytes = 0;
  await go(at(thu, '17:05'));
  week.tell('Olga deletes the other program’s files; the pager works again');
  week.leftBytes = 400 * gigabyte;
  week.broken.clear();

  await go(at(fri, '08:00'));
  week.tell('the password of the old mailbox expires');
  week.mailboxFailure = ['auth', '-ERR [AUTH] password expired'];
  await go(at(fri, '08:52'));
  week.tell('it has a new one, and Olga has the mailbox polled');
  week.mailboxFailure = null;
  week.engine.retry('mailbox', 'olga');
  await go(at(fri, '09:00'));
  week.look('Olga');

  await go(at(fri, '16:00'));
  week.tell('the mailboxes are moved: Olga suspends the journal of Exchange, and forgets it');
  await week.engine.suspend('exchange', true, 'olga', 'move of the mailboxes');
  await go(at(sat, '09:00'));
  week.tell('the alerts are started anew, as with the engine');
  await week.openAlerts();
  await go(at(sat, '10:10'));
  week.tell('Olga acknowledges what is in quarantine');
  await acknowledge('quarantine', 'olga', 'the vendor of the gateway has it');
  await go(at(sun, '09:10'));
  week.tell('the chief is called and looks');
  week.look('The chief');
  await go(at(sun, '09:20'));
  await week.engine.suspend('exchange', false, 'olga', 'the move is over');
  await go(at(sun, '23:55'));
  week.look('The auditor');
  story = week.story();
}, 300_000);
afterAll(async () => {
  await week?.[Symbol.asyncDispose]();
});

/** The mail of the alert about the silence, as it would be reported. */
function alertReport(): Buffer {
  const messageId = '<alert@north.example>';
  const headers = ['Auto-Submitted: auto-generated', `X-Daybook-Notice: ${week.notices.markOf(messageId)}`];
  const subject = '[Daybook mx1] exchange is down';
  const original = buildMessage({ to: 'oncall@north.example', subject, messageId, headers, date: dateNow() });
  return buildReport({ recipients: [{ address: 'oncall@north.example' }], originals: [original] });
}
const dateNow = (): string => new Date(week.clock.now()).toUTCString().replace('GMT', '+0000');

test('the bad week is told as it was written down', async () => {
  if (process.env['WRITE'] !== undefined) await writeFile(file, story);
  expect(story).toBe(await readFile(file, 'utf8'));
});

test('nothing was lost, and the account of each definition adds up', () => {
  expect([kept.length, new Set(refused)]).toEqual([0, new Set(['450', '452'])]);
  const [exchange, mailbox] = week.engine.statuses();
  for (const status of [exchange, mailbox]) {
    const { received = 0, archived = 0, matched = 0, skipped = 0, held = 0, quarantined = 0 } = status?.counts ?? {};
    expect(received).toBe(archived + matched + skipped + held + quarantined + (status?.processingQueue.messages ?? 0));
  }
  expect((exchange?.counts.received ?? 0) + (mailbox?.counts.received ?? 0)).toBe(sent + 2);
});

test('every alert has its end but what is still wrong, nobody was told the same twice, and no mail was in it', () => {
  const all = week.alerts.all();
  expect(all.filter(({ resolvedAt }) => resolvedAt === null).map(({ kind }) => kind)).toEqual(['quarantine']);
  const raised = story.match(/ alert\.raised /g) ?? [];
  const resolved = story.match(/ alert\.resolved /g) ?? [];
  expect(raised.length).toBe(resolved.length + 1);
  const lines = story.split('\n').filter((line) => / (info|warning|error) {2}/.test(line));
  expect(new Set(lines.map((line, n) => (lines[n - 1] === line ? line : '')))).toEqual(new Set(['']));
  for (const text of [story, ...week.mails]) expect(text).not.toMatch(/Lunch|Soup|ada@|bo@|<m\d+@/);
});
