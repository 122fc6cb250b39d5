import { read } from './api.ts';
import { type Loading, useLoad } from './load.ts';
import type { History } from './wire.types.ts';

/** The hour is drawn by minute; half a minute is fresh enough. */
const everyMs = 30_000;

/** The last hour of every definition, kept fresh while a page shows it. */
export function useHistory(): Loading<History> {
  return useLoad((aborted) => read<History>('/v1/history', aborted), everyMs);
}
