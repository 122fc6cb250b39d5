import { type Assumed, bottleneckAt, type Layout, layoutFor, type Measured } from './capacity-model.ts';

/** What the model says, for people. */

const units: readonly (readonly [bytes: number, unit: string])[] = [
  [1e15, 'PB'],
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
];
/** Two digits of it: `5.3 TB`, `106 GB`. */
export function bytes(count: number): string {
  const [size, unit] = units.find(([from]) => count >= from) ?? [1e3, 'KB'];
  const shown = count / size;
  return `${shown < 10 ? shown.toFixed(1) : Math.round(shown)} ${unit}`;
}
export const percent = (share: number): string => `${Math.round(share * 100)} %`;
export const shortly = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 3 });
export const placesOf = ({ cells, workers }: Pick<Layout, 'cells' | 'workers'>): string =>
  `${cells === 1 ? '' : `${cells} cells, each `}${workers} workers, 3 database servers`;

/** Rows of the table in docs/cluster.md, as Markdown. */
export function rowsOf(perDays: readonly number[], measured: Measured, assumed: Assumed): readonly string[] {
  return perDays.map((perDay) => {
    const layout = layoutFor(perDay, measured, assumed);
    const ten = bottleneckAt(10, layout, { measured, assumed });
    const cells = [
      perDay.toLocaleString('en'),
      shortly(layout.peakPerSecond),
      placesOf(layout),
      bytes(layout.databaseBytes),
      bytes(layout.indexBytes),
      bytes(layout.bodyBytes),
      `${layout.first} (${percent(layout.used[layout.first])}); ${ten.part} (${percent(ten.used)})`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
}
