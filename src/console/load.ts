import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { Fault } from './api.ts';
import { now } from './clock.ts';

/** What a page has of what it asked for. While it is read anew, the older answer stands. */
export type Loaded<T> =
  | { readonly state: 'loading'; readonly value?: T }
  | { readonly state: 'done'; readonly value: T }
  | { readonly state: 'failed'; readonly fault: Fault; readonly value?: T };

export interface Loading<T> {
  readonly loaded: ReadonlySignal<Loaded<T>>;
  /** Asks again. */
  readonly again: () => void;
}

/**
 * Asks when the page is shown and whenever a signal that `ask` reads changes; an answer that comes too late is dropped,
 * and its request with it. `everyMs`: also this often, while the page is shown.
 */
export function useLoad<T>(ask: (aborted: AbortSignal) => Promise<T>, everyMs = Number.POSITIVE_INFINITY): Loading<T> {
  const loaded = useSignal<Loaded<T>>({ state: 'loading' });
  const turn = useSignal(0);
  const period = useComputed(() => Math.floor(now.value / everyMs));
  useSignalEffect(() => {
    turn.value;
    period.value;
    const control = new AbortController();
    const before = loaded.peek().value;
    const kept = before === undefined ? {} : { value: before };
    loaded.value = { state: 'loading', ...kept };
    ask(control.signal).then(
      (value) => {
        if (!control.signal.aborted) loaded.value = { state: 'done', value };
      },
      (error: unknown) => {
        if (!control.signal.aborted) loaded.value = { state: 'failed', fault: asFault(error), ...kept };
      },
    );
    return () => control.abort();
  });
  return {
    loaded,
    again: () => {
      turn.value += 1;
    },
  };
}

/** Anything thrown as something to show. */
export function asFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault(String(error), { status: 0, slug: 'console' });
}
