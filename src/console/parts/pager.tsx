import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { query } from '../router.ts';
import { Button } from './button.tsx';

/** Where one is in a list that goes on by cursors. */
export interface Cursor {
  /** Of the page shown; undefined for the first. A page that reads it in `useLoad` follows it. */
  readonly at: ReadonlySignal<string | undefined>;
  readonly page: ReadonlySignal<number>;
  older(next: string): void;
  newer(): void;
  /** Back to the newest. */
  first(): void;
}

/** Where one is in a list whose filters are the query of the address: other filters begin at the newest. */
export function useCursor(): Cursor {
  const behind = useSignal<readonly string[]>([]);
  const first = (): void => {
    // Not read as a signal: the effect below would run at each step, and lead back.
    if (behind.peek().length > 0) behind.value = [];
  };
  useSignalEffect(() => {
    query.value;
    first();
  });
  return {
    at: useComputed(() => behind.value.at(-1)),
    page: useComputed(() => behind.value.length + 1),
    older: (next) => {
      behind.value = [...behind.value, next];
    },
    newer: () => {
      behind.value = behind.value.slice(0, -1);
    },
    first,
  };
}

/** Steps through a list, newest first. */
export function Pager({ cursor, next }: { readonly cursor: Cursor; readonly next: string | null }) {
  const { page, older, newer, first } = cursor;
  if (page.value === 1 && next === null) return null;
  return (
    <nav class="pager" aria-label="Pages">
      <Button off={page.value === 1} onClick={first}>
        Newest
      </Button>
      <Button off={page.value === 1} onClick={newer}>
        Newer
      </Button>
      <span class="number">Page {page}</span>
      <Button off={next === null} onClick={() => next !== null && older(next)}>
        Older
      </Button>
    </nav>
  );
}
