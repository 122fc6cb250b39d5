import { setTimeout as wait } from 'node:timers/promises';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { prng } from '../support/prng.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { definitions, type Mailbox, openMailbox, report, sendOne, someSize } from './load.ts';
import { examineSettled, type Findings, Outside, together } from './outside.ts';

export type WorkerName = 'one' | 'two';

/** What can be done to the cluster while mail flows. */
export interface Fault {
  readonly name: string;
  /** Resolves when what was broken works again, or is about to. */
  strike(workers: Workers): Promise<void>;
}
export interface Workers {
  /** SIGKILL, and a start on the same folder. */
  kill(name: WorkerName): Promise<void>;
  /** SIGSTOP for this long, then SIGCONT. */
  pause(name: WorkerName, ms: number): Promise<void>;
  /** The one that has the mailbox. */
  holder(): Promise<WorkerName>;
}

export interface ClusterRunOptions {
  /** Connection string of the database, all of its servers in it. */
  readonly postgres: string;
  readonly faults: readonly Fault[];
  readonly seed: number;
  /** Messages a second that are begun, by all senders together. */
  readonly rate?: number;
  readonly told?: (text: string) => void;
}
export interface ClusterReport {
  readonly acknowledged: number;
  readonly deleted: number;
  /** What both workers, looked at after all of it, have of what was promised. */
  readonly findings: Findings;
  /** Both show the same archive. */
  readonly isSame: boolean;
  readonly stalls: readonly { readonly fault: string; readonly longestMs: number }[];
  readonly leftInMailbox: number;
}

/** After each fault mail must flow again for so many messages. */
const messagesAfter = 60;
/** A lease, a server that takes over and a start of the engine, on a machine that is busy. */
const backWithinMs = 180_000;

/**
 * Two engines on one database under a steady load by SMTP and POP3: after each fault mail flows again by itself, and at the
 * end all that was promised is archived once, byte for byte, on both.
 */
export async function clusterUnderFaults(options: ClusterRunOptions): Promise<ClusterReport> {
  const { faults, seed, rate = 20, told = () => undefined } = options;
  const random = prng(seed);
  const outside = new Outside();
  await using mailbox = await openMailbox({ outside, name: `c${seed}`, random });
  await using pair = await startPair(options.postgres, mailbox);
  const load = startLoad(pair, { outside, random, rate, name: `c${seed}` });
  mailbox.isFilling = true;
  const stalls: { fault: string; longestMs: number }[] = [];
  try {
    for (const fault of faults) {
      load.forget();
      await fault.strike(pair);
      const enough = load.acknowledged() + messagesAfter;
      await eventually(async () => load.acknowledged() >= enough, {
        what: `mail after ${fault.name}`,
        withinMs: backWithinMs,
      });
      const longestMs = load.longestStallMs();
      stalls.push({ fault: fault.name, longestMs });
      told(`${fault.name}: longest stall ${longestMs} ms, ${load.acknowledged()} acknowledged so far`);
    }
  } finally {
    await load.end();
    mailbox.isFilling = false;
  }
  await eventually(async () => mailbox.server.items.length === 0, { what: 'an empty mailbox', withinMs: backWithinMs });
  await haveReadAll(pair);
  const looks = [
    await examineSettled(pair.get('one'), outside, definitions),
    await examineSettled(pair.get('two'), outside, definitions),
  ];
  const heads = await Promise.all((['one', 'two'] as const).map((name) => countsOf(pair.get(name))));
  return {
    acknowledged: outside.acknowledged,
    deleted: outside.deleted,
    findings: together(looks),
    isSame: JSON.stringify(heads[0]) === JSON.stringify(heads[1]),
    stalls,
    leftInMailbox: mailbox.server.items.length,
  };
}

/**
 * Waits until each index has what the other one has now. A worker answers once its own index has the record, so together
 * they have every promise; without this, one would be asked for mail that it has not read in the log yet.
 */
async function haveReadAll(pair: Pair): Promise<void> {
  const both = () => Promise.all((['one', 'two'] as const).map((name) => foldedOf(pair.get(name), name)));
  const end = Math.max(...(await both()));
  const isThere = async (): Promise<boolean> => (await both()).every((folded) => folded >= end);
  await eventually(isThere, { what: `record ${end} of the log in both indexes`, withinMs: backWithinMs });
}

