import { engineNow } from '../../clock.ts';
import { Ring } from '../../parts/ring.tsx';
import type { Status } from '../../wire.types.ts';
import { countdown } from '../../words.ts';

/** What comes next by itself: `down` for want of mail, or the next look into the mailbox. */
export function Countdown({ status }: { readonly status: Status }) {
  const { inactivity, nextPollAt, nextRetryAt } = status;
  if (inactivity !== null && inactivity.downAt !== null) {
    const leftMs = Math.max(0, Date.parse(inactivity.downAt) - engineNow());
    return (
      <div class="countdown">
        <Ring share={leftMs / inactivity.allowedMs} />
        <p>
          <span role="timer" class="number">
            {countdown(leftMs)}
          </span>{' '}
          until Down, if no message comes
        </p>
      </div>
    );
  }
  const next = nextRetryAt ?? nextPollAt;
  if (next === null) return null;
  return (
    <div class="countdown">
      <p>
        <span role="timer" class="number">
          {countdown(Date.parse(next) - engineNow())}
        </span>{' '}
        until the next {nextRetryAt === null ? 'poll' : 'try'}
      </p>
    </div>
  );
}
