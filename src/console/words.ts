/** Figures and times as people read them. */

/** How a message may end. */
export const outcomes = ['archived', 'matched', 'skipped', 'held', 'quarantined'] as const;

const units: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
];

/** `42 s`, `3 min`, `5 h`, `12 d`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [unit, size] = units.find(([, least]) => seconds >= least) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** `3 min ago`, `in 20 s`, `now`. */
export function relative(at: number, now: number): string {
  const ms = now - at;
  if (Math.abs(ms) < 1000) return 'now';
  return ms > 0 ? `${span(ms)} ago` : `in ${span(-ms)}`;
}

/** `4:05`, `2:00:00`, `7 d 23:59:12`: what is left of a countdown. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24];
  const [minutes, rest] = [Math.floor(seconds / 60) % 60, seconds % 60];
  const pad = (value: number): string => String(value).padStart(2, '0');
  const day = days > 0 ? `${days} d ` : '';
  return hours > 0 || days > 0 ? `${day}${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

const sizes = ['B', 'KB', 'MB', 'GB', 'TB'];

/** 1024-based, as the configuration counts: `73.2 KB`. */
export function bytes(count: number): string {
  const power = count < 1024 ? 0 : Math.min(sizes.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${sizes[power]}`;
}

const grouped = new Intl.NumberFormat('en');
export const figure = (count: number): string => grouped.format(count);
/** `1 message`, `1,204 messages`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${figure(count)} ${count === 1 ? one : many}`;
