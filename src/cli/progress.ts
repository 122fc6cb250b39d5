import { sizeText } from '../config/units.ts';
import type { Screen } from './render.ts';

/** What a long command has done so far; drawn on a terminal alone, a line that is drawn over. */
export interface Progress {
  /** `done` and `total` in one unit, messages or bytes; a total that is not known yet is left out. */
  show(state: { readonly messages: number; readonly done: number; readonly total?: number | undefined }): void;
  /** Takes the line away, for what is to be said. */
  clear(): void;
}

const barWidth = 24;
/** Faster nobody reads it. */
const drawEveryMs = 200;

export function createProgress(screen: Screen, now: () => number): Progress {
  if (!screen.colours) return { show: () => undefined, clear: () => undefined };
  const startedAt = now();
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    show: ({ messages, done, total }) => {
      const at = now();
      if (at - drawnAt < drawEveryMs) return;
      drawnAt = at;
      screen.write(`\r\u001b[K${progressLine({ messages, done, total }, (at - startedAt) / 1_000)}`);
    },
    clear: () => screen.write('\r\u001b[K'),
  };
}

/** The bar, how many, how fast, and how long still. */
export function progressLine(
  { messages, done, total }: { readonly messages: number; readonly done: number; readonly total?: number | undefined },
  seconds: number,
): string {
  const rate = seconds > 0 ? `${Math.round(messages / seconds)}/s` : '';
  const counted = `${messages} messages  ${rate}`;
  if (total === undefined || total <= 0) return counted;
  const share = Math.min(1, done / total);
  const filled = Math.round(share * barWidth);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
  const left = share > 0 && seconds > 1 ? `  ${duration((seconds * (1 - share)) / share)} left` : '';
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${counted}${left}`;
}

/** `1 h 5 min`, `2 min 3 s`, `4 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}

/** `12.3 MB in 4 s`. */
export const amount = (bytes: number, seconds: number): string => `${sizeText(bytes)} in ${duration(seconds)}`;
