import type { Workers } from './cluster-of-workers.ts';
import { median, type Round } from './harness.ts';
import type { LoadResult } from './load.ts';
import { watchRow } from './log-row-watch.ts';
import type { PostgresServer } from './peers/postgres.ts';
import { figuresOf, machineCpuSeconds, mainThreadCpuSeconds } from './process-figures.ts';
import { runLoad } from './run-load.ts';

/**
 * Whither the mail of a definition goes: to all workers alike, as a balancer sends it, or to the one that archives it.
 */
export type Way = 'balanced' | 'to its worker';
export interface Mail {
  readonly bytes: number;
  readonly count: number;
  /** In total. */
  readonly connections: number;
  readonly way: Way;
}

/** Programs that send to one definition, each with its part of the connections. */
const sendersOfEach = 2;

/** The same programs with the same connections whether one worker takes the mail or two. */
export function load(
  { ports, definitions }: Workers,
  { bytes, count, connections, way }: Mail,
): Promise<readonly LoadResult[]> {
  const senders = definitions.flatMap(({ recipient, port }) =>
    Array.from({ length: sendersOfEach }, (_, at) => ({
      recipient,
      port: way === 'balanced' ? (ports[at % ports.length] ?? 0) : port,
    })),
  );
  const part = (whole: number): number => Math.floor(whole / senders.length);
  return Promise.all(
    senders.map((to) => runLoad({ ...to, connections: part(connections), count: part(count), bytes })),
  );
}

const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);

function look(workers: Workers, postgres: PostgresServer) {
  return {
    seconds: performance.now() / 1_000,
    machine: machineCpuSeconds(),
    workers: workers.pids.map((pid) => figuresOf(pid)),
    threads: workers.pids.map(mainThreadCpuSeconds),
    server: figuresOf(postgres.pid),
  };
}
type Look = ReturnType<typeof look>;

/** CPU seconds of each worker, of each of their main threads, of the server, and of the machine; and the seconds between. */
function between(before: Look, after: Look) {
  return {
    seconds: after.seconds - before.seconds,
    machine: after.machine - before.machine,
    workers: after.workers.map(({ cpuSeconds }, at) => cpuSeconds - (before.workers[at]?.cpuSeconds ?? 0)),
    threads: after.threads.map((taken, at) => taken - (before.threads[at] ?? 0)),
    server: after.server.cpuSeconds - before.server.cpuSeconds,
  };
}

/**
 * One load, and what is left to archive and to fold after it. What a message costs is counted until every worker has it
 * in its index, how busy anything was for the time of the load alone. `share`: cores for each worker; null: all.
 */
export async function roundOf(
  { workers, postgres }: { readonly workers: Workers; readonly postgres: PostgresServer },
  mail: Mail,
  share: number | null,
): Promise<Round> {
  await workers.allow(share);
  const row = await watchRow(postgres.adminUrlOf(workers.database));
  const before = look(workers, postgres);
  const results = await load(workers, mail);
  const loaded = look(workers, postgres);
  const { groups, walBytes, walSyncs, ...held } = await row.end();
  const sent = sum(results.map((result) => result.sent));
  await workers.haveArchived(sent);
  const after = look(workers, postgres);
  await workers.allow(null);

  const [all, meanwhile] = [between(before, after), between(before, loaded)];
  const seconds = Math.max(...results.map((result) => result.seconds));
  const senders = results.map(({ cpuSeconds }) => cpuSeconds);
  const part = (cpuSeconds: number): number => cpuSeconds / meanwhile.seconds;
  const own = sum(meanwhile.workers) + meanwhile.server + sum(senders);
  return {
    load: {
      ...{ sent, seconds, cpuSeconds: sum(senders) },
      putOff: sum(results.map(({ putOff }) => putOff)),
      p50Ms: median(results.map(({ p50Ms }) => p50Ms)),
      p99Ms: Math.max(...results.map(({ p99Ms }) => p99Ms)),
    },
    cpuSeconds: sum(all.workers),
    residentBytes: Math.max(...after.workers.map(({ residentBytes }) => residentBytes)),
    writtenBytes: after.server.writtenBytes - before.server.writtenBytes,
    extra: {
      ...held,
      archivedRatio: meanwhile.seconds / all.seconds,
      threadMs: (sum(all.threads) / sent) * 1_000,
      serverMs: (all.server / sent) * 1_000,
      groups: groups / sent,
      walSyncs: walSyncs / sent,
      walBytes: walBytes / sent,
      coresBusy: part(meanwhile.machine),
      coresOfOthers: part(Math.max(0, meanwhile.machine - own)),
      shareUsed: share === null ? 0 : part(Math.max(...meanwhile.workers)) / share,
      threadUsed: part(Math.max(...meanwhile.threads)),
      senderUsed: part(Math.max(...senders)),
    },
  };
}
