import type { EngineStatusAnswer, StatusAnswer } from './answers.types.ts';

/** What a line of the screen draws over time; the arrows go through them. */
export const figures = ['received', 'archived', 'queue'] as const;
export type Figure = (typeof figures)[number];

/** One answer, as far as lines are drawn from it. */
interface Sample {
  /** Epoch ms, by the engine's clock. */
  readonly at: number;
  readonly values: ReadonlyMap<string, Readonly<Record<Figure, number>>>;
}
/** The answers of the last while, oldest first. */
export type History = readonly Sample[];

/** More than the widest screen shows. */
const keptSamples = 301;

/** The history with one more answer. An answer that is not newer, as of a clock set back, begins a new one. */
export function withAnswer(history: History, { engine, definitions }: EngineStatusAnswer): History {
  const at = Date.parse(engine.now);
  const values = new Map(definitions.map((definition) => [definition.id, valuesOf(definition)]));
  const last = history.at(-1);
  const kept = last !== undefined && last.at < at ? history.slice(1 - keptSamples) : [];
  return [...kept, { at, values }];
}

const valuesOf = ({ counts, processingQueue }: StatusAnswer): Readonly<Record<Figure, number>> => ({
  received: counts['received'] ?? 0,
  archived: (counts['archived'] ?? 0) + (counts['matched'] ?? 0),
  queue: processingQueue.messages,
});

/**
 * A figure of one definition, or of all (undefined), oldest first: messages a second for those that only grow, which
 * takes two answers, and the number itself for the queue. Null where it is not known, and after a restart.
 */
export function seriesOf(history: History, figure: Figure, id: string | undefined): readonly (number | null)[] {
  const known = history.map(({ at, values }) => ({ at, value: valueIn(values, figure, id) }));
  if (figure === 'queue') return known.map(({ value }) => value);
  return known.slice(1).map(({ at, value }, index) => {
    const before = known[index];
    if (before?.value == null || value === null || value < before.value) return null;
    return ((value - before.value) * 1_000) / (at - before.at);
  });
}

function valueIn(values: Sample['values'], figure: Figure, id: string | undefined): number | null {
  if (id !== undefined) return values.get(id)?.[figure] ?? null;
  return [...values.values()].reduce((sum, each) => sum + each[figure], 0);
}

const bars = [...'▁▂▃▄▅▆▇█'];

/** The newest values as bars, as many as fit; the lowest is nothing at all, a blank is not known. */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const shown = values.slice(-width);
  const most = Math.max(0, ...shown.map((value) => value ?? 0));
  const line = shown.map((value) => {
    if (value === null) return ' ';
    return bars[most === 0 ? 0 : Math.ceil((value / most) * (bars.length - 1))] ?? '█';
  });
  return line.join('').padStart(width);
}

/** `12`, `1.5`, `0.02`: three digits at most before a unit is needed. */
export function shortNumber(value: number | null | undefined): string {
  if (value === null || value === undefined) return '—';
  if (value === 0 || value >= 99.5) return value < 1e5 ? String(Math.round(value)) : `${Math.round(value / 1_000)}k`;
  return value >= 9.95 ? value.toFixed(0) : value.toFixed(value >= 0.95 ? 1 : 2);
}
