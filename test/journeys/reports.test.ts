import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Entry, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { promiseIn, received, sha256 } from '../support/journey-mail.ts';
import { reportKinds, type Sent, sentOf } from '../support/journey-reports.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const messages = 500;
const connections = 8;
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    initialProcessDelay: 200ms
    deliveryWaitAttempts: 2
    deliveryWaitInterval: 200ms
`;
/** One acknowledged message. */
interface Kept {
  readonly sent: Sent;
  readonly id: string;
  readonly copy: number;
}

test('500 reports of every family and damage by 8 connections: none lost, each as it was sent', async () => {
  await using daybook = await startDaybook({ config });
  const kept: Kept[] = [];
  const mail = Array.from({ length: messages }, (_, at) => sentOf(reportKinds[at % reportKinds.length]!, `r${at}`));
  const queue = mail.values();
  const sending = Promise.all(Array.from({ length: connections }, () => send(daybook, queue, kept)));
  const polls = { done: false, waited: 0 };
  const polling = poll(daybook, kept, polls);
  await sending.finally(() => {
    polls.done = true;
  });
  await polling;
  expect(polls.waited, 'messages were seen waiting while the account added up').toBeGreaterThan(0);
  await settled(daybook, kept.length);
  await check(daybook, kept);

  const before = await answers(daybook);
  expect(await daybook.end('SIGTERM')).toBe(0);
  await using again = await daybook.restart();
  expect(await answers(again)).toEqual(before);
});

async function send(daybook: Daybook, queue: Iterator<Sent>, kept: Kept[]): Promise<void> {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  for (let next = queue.next(); next.done !== true; next = queue.next()) {
    const sent = next.value;
    for (let copy = 0; copy < sent.times; copy += 1) {
      const reply = await client.mail(
        ['journal@journal.north.example'],
        sent.bytes,
        'MicrosoftExchange0@north.example',
      );
      const promise = promiseIn(reply);
      expect(promise.sha256, sent.kind).toBe(sha256(received(sent.bytes)));
      kept.push({ sent, id: promise.id, copy });
    }
  }
}

/** An answer is never behind: it counts every 250 that came before the question, and the account adds up in each. */
async function poll(daybook: Daybook, kept: readonly Kept[], polls: { done: boolean; waited: number }): Promise<void> {
  while (!polls.done) {
    const acknowledged = kept.length;
    const status = await statusOf(daybook, 'exchange');
    expect(difference(status)).toBe(0);
    expect(status.counts.received).toBeGreaterThanOrEqual(acknowledged);
    polls.waited = Math.max(polls.waited, status.processingQueue.waiting.delayed);
    const ledger = await daybook.get<{ difference: number; received: number }>('/v1/ledger?definition=exchange');
    expect(ledger.difference).toBe(0);
    expect(ledger.received).toBeGreaterThanOrEqual(status.counts.received);
  }
}

async function settled(daybook: Daybook, count: number): Promise<void> {
  const status = await eventually(
    async () => {
      const now = await statusOf(daybook, 'exchange');
      expect(difference(now)).toBe(0);
      return now.processingQueue.messages === 0 && now;
    },
    { what: 'an empty processing queue' },
  );
  expect(status.counts.received).toBe(count);
}

async function check(daybook: Daybook, kept: readonly Kept[]): Promise<void> {
  const intake = new Map((await all<IntakeItem>(daybook, '/v1/intake')).map((item) => [item.id, item]));
  const entries = new Map((await all<Entry>(daybook, '/v1/messages')).map((entry) => [entry.id, entry]));
  expect(intake.size).toBe(kept.length);
  // Of two copies whichever comes to its look-up first is archived.
  const copiesOf = (sent: Sent): readonly string[] =>
    kept
      .filter((each) => each.sent === sent)
      .map(({ id }) => id)
      .toSorted((a, b) => Number(intake.get(a)?.state === 'matched') - Number(intake.get(b)?.state === 'matched'));
  const wrong: string[] = [];
  for (const { sent, id } of kept) {
    const item = intake.get(id);
    const entry = entries.get(item?.entryId ?? '');
    const found = { ...facts(item, entry), ...(await bytesOf(daybook, item, entry)) };
    const wanted = wantedOf(sent, copiesOf(sent).indexOf(id));
    if (JSON.stringify(found) !== JSON.stringify(wanted)) {
      wrong.push(`${sent.kind} (${sent.name}):\n  found  ${JSON.stringify(found)}\n  wanted ${JSON.stringify(wanted)}`);
    }
  }
  expect(wrong.slice(0, 12).join('\n')).toBe('');
  const wholes = kept.filter(({ sent, copy }) => sent.expected.state === 'archived' && copy === 0);
  expect(entries.size, 'one entry for each message').toBe(wholes.length);
}

/** Of an item and its entry, what `wantedOf` foretells, in the same order. */
function facts(item: IntakeItem | undefined, entry: Entry | undefined) {
  const observation = entry?.observations.find(({ intakeId }) => intakeId === item?.id);
  return {
    state: item?.state ?? 'lost',
    reason: item?.reason ?? null,
    level: observation?.level ?? null,
    family: observation?.family ?? null,
    flags: observation?.flags ?? null,
    sender: entry?.sender ?? null,
    recipients: entry?.recipients.map(spelt) ?? null,
    representations: entry?.representations.length ?? null,
  };
}

function wantedOf({ bytes, expected }: Sent, copy: number) {
  const { state, level, family, flags, sender, recipients, representations, original } = expected;
  const archived = state === 'archived';
  return {
    state: copy === 0 ? state : 'matched',
    reason: expected.reason ?? (copy === 0 ? null : 'M1'),
    level: archived ? level : null,
    family: archived ? (family ?? null) : null,
    flags: archived ? flags : null,
    sender: archived ? sender : null,
    recipients: archived ? recipients : null,
    representations: archived ? representations : null,
    received: sha256(received(bytes)),
    original: archived && original !== undefined ? sha256(original) : null,
  };
}

const spelt = ({ address, type, via }: Entry['recipients'][number]): string =>
  [`${type}:${address}`, ...via.map((step) => `via ${step.kind} ${step.address}`)].join(' ');

/** The hashes of what is really handed out, not of what is written about it. */
async function bytesOf(daybook: Daybook, item: IntakeItem | undefined, entry: Entry | undefined) {
  const hashOf = async (path: string): Promise<string> =>
    sha256(Buffer.from(await (await daybook.fetch(path)).arrayBuffer()));
  return {
    received: item === undefined ? null : await hashOf(`/v1/intake/${item.id}/raw`),
    original: entry === undefined ? null : await hashOf(`/v1/messages/${entry.id}/raw`),
  };
}

async function answers(daybook: Daybook) {
  const { counts, processingQueue, serviceStatus, lastSuccessfulExtract } = await statusOf(daybook, 'exchange');
  return {
    status: { counts, processingQueue, serviceStatus, lastSuccessfulExtract },
    intake: await all<IntakeItem>(daybook, '/v1/intake'),
    entries: await all<Entry>(daybook, '/v1/messages'),
    ledger: await daybook.get('/v1/ledger?definition=exchange'),
  };
}
