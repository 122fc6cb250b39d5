/** Works on what comes, at most `atOnce` at a time and no further ahead; the first failure ends it. */
export async function eachOf<T>(
  source: Iterable<T> | AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failed: unknown[] = [];
  try {
    for await (const item of source) {
      const run: Promise<void> = work(item)
        .catch((error: unknown) => void failed.push(error))
        .finally(() => running.delete(run));
      running.add(run);
      if (running.size >= atOnce) await Promise.race(running);
      if (failed.length > 0) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failed.length > 0) throw failed[0];
}

/** Groups what comes: `items` at most, or `bytes` of weight, one heavier item alone. */
export async function* inBatches<T>(
  source: AsyncIterable<T>,
  { items, bytes, weigh }: { readonly items: number; readonly bytes: number; readonly weigh: (item: T) => number },
): AsyncGenerator<readonly T[], void> {
  let batch: T[] = [];
  let weight = 0;
  for await (const item of source) {
    const own = weigh(item);
    if (batch.length > 0 && (batch.length >= items || weight + own > bytes)) {
      yield batch;
      [batch, weight] = [[], 0];
    }
    batch.push(item);
    weight += own;
  }
  if (batch.length > 0) yield batch;
}
