import type { Log } from '../log.ts';
import { writeNoted } from '../noted-file.ts';

export interface KeepingNewest<T> {
  readonly kept: T;
  keep(next: T): void;
  /** Tries again what could not be written. */
  again(): void;
  /** Resolves when nothing is being written. */
  settled(): Promise<void>;
}

/** Keeps the newest state on disk, one write at a time; one that fails is tried again with the next, or when asked. */
export function keepingNewest<T>(
  path: string,
  first: T,
  { what, log }: { readonly what: string; readonly log: Log },
): KeepingNewest<T> {
  let kept = first;
  let written = first;
  let failing = false;
  let writing: Promise<void> | null = null;
  const write = async (): Promise<void> => {
    do {
      const next = kept;
      try {
        await writeNoted(path, next);
        written = next;
        failing = false;
      } catch (error) {
        if (!failing) log('warn', `${what} could not be kept`, { error: String(error) });
        failing = true;
      }
    } while (kept !== written && !failing);
    writing = null;
  };
  const again = (): void => {
    if (kept !== written) writing ??= write();
  };
  return {
    get kept() {
      return kept;
    },
    keep: (next) => {
      kept = next;
      again();
    },
    again,
    settled: async () => writing ?? undefined,
  };
}
