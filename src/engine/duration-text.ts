const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Milliseconds as the configuration writes them, in the largest unit that is whole: `10m`, `250ms`, `0s`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  const [unit, length] = units.find(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / length}${unit}`;
}
