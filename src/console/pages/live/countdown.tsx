import { engineNow } from '../../clock.ts';
import type { Status } from '../../wire.types.ts';
import { countdown } from '../../words.ts';

const radius = 20;
const around = 2 * Math.PI * radius;

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

function Ring({ share }: { readonly share: number }) {
  const left = Math.min(1, Math.max(0, share));
  return (
    <svg class="ring" viewBox="0 0 48 48" aria-hidden="true">
      <circle cx="24" cy="24" r={radius} class="whole" />
      <circle cx="24" cy="24" r={radius} class="left" stroke-dasharray={`${left * around} ${around}`} />
    </svg>
  );
}
