import { Foreign } from './foreign.tsx';
import { Instant } from './time.tsx';

interface Step {
  readonly at: string;
  readonly step: string;
  readonly detail: string | null;
}

/** What each step of an intake record means, for who has not met it. */
const meanings: Readonly<Record<string, string>> = {
  received: 'on disk and acknowledged',
  parsed: 'opened and read',
  delayed: 'waits for the gateway copy',
  attempt: 'looked for a copy',
  woken: 'a copy came, looked up at once',
  released: 'let go by an operator',
  reparsed: 'told anew by a newer parser',
  retried: 'tried again by an operator',
  archived: 'kept as a message of its own',
  matched: 'joined to a message that was there',
  skipped: 'not to be archived',
  held: 'set aside for somebody to decide',
  quarantined: 'could not be worked on',
  purged: 'its bytes were given up',
  deleted: 'its message was deleted',
  failed: 'did not work, tried again',
};

/** What became of one intake record, in its order. */
export function Steps({ steps, label }: { readonly steps: readonly Step[]; readonly label: string }) {
  return (
    <ol class="story" aria-label={label}>
      {steps.map(({ at, step, detail }, place) => (
        <li key={`${place}${at}${step}`} class={step}>
          <Instant at={at} /> <strong>{isCount(detail) ? `${step} ${detail}` : step}</strong>{' '}
          <span class="soft">{meanings[step] ?? ''}</span>
          {detail !== null && !isCount(detail) && (
            <span class="under">
              <Foreign text={detail} most={600} />
            </span>
          )}
        </li>
      ))}
    </ol>
  );
}

/** Of an attempt: which one it was. */
const isCount = (detail: string | null): boolean => detail !== null && /^\d{1,3}$/.test(detail);
