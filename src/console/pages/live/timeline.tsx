import { untracked } from '@preact/signals';
import { read, withQuery } from '../../api.ts';
import { engineNow } from '../../clock.ts';
import { useLoad } from '../../load.ts';
import { serviceWords } from '../../parts/pill.tsx';
import { WhenLoaded } from '../../parts/states.tsx';
import { Instant } from '../../parts/time.tsx';
import { may } from '../../session.ts';
import type { EventItem, Page, Status } from '../../wire.types.ts';
import { span } from '../../words.ts';
import { dayMs, type ShownState, type Stretch, stretchesOf, tellsState } from './timeline-model.ts';

/** A day moves slowly; a change of the status is seen at once all the same. */
const everyMs = 60_000;
const pageSize = 500;
/** What a definition that fails all day writes fits well within. */
const maxPages = 4;

const words: Readonly<Record<ShownState, string>> = {
  ...serviceWords,
  stopped: 'Engine stopped',
  unknown: 'Not known',
};

/** The last day's states, from the event log. */
export function Timeline({ status }: { readonly status: Status }) {
  const { id } = status;
  const { loaded, again } = useLoad(async (aborted) => (may('read-events') ? readDay(id, aborted) : null), everyMs);
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">The last 24 hours</h2>
      <WhenLoaded loaded={loaded.value} again={again}>
        {(events) =>
          events === null ? (
            <p class="soft">It is drawn from the event log, which this role may not read.</p>
          ) : (
            <Strip stretches={stretchesOf(events, status, engineNow())} />
          )
        }
      </WhenLoaded>
    </section>
  );
}

/** The definition's own events, and the engine's starts and stops of the day between them; newest first. */
async function readDay(id: string, aborted: AbortSignal): Promise<readonly EventItem[]> {
  // The clock moves each second, and is not what this waits for.
  const since = new Date(untracked(engineNow) - dayMs).toISOString();
  const engineEvents = ['engine.stopping', 'engine.restored'].map(async (type) => {
    const query = { type, since, limit: pageSize };
    return (await read<Page<EventItem>>(withQuery('/v1/events', query), aborted)).items;
  });
  const all = (await Promise.all([readOwn(id, since, aborted), ...engineEvents])).flat();
  return all.toSorted((one, other) => other.seq - one.seq);
}

/** Back to the first event before `since` that tells a state. */
async function readOwn(id: string, since: string, aborted: AbortSignal): Promise<readonly EventItem[]> {
  const own: EventItem[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < maxPages; pages += 1) {
    const query = { definition: id, limit: pageSize, cursor };
    const { items, next } = await read<Page<EventItem>>(withQuery('/v1/events', query), aborted);
    own.push(...items);
    if (next === null || items.some((event) => event.at < since && tellsState(event))) break;
    cursor = next;
  }
  return own;
}

function Strip({ stretches }: { readonly stretches: readonly Stretch[] }) {
  const start = stretches[0]?.from ?? 0;
  const whole = (stretches.at(-1)?.until ?? 0) - start;
  const share = (ms: number): number => (whole === 0 ? 0 : (ms / whole) * 1000);
  const text = stretches.map(({ state, from, until }) => `${words[state]} for ${span(until - from)}`);
  return (
    <>
      <svg class="day" viewBox="0 0 1000 30" preserveAspectRatio="none" role="img" aria-label={text.join(', then ')}>
        {stretches.map(({ state, from, until }) => (
          <rect
            key={from}
            class={`stretch ${state}`}
            x={share(from - start)}
            width={share(until - from)}
            y="0"
            height="30"
          >
            <title>{`${words[state]} for ${span(until - from)}`}</title>
          </rect>
        ))}
      </svg>
      <ol class="stretches">
        {stretches.toReversed().map(({ state, from, until }) => (
          <li key={from}>
            <span class={`swatch ${state}`} aria-hidden="true" />
            <span>{words[state]}</span>
            <span class="soft">
              {span(until - from)} from <Instant at={new Date(from).toISOString()} />
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
