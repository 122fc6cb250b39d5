import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { bottleneckOf, mostThroughRow, otherMs, ratioOfWorkers, type Used } from './bottleneck.ts';
import { openWorkers } from './cluster-of-workers.ts';
import { load, roundOf, type Way } from './cluster-round.ts';
import { type Figure, figure, interleave, type Peer, type Round, report } from './harness.ts';
import { startPostgresServer } from './peers/postgres.ts';

/**
 * Two workers of a cluster against one: journal reports by SMTP, taken, matched and archived, for two definitions. A
 * cluster of one and a cluster of two stand side by side on one PostgreSQL, each with a log of its own and with bodies in
 * the database, and have their turns; the same load programs with the same connections in total. With `--share` there are
 * rounds in which each worker may use that part of a core and no more (needs root): a worker is then what is full, and the
 * machine has room for what the others do.
 *
 *   node dist/bench/cluster-workers.js [--rounds 3] [--sizes 4096,76800] [--connections 96] [--share 0.15] [--scale 1]
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '4096,76800' },
    connections: { type: 'string', default: '96' },
    share: { type: 'string' },
    scale: { type: 'string', default: '1' },
  },
});
const connections = Number(options.connections);
const shares = [null, ...(options.share === undefined ? [] : [Number(options.share)])];
const countOf = (bytes: number): number => Math.round((bytes <= 4_096 ? 4_000 : 2_000) * Number(options.scale));
/** V8 compiles for the first thousands; a worker runs for months. */
const warmingForEach = 16_000;

const extra =
  (name: string) =>
  ({ extra: figures }: Round): number =>
    figures?.[name] ?? Number.NaN;
const units: Readonly<Record<string, (round: Round) => number>> = {
  'messages/s': ({ load: { sent, seconds } }) => sent / seconds,
  'p50 ms': (round) => round.load.p50Ms,
  'p99 ms': (round) => round.load.p99Ms,
  'archived/acknowledged': extra('archivedRatio'),
  'put off': (round) => round.load.putOff,
  'CPU ms/message': ({ cpuSeconds, load: { sent } }) => (cpuSeconds / sent) * 1_000,
  'thread ms/message': extra('threadMs'),
  'PostgreSQL CPU ms/message': extra('serverMs'),
  'load CPU ms/message': ({ load: { sent, cpuSeconds } }) => (cpuSeconds / sent) * 1_000,
  'groups/message': extra('groups'),
  'WAL syncs/message': extra('walSyncs'),
  'WAL bytes/message': extra('walBytes'),
  'cores busy': extra('coresBusy'),
  'of them by others': extra('coresOfOthers'),
  'share of worker used': extra('shareUsed'),
  'thread of worker used': extra('threadUsed'),
  'sender used': extra('senderUsed'),
  'row held': extra('held'),
  'row held, worker': extra('byWorker'),
  'row held, server': extra('byServer'),
  'row held, sync': extra('bySync'),
  'waiting for the row': extra('waiting'),
  'resident MB': ({ residentBytes }) => residentBytes / 1_048_576,
};
type Medians = Readonly<Record<string, number>>;

await using postgres = await startPostgresServer();
const isLimited = options.share !== undefined;
await using alone = await openWorkers(postgres, { name: 'one', count: 1, isLimited });
await using both = await openWorkers(postgres, { name: 'two', count: 2, isLimited });
const variants = [
  { name: '1 worker', workers: alone, way: 'balanced' },
  { name: '2 workers, balanced', workers: both, way: 'balanced' },
  { name: '2 workers, to its own', workers: both, way: 'to its worker' },
] as const satisfies readonly { name: string; workers: typeof alone; way: Way }[];
const nameIn = (share: number | null, name: string): string => (share === null ? name : `${name}, ${share} cores each`);

