const msOf = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const bytesOf = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 } as const;

/** A duration as configuration writes it (interface section 2); a JSON Schema pattern too. */
export const durationPattern = '^[0-9]{1,15}(ms|s|m|h|d)$';
/** A size as configuration writes it, 1024-based. */
export const sizePattern = '^[0-9]{1,15}(B|KB|MB|GB|TB)$';

/** `250ms`, `30s`, `10m`, `2h`, `30d` as milliseconds; undefined for any other text. */
export function parseDurationMs(text: string): number | undefined {
  const match = new RegExp(durationPattern).exec(text);
  if (match === null) return undefined;
  const unit = match[1] as keyof typeof msOf;
  return Number(text.slice(0, -unit.length)) * msOf[unit];
}

/** `64KB`, `150MB`, `2GB` as bytes; undefined for any other text. */
export function parseSizeBytes(text: string): number | undefined {
  const match = new RegExp(sizePattern).exec(text);
  if (match === null) return undefined;
  const unit = match[1] as keyof typeof bytesOf;
  return Number(text.slice(0, -unit.length)) * bytesOf[unit];
}

/** Milliseconds of a duration that the schema has accepted. */
export function checkedDurationMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new Error('a duration got past the schema');
  return ms;
}

/** Bytes of a size that the schema has accepted. */
export function checkedSizeBytes(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes === undefined) throw new Error('a size got past the schema');
  return bytes;
}

/** Milliseconds as the configuration writes them, in the largest unit that is whole: `10m`, `250ms`, `0s`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  const [unit, length] = Object.entries(msOf).findLast(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / length}${unit}`;
}

/** Bytes for people, in the largest unit that they reach: `900 B`, `1.5 GB`. */
export function sizeText(bytes: number): string {
  if (bytes < bytesOf.KB) return `${bytes} B`;
  const [unit, length] = Object.entries(bytesOf).findLast(([, each]) => bytes >= each) ?? ['B', 1];
  return `${(bytes / length).toFixed(1)} ${unit}`;
}
