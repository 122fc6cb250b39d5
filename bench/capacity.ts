import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assumptions, defaults, figuresFrom, linesOf } from './capacity-figures.ts';
import { bottleneckAt, layoutFor, onePeak } from './capacity-model.ts';
import { bytes, percent, placesOf, shortly } from './capacity-table.ts';

/**
 * How large a cluster has to be, from 100,000 messages a day to a billion, and what gives way first: at that number, and
 * at ten times as much on the same machines.
 *
 *   node dist/bench/capacity.js [--results bench/results] [--kept-days 365] [--message-bytes 76800] [--per-day 2000000]
 *
 * Figures are those of the last benches in `--results`, and else those that were recorded, with their source.
 */
const { values: options } = parseArgs({
  options: {
    results: { type: 'string', default: join(process.cwd(), 'bench/results') },
    'kept-days': { type: 'string' },
    'message-bytes': { type: 'string' },
    'per-day': { type: 'string', multiple: true },
  },
});

const numberOf = (name: string, text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`--${name} is not a number above 0: ${text}`);
  return value;
};

const files = ['smtp-throughput.jsonl', 'cluster-fold.jsonl'].map((name) => join(options.results, name));
const { measured, sources } = figuresFrom(
  files.filter(existsSync).flatMap((file) => linesOf(readFileSync(file, 'utf8'))),
);
const assumed = {
  ...assumptions.values,
  keptDays: numberOf('kept-days', options['kept-days'], assumptions.values.keptDays),
  messageBytes: numberOf('message-bytes', options['message-bytes'], assumptions.values.messageBytes),
};
const known = { measured, assumed };
const perDays = (options['per-day'] ?? ['1e5', '1e6', '1e7', '1e8', '1e9']).map((text) => numberOf('per-day', text, 0));

console.log('Measured');
for (const name of Object.keys(measured) as (keyof typeof measured)[])
  console.log(`  ${defaults[name].what.padEnd(58)} ${shortly(measured[name]).padStart(14)}  ${sources[name]}`);
console.log('\nAssumed, and measured by nobody here');
for (const name of Object.keys(assumed) as (keyof typeof assumed)[])
  console.log(`  ${assumptions.what[name].padEnd(58)} ${assumed[name].toLocaleString('en').padStart(14)}`);
console.log(`\nOne engine by itself takes ${Math.floor(onePeak(measured, assumed))} messages a second at its peak.`);

for (const perDay of perDays) {
  const layout = layoutFor(perDay, measured, assumed);
  const { cells, peakPerSecond, first, used } = layout;
  const isSmall = peakPerSecond <= onePeak(measured, assumed) && cells === 1;
  const ten = bottleneckAt(10, layout, known);
  console.log(`\n${perDay.toLocaleString('en')} messages a day, ${shortly(peakPerSecond)} a second at the peak`);
  console.log(`  ${placesOf(layout)}${isSmall ? '; one engine by itself would do' : ''}`);
  console.log(
    `  database ${bytes(layout.databaseBytes)} on each server, ${bytes(layout.walBytesPerSecond)}/s of WAL at the peak`,
  );
  console.log(`  index ${bytes(layout.indexBytes)} on each worker; bodies ${bytes(layout.bodyBytes)} in all`);
  console.log(`  first to be full: ${first} (${percent(used[first])} with one worker lost)`);
  console.log(`  at ten times: ${ten.part} (${percent(ten.used)} of what it may be)`);
}