const figures: Figure[] = [];
const told: string[] = [];
for (const bytes of options.sizes.split(',').map(Number)) {
  for (const workers of [alone, both]) {
    const warming = warmingForEach * workers.pids.length;
    const results = await load(workers, { bytes, count: warming, connections, way: 'balanced' });
    await workers.haveArchived(results.reduce((all, { sent }) => all + sent, 0));
  }
  const mail = { bytes, count: countOf(bytes), connections };
  const peers = shares.flatMap((share) =>
    variants.map(
      ({ name, workers, way }): Peer => ({
        name: nameIn(share, name),
        round: () => roundOf({ workers, postgres }, { ...mail, way }, share),
      }),
    ),
  );
  const taken = await interleave(peers, Number(options.rounds));
  for (const share of shares) tell(`${bytes}x${connections}`, share, taken);
}
await report('cluster-workers', figures);
console.log(told.join('\n'));

/** Adds the figures of a size and a share, and what they say. */
function tell(bench: string, share: number | null, taken: ReadonlyMap<string, readonly Round[]>): void {
  const roundsOf = (name: string): readonly Round[] => taken.get(nameIn(share, name)) ?? [];
  const note = (name: string, unit: string, values: readonly number[]): number => {
    figures.push(figure({ bench, peer: nameIn(share, name), unit }, values));
    return figures.at(-1)?.median ?? Number.NaN;
  };
  const rateOf = units['messages/s'] ?? extra('');
  const rates = roundsOf(variants[0].name).map(rateOf);
  let one: Medians = {};
  told.push('', `${bench}, ${share === null ? 'all cores for everybody' : `${share} cores for each worker`}`);
  for (const { name, workers } of variants) {
    const rounds = roundsOf(name);
    const medians = Object.fromEntries(
      Object.entries(units).map(([unit, value]) => [unit, note(name, unit, rounds.map(value))]),
    );
    told.push(`  ${name}`);
    if (workers === alone) one = medians;
    else {
      const ratios = rounds.map((round, at) => rateOf(round) / (rates[at] ?? Number.NaN));
      const ratio = note(name, 'ratio to 1 worker', ratios);
      told.push(`    measured: ${ratio.toFixed(2)} × one worker, in accepted messages`);
    }
    told.push(`    bottleneck: ${limitText(usedIn(medians, share))}`);
    if (workers !== alone) told.push(...computed(one, medians));
  }
}

function usedIn(medians: Medians, share: number | null): Used {
  const of = (unit: string): number => medians[unit] ?? Number.NaN;
  return {
    'share of a worker': share === null ? null : of('share of worker used'),
    'cores of the machine': of('cores busy') / availableParallelism(),
    'thread of a worker': of('thread of worker used'),
    'row of the log': of('row held'),
    sender: of('sender used'),
  };
}

function limitText(used: Used): string {
  const parts = Object.entries(used).filter(([, part]) => part !== null);
  const texts = parts.map(([name, part]) => `${name} ${Math.round((part ?? 0) * 100)} %`);
  return `${bottleneckOf(used) ?? 'none is full, senders wait for answers'} (${texts.join(', ')})`;
}

/** What would be if only the threads of the workers were ever full; and what the row of the log, as it was held here, lets through. */
function computed(one: Medians, two: Medians): readonly string[] {
  const cost = { alone: one['thread ms/message'] ?? Number.NaN, both: two['thread ms/message'] ?? Number.NaN };
  const through = mostThroughRow(two['row held'] ?? Number.NaN, two['messages/s'] ?? Number.NaN);
  return [
    `    computed: ${ratioOfWorkers(cost).toFixed(2)} × one, were the threads of the workers all that is ever full: a message takes ` +
      `${cost.alone.toFixed(2)} ms of it alone, ${cost.both.toFixed(2)} of both, so ${otherMs(cost).toFixed(2)} for the other's part`,
    `    computed: ${through.toFixed(0)} messages/s through the row of the log at most, were it held as long as here`,
  ];
}
