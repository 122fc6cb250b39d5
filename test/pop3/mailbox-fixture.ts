import { createHash } from 'node:crypto';
import { asyncScheduler, lastValueFrom, type SchedulerLike, toArray } from 'rxjs';
import { type Mailbox, openMailbox } from '../../src/pop3/mailbox.ts';
import {
  type BatchLimits,
  batchLimits,
  type ItemReport,
  type LedgerEntry,
  type MailboxOptions,
  type MailboxPorts,
  type Pop3Ledger,
} from '../../src/pop3/types.ts';
import { fetchedEntry } from '../../streams/listed-as.ts';
import type { Custodied, Received } from '../../streams/message.ts';
import type { Extraction } from '../../streams/poll.ts';
import { MemoryCustody } from '../support/memory-receipt.ts';
import type { Pop3Item, Pop3Server } from '../support/pop3-server.ts';

/** A ledger in memory. */
export class MemoryLedger implements Pop3Ledger {
  readonly entries = new Map<string, LedgerEntry>();
  /** Changes that were durable. */
  readonly #durable = new Map<string, LedgerEntry | null>();

  /** As the store does with the intake record of an item. */
  noteFetched({ listed, receivedAt }: Received, { sha256 }: Custodied): void {
    if (listed !== undefined) this.#keep(new Map([[listed.key, fetchedEntry(listed, sha256, receivedAt)]]));
  }

  /** What was in force only is gone. */
  cutPower(): void {
    this.entries.clear();
    this.#put(this.#durable);
  }

  read(): Promise<ReadonlyMap<string, LedgerEntry>> {
    return Promise.resolve(new Map(this.entries));
  }

  write(changes: ReadonlyMap<string, LedgerEntry | null>, { sync } = { sync: true }): Promise<void> {
    if (sync) this.#keep(changes);
    else this.#put(changes);
    return Promise.resolve();
  }

  #keep(changes: ReadonlyMap<string, LedgerEntry | null>): void {
    this.#put(changes);
    for (const [key, entry] of changes) this.#durable.set(key, entry);
  }

  #put(changes: ReadonlyMap<string, LedgerEntry | null>): void {
    for (const [key, entry] of changes) {
      if (entry === null) this.entries.delete(key);
      else this.entries.set(key, entry);
    }
  }

  states(): Record<string, string> {
    return Object.fromEntries([...this.entries].map(([key, { state }]) => [key, state]));
  }
}

/** Everything a mailbox works on; it stays the same while sessions and mailboxes come and go, as over a restart. */
export class MailboxFixture {
  readonly custody = new MemoryCustody();
  readonly ledger = new MemoryLedger();
  readonly reports: ItemReport[] = [];
  readonly trace: string[] = [];
  /** What sessions said that were left. */
  readonly late: Extraction[] = [];
  taken = 0;
  clock: SchedulerLike = asyncScheduler;
  admission: ReturnType<MailboxPorts['admit']> = 'ok';
  leaves: MailboxPorts['leaves'];
  lookup: MailboxPorts['lookup'];
  #ids = 0;

  constructor() {
    this.custody.onCommit = (...committed) => this.ledger.noteFetched(...committed);
  }

  /** Bytes in custody, in the order of their commits. */
  committed(): readonly Buffer[] {
    return this.custody.receipts.filter(({ received }) => received !== undefined).map(({ bytes }) => bytes);
  }

  open(
    server: Pick<Pop3Server, 'port'>,
    options: Partial<MailboxOptions> | (() => Partial<MailboxOptions>) = {},
    limits: Partial<BatchLimits> = {},
  ): Mailbox {
    const ports: MailboxPorts = {
      custody: this.custody,
      ledger: this.ledger,
      newId: () => `id-${++this.#ids}`,
      destination: () => ({ definitionId: 'box', definitionVersion: 3 }),
      admit: () => this.admission,
      ...(this.leaves === undefined ? {} : { leaves: this.leaves }),
      ...(this.lookup === undefined ? {} : { lookup: this.lookup }),
      taken: () => {
        this.taken++;
      },
      report: (report) => this.reports.push(report),
      late: (extraction) => this.late.push(extraction),
      trace: (line) => this.trace.push(line),
      clock: this.clock,
    };
    const all = (parts: Partial<MailboxOptions>) => ({ ...mailboxOptions, port: server.port, ...parts });
    return openMailbox(typeof options === 'function' ? () => all(options()) : all(options), ports, {
      ...batchLimits,
      ...limits,
    });
  }

  /** One whole session. */
  async run(
    server: Pick<Pop3Server, 'port'>,
    options: Partial<MailboxOptions> = {},
    limits: Partial<BatchLimits> = {},
  ) {
    await using mailbox = this.open(server, options, limits);
    return await extractOnce(mailbox);
  }
}

/** What one session said, the last word apart. */
export async function extractOnce(mailbox: Mailbox): Promise<{ said: readonly Extraction[]; end: Extraction }> {
  const said = await lastValueFrom(mailbox.extract().pipe(toArray()));
  const end = said.at(-1);
  if (end === undefined) throw new Error('a session that said nothing');
  return { said, end };
}

export const mailboxOptions: MailboxOptions = {
  host: '127.0.0.1',
  port: 0,
  mailboxName: 'box',
  password: 'secret',
  encrypted: false,
  encryptionMode: 'strict',
  certificatePin: null,
  timeoutMs: 60_000,
  maxMessageBytes: 1_000_000,
};

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A message of its own, with dots, 8-bit and odd line ends in it. */
export function mail(name: string): Pop3Item {
  const lines = [
    `Subject: ${name}`,
    `Message-ID: <${name}@example.com>`,
    '',
    '.dotted',
    `caf\u00e9 ${name}`,
    '..',
    'bare\nLF',
    '.',
    '',
  ];
  return { uidl: `uidl-${name}`, bytes: Buffer.from(lines.join('\r\n'), 'latin1') };
}
