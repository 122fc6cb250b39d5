import { hash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { simpleParser } from 'mailparser';
import { unwrap } from '../src/report/unwrap.ts';
import { figure, report } from './harness.ts';
import { template } from './load.ts';

/**
 * What it costs to understand a journal report, against SHA-256 of the same bytes and against mailparser, which decodes
 * all of them: CPU of this one thread, in turns. `node dist/bench/journal-scan.js [--rounds 15] [--sizes 4096,76800,1048576]`
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    sizes: { type: 'string', default: '4096,76800,1048576' },
  },
});
const unwrapOptions = {
  journalType: 'eej',
  serviceEmailAddress: 'journal@journal.north.example',
  preferClearTextVersion: false,
  removeJournalHeaders: false,
  insists: false,
  trustedRecipientHeaders: [],
  isInternal: (address: string): boolean => address.endsWith('@north.example'),
} as const;
/** CPU of a turn is far above what the clock of the CPU can tell apart. */
const turnMs = 60;

interface Way {
  readonly name: string;
  run(message: Buffer): unknown;
}
const ways: readonly Way[] = [
  { name: 'journal scan', run: (message) => unwrap(message, unwrapOptions) },
  { name: 'sha-256', run: (message) => hash('sha256', message, 'buffer') },
  { name: 'mailparser', run: (message) => simpleParser(message) },
];

/** CPU microseconds of one, the mean of so many as fill a turn. */
async function turn({ run }: Way, message: Buffer): Promise<number> {
  const before = process.cpuUsage();
  const until = performance.now() + turnMs;
  let done = 0;
  for (; performance.now() < until; done += 1) await run(message);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / done;
}

const figures = [];
for (const size of options.sizes.split(',').map(Number)) {
  const { message } = template(size);
  const { level, originals } = unwrap(message, unwrapOptions);
  if (level !== 'L0' || originals.length !== 1)
    throw new Error('the report was not understood: no figure of it says anything');
  const taken = new Map(ways.map((way): [Way, number[]] => [way, []]));
  // The first rounds are V8's, which compiles what is hot.
  for (let round = -3; round < Number(options.rounds); round += 1) {
    for (const [way, values] of taken) {
      const us = await turn(way, message);
      if (round >= 0) values.push(us);
    }
  }
  const bench = `scan ${size}`;
  for (const [{ name }, values] of taken) figures.push(figure({ bench, peer: name, unit: 'CPU µs/message' }, values));
  const [scan = [], sha = [], parser = []] = [...taken.values()];
  const ratios = (over: readonly number[], under: readonly number[]): number[] =>
    over.map((us, at) => us / (under[at] ?? 0));
  figures.push(figure({ bench, peer: 'journal scan', unit: 'of sha-256' }, ratios(scan, sha)));
  figures.push(figure({ bench, peer: 'mailparser', unit: '× journal scan' }, ratios(parser, scan)));
}
await report('journal-scan', figures);
