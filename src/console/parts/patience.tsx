import { engineNow } from '../clock.ts';
import type { Status } from '../wire.types.ts';
import { countdown } from '../words.ts';
import { Ring } from './ring.tsx';
import { Time } from './time.tsx';

type Patience = NonNullable<Status['patience']>;

/** How long senders keep what they could not hand over (journaling N6), as clocks: after that mail is lost. */
export function PatienceClocks({ patience: { since, exchangeUntil, gmailUntil } }: { readonly patience: Patience }) {
  return (
    <>
      <Clock who="Exchange" since={since} until={exchangeUntil} />
      <Clock who="Gmail" since={since} until={gmailUntil} />
    </>
  );
}

interface ClockProps {
  readonly who: string;
  readonly since: string;
  readonly until: string;
}

function Clock({ who, since, until }: ClockProps) {
  const [from, end] = [Date.parse(since), Date.parse(until)];
  const leftMs = end - engineNow();
  return (
    <div class={leftMs > 0 ? 'countdown' : 'countdown wrong'}>
      <Ring share={leftMs / (end - from)} />
      {leftMs > 0 ? (
        <p>
          <span role="timer" class="number">
            {countdown(leftMs)}
          </span>{' '}
          until {who} gives up what waits at the sender
        </p>
      ) : (
        <p>
          {who} gives up what waits at the sender since <Time at={until} />
        </p>
      )}
    </div>
  );
}

/** The nearer end alone, in a line. */
export function PatienceLine({ patience: { exchangeUntil } }: { readonly patience: Patience }) {
  const leftMs = Date.parse(exchangeUntil) - engineNow();
  return leftMs > 0 ? (
    <>Exchange gives up what waits at the sender in {countdown(leftMs)}</>
  ) : (
    <>
      Exchange gives up what waits at the sender since <Time at={exchangeUntil} />
    </>
  );
}
