import type { Page } from '../../streams/ports.ts';
import { within } from './keys.ts';

/** A range read from its end; `cursor` is the id of the last item seen. With a prefix the keys are `prefix NUL id`. */
export function newestFirst(cursor: string | undefined, prefix?: string) {
  if (prefix === undefined) return cursor === undefined ? { reverse: true } : { reverse: true, lt: cursor };
  const { gte, lt } = within(prefix);
  return { reverse: true, gte, lt: cursor === undefined ? lt : gte + cursor };
}

/** The next `limit` wanted items, and the cursor behind them where there are more. */
export async function pageOf<T>(
  source: AsyncIterable<T>,
  limit: number,
  wanted: (item: T) => boolean,
  idOf: (item: T) => string,
): Promise<Page<T>> {
  const items: T[] = [];
  for await (const item of source) {
    if (!wanted(item)) continue;
    const last = items.at(-1);
    if (items.length === limit && last !== undefined) return { items, next: idOf(last) };
    items.push(item);
  }
  return { items, next: null };
}
