import type { Figure } from './harness.ts';

const [width, left, right] = [760, 210, 110];
const [barHeight, barGap, headHeight] = [16, 6, 34];
const [ink, bar, spread] = ['#1f2933', '#3b6ea5', '#9fb3c8'];

/** Bars of the medians with their spread, a panel for each case and unit, as one SVG that needs nothing beside it. */
export function chartOf(title: string, figures: readonly Figure[]): string {
  const panels = new Map<string, Figure[]>();
  for (const each of figures) {
    const name = `${each.bench}: ${each.unit}`;
    panels.set(name, [...(panels.get(name) ?? []), each]);
  }
  let y = 40;
  const parts = [text(16, 26, title, 'font-weight="600" font-size="16"')];
  for (const [name, rows] of panels) {
    parts.push(text(16, y + 20, name, 'font-weight="600"'));
    y += headHeight;
    const most = Math.max(...rows.map(({ max }) => max), Number.MIN_VALUE);
    for (const row of rows) {
      parts.push(...barOf(row, y, (width - left - right) / most));
      y += barHeight + barGap;
    }
  }
  const style = `font-family="sans-serif" font-size="13" fill="${ink}"`;
  const size = `width="${width}" height="${y + 16}" viewBox="0 0 ${width} ${y + 16}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>\n<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`;
}

function barOf({ peer, median, min, max }: Figure, y: number, scale: number): readonly string[] {
  const middle = y + barHeight / 2;
  const at = (value: number): string => (left + value * scale).toFixed(1);
  return [
    text(left - 8, y + 12, peer, 'text-anchor="end"'),
    `<rect x="${left}" y="${y}" width="${(median * scale).toFixed(1)}" height="${barHeight}" fill="${bar}"/>`,
    `<path d="M${at(min)} ${middle}H${at(max)}M${at(min)} ${y + 3}v10M${at(max)} ${y + 3}v10" stroke="${spread}" stroke-width="2"/>`,
    text(width - right + 8, y + 12, median.toPrecision(4), ''),
  ];
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const text = (x: number, y: number, words: string, more: string): string =>
  `<text x="${x}" y="${y}" ${more}>${words.replace(/[&<>]/g, (each) => escapes[each] ?? each)}</text>`;
