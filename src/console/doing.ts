import { type ReadonlySignal, useSignal } from '@preact/signals';
import type { Fault } from './api.ts';
import { asFault } from './load.ts';

/** Something that is done by hand: once at a time, and what went wrong with it. */
export interface Doing {
  readonly busy: ReadonlySignal<boolean>;
  readonly fault: ReadonlySignal<Fault | null>;
  /** Does nothing while something is under way: a second click is no second wish. What is thrown becomes the fault. */
  run(act: () => Promise<unknown>): void;
  /** The fault has been read. */
  forget(): void;
}

export function useDoing(): Doing {
  const fault = useSignal<Fault | null>(null);
  const busy = useSignal(false);
  const run = async (act: () => Promise<unknown>): Promise<void> => {
    if (busy.peek()) return;
    [busy.value, fault.value] = [true, null];
    try {
      await act();
    } catch (error) {
      fault.value = asFault(error);
    } finally {
      busy.value = false;
    }
  };
  return {
    busy,
    fault,
    run: (act) => void run(act),
    forget: () => {
      fault.value = null;
    },
  };
}
