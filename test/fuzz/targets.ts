import type { Target } from './fuzzer.ts';
import { config, sources } from './targets/config.ts';
import { codings, content, texty } from './targets/content.ts';
import { http } from './targets/http.ts';
import { framing, listing } from './targets/pop3.ts';
import { parts, report } from './targets/report.ts';
import { data, dialogue, mask, proxy } from './targets/smtp.ts';
import { leveldb, records } from './targets/store.ts';

/** Every parser of bytes from outside. */
export const targets: readonly Target[] = [
  ...[report, parts, data, mask, proxy, dialogue, framing, listing, codings, texty, content],
  ...[config, sources, http, records, leveldb],
];

/** How many of `runs` inputs each target gets, by its share; one at least. */
export function runsOf(target: Target, runs: number, among: readonly Target[] = targets): number {
  const all = among.reduce((sum, { share }) => sum + share, 0);
  return Math.max(1, Math.ceil((runs * target.share) / all));
}
