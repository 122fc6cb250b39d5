import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';

/** Where one is in a list that goes on by cursors. */
export interface Cursor {
  /** Of the page shown; undefined for the first. A page that reads it in `useLoad` follows it. */
  readonly at: ReadonlySignal<string | undefined>;
  readonly page: ReadonlySignal<number>;
  older(next: string): void;
  newer(): void;
  /** Back to the newest, as after a change of the filters. */
  first(): void;
}

export function useCursor(): Cursor {
  const behind = useSignal<readonly string[]>([]);
  return {
    at: useComputed(() => behind.value.at(-1)),
    page: useComputed(() => behind.value.length + 1),
    older: (next) => {
      behind.value = [...behind.value, next];
    },
    newer: () => {
      behind.value = behind.value.slice(0, -1);
    },
    first: () => {
      if (behind.value.length > 0) behind.value = [];
    },
  };
}

/** Steps through a list, newest first. */
export function Pager({ cursor, next }: { readonly cursor: Cursor; readonly next: string | null }) {
  const { page, older, newer, first } = cursor;
  if (page.value === 1 && next === null) return null;
  return (
    <nav class="pager" aria-label="Pages">
      <button type="button" disabled={page.value === 1} onClick={first}>
        Newest
      </button>
      <button type="button" disabled={page.value === 1} onClick={newer}>
        Newer
      </button>
      <span class="number">Page {page}</span>
      <button type="button" disabled={next === null} onClick={() => next !== null && older(next)}>
        Older
      </button>
    </nav>
  );
}