/** Records of the log that the index of this worker has. */
async function foldedOf(daybook: Daybook, name: WorkerName): Promise<number> {
  const { engine } = await daybook.get<{ engine: { cluster: ClusterAnswer } }>('/v1/status');
  const own = engine.cluster.workers.find((worker) => worker.name === name);
  if (own === undefined) throw new Error(`the status of the worker ${name} does not name it`);
  return engine.cluster.logSeq - own.behindRecords;
}
interface ClusterAnswer {
  readonly logSeq: number;
  readonly workers: readonly { readonly name: string; readonly behindRecords: number }[];
}

async function countsOf(daybook: Daybook): Promise<unknown> {
  const { definitions: all } = await daybook.get<{ definitions: { id: string; counts: Record<string, number> }[] }>(
    '/v1/status',
  );
  return all.map(({ id, counts: { rejected: _own, ...counts } }) => ({ id, counts }));
}

const configOf = (worker: WorkerName, postgres: string, mailbox: Mailbox): string => `
logLevel: error
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${postgres}", bodies: postgres, worker: ${worker} }
pop3: { pollInterval: 200ms }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
  - id: mailbox
    description: The journaling mailbox
    transport: pop3
    serviceEmailAddress: box@journal.north.example
    deliveryWaitAttempts: 1
    pop3: { host: 127.0.0.1, port: ${mailbox.server.port}, mailboxName: box, password: secret, encrypted: false }
`;

interface Pair extends Workers, AsyncDisposable {
  get(name: WorkerName): Daybook;
}

async function startPair(postgres: string, mailbox: Mailbox): Promise<Pair> {
  const start = (name: WorkerName) => startDaybook({ config: configOf(name, postgres, mailbox) });
  const workers: Record<WorkerName, Daybook> = { one: await start('one'), two: await start('two') };
  return {
    get: (name) => workers[name],
    kill: async (name) => {
      await workers[name].end('SIGKILL');
      workers[name] = await workers[name].restart();
    },
    pause: async (name, ms) => {
      process.kill(workers[name].pid, 'SIGSTOP');
      try {
        await wait(ms);
      } finally {
        process.kill(workers[name].pid, 'SIGCONT');
      }
    },
    holder: async () => {
      const { worker } = await workers.one.get<{ worker?: WorkerName }>('/v1/definitions/mailbox/status');
      return worker ?? 'one';
    },
    [Symbol.asyncDispose]: async () => {
      await workers.one[Symbol.asyncDispose]();
      await workers.two[Symbol.asyncDispose]();
    },
  };
}

interface LoadOptions {
  readonly outside: Outside;
  readonly random: () => number;
  readonly rate: number;
  readonly name: string;
}

/** Each message is offered to one worker after the other until one has taken it, as a mail server does. */
function startLoad(pair: Pair, { outside, random, rate, name }: LoadOptions) {
  let isEnding = false;
  let lastAt = performance.now();
  let longestMs = 0;
  let begun = 0;
  const noted = (): void => {
    longestMs = Math.max(longestMs, performance.now() - lastAt);
    lastAt = performance.now();
  };
  const isTaken = async (port: number, each: string, bytes: Buffer): Promise<boolean> => {
    await using client = await SmtpClient.ready(port);
    return (await sendOne(client, outside, each, bytes)).code === 250;
  };
  const offer = async (each: string, bytes: Buffer): Promise<void> => {
    for (let tries = begun; ; tries += 1) {
      const { smtpPort } = pair.get(tries % 2 === 0 ? 'one' : 'two');
      // Refused, or cut off: it is offered again, to the other one.
      if (await isTaken(smtpPort, each, bytes).catch(() => false)) return noted();
      await wait(200);
    }
  };
  const under = new Set<Promise<void>>();
  const running = (async () => {
    while (!isEnding) {
      begun += 1;
      const each = `${name}.${begun}`;
      // As many as a sender would have under way; the rest waits at its side.
      if (under.size < 40) {
        const offered = offer(each, report(each, someSize(random))).finally(() => under.delete(offered));
        under.add(offered);
      }
      await wait(1_000 / rate);
    }
    await Promise.all(under);
  })();
  return {
    acknowledged: () => outside.acknowledged,
    longestStallMs: () => Math.round(Math.max(longestMs, performance.now() - lastAt)),
    forget: () => {
      longestMs = 0;
      lastAt = performance.now();
    },
    end: async () => {
      isEnding = true;
      await running;
    },
  };
}
