import { expect } from 'vitest';
import { type Daybook, freePort, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from './eventually.ts';
import { type DiskFault, openFaultyDisk } from './faulty-disk.ts';
import { all, difference, type Entry, statusOf } from './journal-api.ts';
import { idOf, lunchReport, received, sha256 } from './journey-mail.ts';
import { openPop3Server } from './pop3-server.ts';
import { SmtpClient } from './smtp-client.ts';

const recipient = 'journal@journal.north.example';
const config = (pop3Port: number): string => `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 1MB }
pop3: { pollInterval: 200ms, timeout: 5s }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
  - id: box
    description: Mailbox
    transport: pop3
    serviceEmailAddress: box@journal.north.example
    deliveryWaitAttempts: 1
    pop3: { host: 127.0.0.1, port: ${pop3Port}, mailboxName: box, password: pw, encrypted: false }
`;
/** A small report, a streamed one, and one that begins the next segment. */
const sizes = [1_000, 400_000, 800_000];
const fetched = 4;

/** What one ingest with one fault came to. */
export interface IngestEnd {
  /** The fault was met: without it the sweep over its kind is over. */
  readonly met: boolean;
  /** How long after the fault's end mail was taken again, without a restart; null where the process had ended. */
  readonly backMs: number | null;
}

/**
 * One full ingest by SMTP and by POP3, from an empty folder, with one fault of the disk in it. Afterwards, the fault gone,
 * and the engine started anew where it had ended: what was acknowledged or deleted is in the archive once, unchanged, and
 * the account adds up.
 */
export async function oneIngest(fault: DiskFault): Promise<IngestEnd> {
  await using disk = await openFaultyDisk();
  const items = Array.from({ length: fetched }, (_, at) => ({ uidl: `u${at}`, bytes: lunchReport(`fetched${at}`) }));
  await using pop3 = await openPop3Server({ user: 'box', password: 'pw', items });
  const { directory, env } = disk;
  const promises = new Map<string, string>();
  await disk.fail(fault);
  const ports = [await freePort(), await freePort()] as const;
  const options = { config: config(pop3.port), directory, env, ports };
  let daybook = await startDaybook({ ...options, until: 'healthz' }).catch(() => undefined);
  try {
    if (daybook !== undefined) {
      await ingest(daybook, promises, 'first').catch(() => undefined);
      const mailbox = async () => pop3.items.length === 0 || daybook?.isRunning() === false;
      await eventually(mailbox, { withinMs: 3_000 }).catch(() => undefined);
    }
    await disk.heal();
    const healedAt = performance.now();
    let restarted = false;
    const revived = async (): Promise<Daybook> => {
      if (daybook?.isRunning() === true) return daybook;
      restarted = true;
      daybook = await startDaybook({ ...options, env: {} });
      return daybook;
    };
    // A process that was ended may take a moment to be seen to have.
    const again = async (): Promise<Daybook | false> => {
      const engine = await revived();
      return ingest(engine, promises, 'second').then(
        () => engine,
        () => false,
      );
    };
    const running = await eventually(again, { withinMs: 30_000, what: 'mail taken after the fault' });
    const backMs = restarted ? null : performance.now() - healedAt;
    await eventually(async () => pop3.items.length === 0, { withinMs: 30_000, what: 'an empty mailbox' });
    await check(running, promises);
    expect(await running.end('SIGTERM')).toBe(0);
    return { met: await disk.met(), backMs };
  } finally {
    await daybook?.[Symbol.asyncDispose]();
  }
}

/** Sends each of the messages that has no promise yet. @throws Error where one is not acknowledged */
async function ingest(daybook: Daybook, promises: Map<string, string>, round: string): Promise<void> {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  for (const [at, size] of sizes.entries()) {
    const name = `${round}${at}`;
    if (promises.has(idOf(name))) continue;
    const report = Buffer.concat([lunchReport(name), Buffer.alloc(size, 'epilogue of no meaning\r\n')]);
    const { code, text } = await client.mail([recipient], report, '');
    if (code !== 250) throw new Error(`${code} ${text}`);
    const promised = sha256(received(report));
    expect(text).toContain(promised);
    promises.set(idOf(name), promised);
  }
}

async function check(daybook: Daybook, promises: ReadonlyMap<string, string>): Promise<void> {
  for (const id of ['exchange', 'box']) {
    await eventually(
      async () => {
        const status = await statusOf(daybook, id);
        expect(difference(status)).toBe(0);
        return status.processingQueue.messages === 0 && status.serviceStatus === 'active';
      },
      { withinMs: 30_000, what: `rest of ${id}` },
    );
  }
  const entries = await all<Entry>(daybook, '/v1/messages');
  const ids = entries.map(({ messageId }) => messageId);
  expect(new Set(ids).size, 'none is archived twice').toBe(ids.length);
  const expected = [...promises.keys(), ...Array.from({ length: fetched }, (_, at) => idOf(`fetched${at}`))];
  for (const id of expected) expect(ids).toContain(id);
  for (const { id } of entries) expect((await daybook.fetch(`/v1/messages/${id}/raw`)).status).toBe(200);
  const sums = new Set((await all<{ sha256: string }>(daybook, '/v1/intake')).map((item) => item.sha256));
  for (const promised of promises.values()) expect(sums).toContain(promised);
  expect(await daybook.get('/v1/ledger')).toMatchObject({ difference: 0 });
}
