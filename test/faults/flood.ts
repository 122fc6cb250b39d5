import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { abusiveManners, gather, slowManners } from './crowd.ts';
import { report, sendOne } from './load.ts';
import { examineSettled, type Findings, Outside } from './outside.ts';

const recipient = 'journal@journal.north.example';
const configOf = (password: string): string => `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
  - id: locked
    description: With a password
    transport: smtp
    serviceEmailAddress: locked@journal.north.example
    smtp: { useSmtpAuthentication: true, password: ${password} }
`;

export interface FloodOptions {
  /** Slow clients, each from an address of its own, and abusive ones, ten to an address. */
  readonly slow: number;
  readonly abusive: number;
  /** `smtp.maxConnections`. */
  readonly seats: number;
  /** How long the good sender keeps its pace under the flood. */
  readonly seconds: number;
  readonly perSecond: number;
}

export interface Flooded {
  /** Messages of the good sender that were due, and those acknowledged by the end of the time. */
  readonly due: number;
  readonly inTime: number;
  readonly share: number;
  /** Most connections at once, as the clients saw them: open at all, and being served. */
  readonly slowOpen: number;
  readonly slowServed: number;
  readonly abusiveServed: number;
  readonly connectionsBegun: number;
  readonly sentAway: Readonly<Record<string, number>>;
  /** Answers that the good sender got instead of 250, and connections it lost. */
  readonly retried: Readonly<Record<string, number>>;
  readonly peakResidentMb: number;
  readonly findings: Findings;
}

/** A good sender keeps a steady pace while a crowd holds, drips, guesses and churns (reliability G12). */
export async function flood({ slow, abusive, seats, seconds, perSecond }: FloodOptions): Promise<Flooded> {
  const outside = new Outside();
  await using daybook = await startDaybook({ config: configOf('sesame-open'), smtp: `maxConnections: ${seats}` });
  const sender = new GoodSender(daybook, outside);
  // It has delivered before the flood comes, as a server that does so all day.
  await sender.keepPace({ seconds: 1, perSecond: 10 });
  const at = { port: daybook.smtpPort, recipient };
  // First, so that they have seats to begin with.
  using abuse = gather({
    ...at,
    clients: abusive,
    manners: abusiveManners,
    stepMs: 250,
    addressOf: (n) => `127.2.0.${1 + Math.floor(n / 10)}`,
  });
  await pause(500);
  using crowd = gather({
    ...at,
    clients: slow,
    manners: slowManners,
    stepMs: 2_000,
    addressOf: (n) => `127.1.${n >> 8}.${n & 255}`,
  });
  // Until all have come: two hundred at a time.
  await pause(1_000 + (slow / 200) * 60);
  const { due, inTime } = await sender.keepPace({ seconds, perSecond });
  const figures = {
    due,
    inTime,
    share: inTime / due,
    slowOpen: crowd.mostOpen,
    slowServed: crowd.mostServed,
    abusiveServed: abuse.mostServed,
    connectionsBegun: crowd.begun + abuse.begun,
    sentAway: { ...crowd.sentAway },
    retried: { ...sender.retried },
    peakResidentMb: peakResidentMb(daybook),
  };
  crowd[Symbol.dispose]();
  abuse[Symbol.dispose]();
  return { ...figures, findings: await examineSettled(daybook, outside, ['exchange', 'locked']) };
}

/** True where the goal holds: 95 % of the pace, below 1 GB, and nothing lost. */
export const holds = ({ share, peakResidentMb: peak, findings }: Flooded): boolean =>
  share >= 0.95 &&
  peak < 1_024 &&
  findings.difference === 0 &&
  [findings.lost, findings.doubled, findings.changed, findings.unreadable].every(({ length }) => length === 0);

/** How many connections it uses, and messages it sends on one before it takes another. */
const connections = 4;
const messagesEach = 10;
/** A message that is due in the last moment still counts when its answer comes within this. */
const graceMs = 1_000;

/** A mail server: messages fall due at a steady pace, wait for a free connection, and are tried again when put off. */
class GoodSender {
  readonly retried: Record<string, number> = {};
  readonly #daybook: Daybook;
  readonly #outside: Outside;
  #named = 0;

  constructor(daybook: Daybook, outside: Outside) {
    this.#daybook = daybook;
    this.#outside = outside;
  }

  async keepPace({ seconds, perSecond }: { readonly seconds: number; readonly perSecond: number }) {
    const before = this.#outside.acknowledged;
    const startedAt = performance.now();
    const due = Math.round(seconds * perSecond);
    const endsAt = startedAt + seconds * 1_000 + graceMs;
    let taken = 0;
    const next = async (): Promise<string | null> => {
      if (taken >= due) return null;
      const dueAt = startedAt + (taken * 1_000) / perSecond;
      taken += 1;
      this.#named += 1;
      const name = `good.${this.#named}`;
      const restMs = dueAt - performance.now();
      if (restMs > 0) await pause(restMs);
      return performance.now() > endsAt ? null : name;
    };
    await Promise.all(Array.from({ length: connections }, () => this.#work(next, endsAt)));
    return { due, inTime: this.#outside.acknowledged - before };
  }

  /** One connection after the other. */
  async #work(next: () => Promise<string | null>, endsAt: number): Promise<void> {
    let name = await next();
    while (name !== null && performance.now() < endsAt) {
      try {
        await using client = await SmtpClient.ready(this.#daybook.smtpPort);
        for (let sent = 0; name !== null && sent < messagesEach; sent += 1) {
          const { code } = await sendOne(client, this.#outside, name, report(name, 8_000));
          if (code !== 250) throw new Error(String(code));
          name = await next();
        }
      } catch (error) {
        const why = error instanceof Error ? error.message.slice(0, 40) : 'unknown';
        this.retried[why] = (this.retried[why] ?? 0) + 1;
        await pause(100);
      }
    }
  }
}

export function peakResidentMb({ pid }: Pick<Daybook, 'pid'>): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1_024);
}

/** CPU of a process so far, all its threads, in seconds. */
function cpuSeconds({ pid }: Pick<Daybook, 'pid'>): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** CPU that the engine spends on receiving so many bytes of nothing but stuffed dots, to the 250. */
export async function dotFlood(daybook: Daybook, bytes: number): Promise<number> {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  for (const line of ['MAIL FROM:<>', `RCPT TO:<${recipient}>`, 'DATA']) await client.command(line);
  const before = cpuSeconds(daybook);
  const block = Buffer.from('..\r\n'.repeat(65_536), 'latin1');
  for (let sent = 0; sent < bytes; sent += block.length) await client.send(block);
  await client.send('.\r\n');
  const { code, text } = await client.reply();
  if (code !== 250) throw new Error(`${code} ${text}`);
  return cpuSeconds(daybook) - before;
}
