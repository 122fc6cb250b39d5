import type { Daybook } from './peers/daybook.ts';

interface Status {
  readonly counts: Readonly<Record<'received' | 'archived' | 'matched', number>>;
}

/** Resolves once `count` messages are `what`, counted since the definition `bench` was made. */
export async function reached(daybook: Daybook, what: keyof Status['counts'], count: number): Promise<void> {
  for (;;) {
    const { counts } = await daybook.get<Status>('/v1/definitions/bench/status');
    if (counts[what] >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
