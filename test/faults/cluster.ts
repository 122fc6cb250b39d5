import { setTimeout as wait } from 'node:timers/promises';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { eventually } from '../support/eventually.ts';
import { prng } from '../support/prng.ts';
import { type Answers, type Load, startLoad, type WorkerName } from './cluster-load.ts';
import { definitions, encryptionOf, type Mailbox, openMailbox } from './load.ts';
import { examineSettled, type Findings, Outside, together } from './outside.ts';

/** What can be done to the cluster while mail flows. */
export interface Fault {
  readonly name: string;
  /** Resolves when what was broken works again, or is about to. */
  strike(workers: Workers, load: Load): Promise<void>;
}
export interface Workers {
  get(name: WorkerName): Daybook;
  /** SIGKILL. */
  crash(name: WorkerName): Promise<void>;
  /** A start on the same folder. */
  revive(name: WorkerName): Promise<void>;
  /** Both, one after the other. */
  kill(name: WorkerName): Promise<void>;
  /** SIGSTOP for this long, then SIGCONT. */
  pause(name: WorkerName, ms: number): Promise<void>;
  /** The one that has the mailbox. */
  holder(): Promise<WorkerName>;
}

export interface ClusterRunOptions {
  /** Connection string of the database, all of its servers in it. */
  readonly postgres: string;
  /** Where bodies of mail rest: in this bucket, or in the database where it is absent. */
  readonly objects?: S3Place;
  /** Whether the log is encrypted; it is in clear by default. */
  readonly encrypted?: boolean;
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
  readonly stalls: readonly Stall[];
  readonly leftInMailbox: number;
}

/** From a fault until mail flowed again. */
export interface Stall {
  readonly fault: string;
  /** Between two messages that were taken. */
  readonly longestMs: number;
  /** What senders were answered, and the longest that it took. */
  readonly answers: Answers;
  readonly longestAnswerMs: number;
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
  await using pair = await startPair((name) => configOf(name, options, mailbox));
  const load = startLoad({ workerOf: pair.get, outside, random, rate, name: `c${seed}` });
  mailbox.isFilling = true;
  const stalls: Stall[] = [];
  try {
    for (const fault of faults) {
      load.forget();
      await fault.strike(pair, load);
      const enough = load.acknowledged() + messagesAfter;
      await eventually(async () => load.acknowledged() >= enough, {
        what: `mail after ${fault.name}`,
        withinMs: backWithinMs,
      });
      const longestMs = load.longestStallMs();
      stalls.push({ fault: fault.name, longestMs, answers: load.answers(), longestAnswerMs: load.longestAnswerMs() });
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

const bodiesOf = ({ objects }: Pick<ClusterRunOptions, 'objects'>): string => {
  if (objects === undefined) return 'bodies: postgres';
  const { secretKey, ...place } = objects;
  return `bodies: s3, s3: ${JSON.stringify({ ...place, secretKey: secretKey.reveal() })}`;
};

const configOf = (
  worker: WorkerName,
  options: Pick<ClusterRunOptions, 'postgres' | 'objects' | 'encrypted'>,
  mailbox: Mailbox,
): string => `
logLevel: error
store: { backend: cluster, minimumFree: 1MB${encryptionOf(options.encrypted === true)} }
cluster: { postgres: "${options.postgres}", ${bodiesOf(options)}, worker: ${worker} }
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

interface Pair extends Workers, AsyncDisposable {}

async function startPair(config: (name: WorkerName) => string): Promise<Pair> {
  const start = (name: WorkerName) => startDaybook({ config: config(name) });
  const workers: Record<WorkerName, Daybook> = { one: await start('one'), two: await start('two') };
  const crash = async (name: WorkerName): Promise<void> => {
    await workers[name].end('SIGKILL');
  };
  const revive = async (name: WorkerName): Promise<void> => {
    workers[name] = await workers[name].restart();
  };
  return {
    get: (name) => workers[name],
    crash,
    revive,
    kill: async (name) => {
      await crash(name);
      await revive(name);
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
