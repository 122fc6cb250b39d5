import type { ComponentChildren } from 'preact';

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Set to the right, digits under digits. */
  readonly number?: boolean;
}
export interface TableProps<T> {
  /** Names the table for who does not see it; `shown` for all. */
  readonly caption: string;
  readonly shown?: boolean;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
}

/** Rows under heads. The first cell names its row; what is too wide scrolls by itself, with keys too. */
export function Table<T>({ caption, shown = false, columns, rows, keyOf }: TableProps<T>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keys.
    <section class="scroll" aria-label={caption} tabIndex={0}>
      <table>
        <caption class={shown ? undefined : 'unseen'}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ head, number }) => (
              <th key={head} scope="col" class={number ? 'number' : undefined}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ head, cell, number }, at) => {
                const kind = number ? 'number' : undefined;
                return at === 0 ? (
                  <th key={head} scope="row" class={kind}>
                    {cell(row)}
                  </th>
                ) : (
                  <td key={head} class={kind} data-head={head}>
                    {cell(row)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
