import pg from 'pg';
import { closing } from '../src/close.ts';
import { type CpuShare, openCpuShare } from './peers/cpu-share.ts';
import { type Daybook, startDaybook } from './peers/daybook.ts';
import type { PostgresServer } from './peers/postgres.ts';

/** The workers of one cluster, each a process, on a database of their own. */
export interface Workers extends AsyncDisposable {
  readonly database: string;
  readonly pids: readonly number[];
  /** Of SMTP, one for each worker. */
  readonly ports: readonly number[];
  /** As many as the largest cluster has workers: each of these definitions is run by one of them. */
  readonly definitions: readonly MeasuredDefinition[];
  /** Cores that each worker may use from now on; null: all there are. */
  allow(cores: number | null): Promise<void>;
  /** Resolves when each worker has so many more messages in its index, archived, than at the last call. */
  haveArchived(more: number): Promise<void>;
}
export interface MeasuredDefinition {
  readonly recipient: string;
  /** The SMTP port of the worker that archives what comes for it, whoever takes it. */
  readonly port: number;
}
export interface WorkersOptions {
  readonly name: string;
  readonly count: number;
  /** Whether `allow` is going to be called with less than all there is, which needs root. */
  readonly isLimited: boolean;
}
interface StatusAnswer {
  readonly definitions: readonly {
    readonly id: string;
    readonly worker?: string;
    readonly counts: { readonly archived: number };
  }[];
}

const ids = ['first', 'second'];
const recipientOf = (id: string): string => `${id}@journal.north.example`;
const workerOf = (at: number): string => `worker-${at}`;
/** An answer costs a worker what a message costs. */
const askEveryMs = 100;
/** Definitions are shared out within some seconds of the start of a worker. */
const sharedOutWithinMs = 60_000;

const configOf = (worker: string, postgres: string): string => `
logLevel: warn
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${postgres}", bodies: postgres, worker: ${worker}, synchronousStandby: none }
directory: { internalDomains: [north.example] }
definitions:
${ids.map((id) => `  - { id: ${id}, description: ${id}, transport: smtp, serviceEmailAddress: ${recipientOf(id)}, deliveryWaitAttempts: 1 }\n`).join('')}`;

/** Starts them, and waits until each has its part of the definitions. */
export async function openWorkers(
  server: PostgresServer,
  { name, count, isLimited }: WorkersOptions,
): Promise<Workers> {
  const database = `bench_${name}`;
  await makeDatabase(server, database);
  const stack = closing();
  const daybooks: Daybook[] = [];
  const shares: CpuShare[] = [];
  try {
    for (let at = 0; at < count; at += 1) {
      const share = isLimited ? stack.use(await openCpuShare(`daybook-${process.pid}-${name}-${at}`)) : null;
      const daybook = stack.use(await startDaybook({ config: configOf(workerOf(at), server.urlOf(database)) }));
      daybooks.push(daybook);
      if (share === null) continue;
      await share.add(daybook.pid);
      shares.push(share);
    }
    const holders = await sharedOut(daybooks);
    let expected = 0;
    return {
      database,
      pids: daybooks.map(({ pid }) => pid),
      ports: daybooks.map(({ smtpPort }) => smtpPort),
      definitions: ids.map((id, at) => ({
        recipient: recipientOf(id),
        port: daybooks[holders[at] ?? 0]?.smtpPort ?? 0,
      })),
      allow: async (cores) => void (await Promise.all(shares.map((share) => share.allow(cores)))),
      haveArchived: async (more) => {
        expected += more;
        for (const daybook of daybooks)
          await until(
            daybook,
            ({ definitions }) => definitions.reduce((all, { counts }) => all + counts.archived, 0) >= expected,
          );
      },
      [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
    };
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

/** Who runs each definition, by number, once no worker is without one. @throws Error where that does not come */
async function sharedOut([first, ...others]: readonly Daybook[]): Promise<readonly number[]> {
  if (first === undefined) return [];
  const end = Date.now() + sharedOutWithinMs;
  let holders: readonly number[] = [];
  await until(first, ({ definitions }) => {
    if (Date.now() > end) throw new Error('the definitions were not shared out');
    const names = [first, ...others].map((_, at) => workerOf(at));
    holders = ids.map((id) => names.indexOf(definitions.find((each) => each.id === id)?.worker ?? ''));
    return names.every((_, at) => holders.includes(at)) && !holders.includes(-1);
  });
  return holders;
}

async function until(daybook: Daybook, isSo: (status: StatusAnswer) => boolean): Promise<void> {
  while (!isSo(await daybook.get<StatusAnswer>('/v1/status')))
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
}

async function makeDatabase(server: PostgresServer, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.adminUrlOf('postgres') });
  await client.connect();
  await client.query(`create database ${database} owner daybook`);
  await client.end();
}
