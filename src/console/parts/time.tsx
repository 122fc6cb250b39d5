import { engineNow } from '../clock.ts';
import { bytes, relative } from '../words.ts';

/** A moment as people say it; the exact time (ISO 8601, UTC) is its title. */
export function Time({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={at}>
      {relative(Date.parse(at), engineNow())}
    </time>
  );
}

/** A moment as it stands in a log: `2026-01-31 08:00:00` in this browser's zone. */
export function Instant({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={at} class="number">
      {local(at)}
    </time>
  );
}

/** `sv` writes dates as ISO 8601 does. */
const format = new Intl.DateTimeFormat('sv', { dateStyle: 'short', timeStyle: 'medium' });
const local = (at: string): string => format.format(new Date(at));

/** A size; the exact count is its title. */
export function Bytes({ count }: { readonly count: number }) {
  return (
    <span class="number" title={`${count} bytes`}>
      {bytes(count)}
    </span>
  );
}
