import type { Status } from '../wire.types.ts';

/** How a state is meant: never told by the colour alone, the word and the shape say it too. */
export type Tone = 'good' | 'idle' | 'paused' | 'bad' | 'plain';

/** A state in one word, with its shape and colour. */
export function Pill({ tone, word, title }: { readonly tone: Tone; readonly word: string; readonly title?: string }) {
  return (
    <span class={`pill ${tone}`} title={title}>
      <svg viewBox="0 0 10 10" aria-hidden="true">
        <path d={shapes[tone]} />
      </svg>
      {word}
    </span>
  );
}

const shapes: Readonly<Record<Tone, string>> = {
  good: 'M5 1a4 4 0 1 0 0 8a4 4 0 1 0 0-8z',
  idle: 'M5 1a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM5 3a2 2 0 1 1 0 4a2 2 0 1 1 0-4z',
  paused: 'M1.5 1h2.5v8H1.5zM6 1h2.5v8H6z',
  bad: 'M5 .5L9.8 9H.2z',
  plain: 'M1 4h8v2H1z',
};

type ServiceStatus = Status['serviceStatus'];
/** The guide's words for the Service Status. */
export const serviceWords: Readonly<Record<ServiceStatus, string>> = {
  'awaiting-initial-run': 'Awaiting Initial Run',
  active: 'Active',
  suspended: 'Suspended',
  down: 'Down',
  error: 'Error',
};
const serviceTones: Readonly<Record<ServiceStatus, Tone>> = {
  'awaiting-initial-run': 'idle',
  active: 'good',
  suspended: 'paused',
  down: 'bad',
  error: 'bad',
};

export function ServicePill({ status }: { readonly status: Pick<Status, 'serviceStatus' | 'hint'> }) {
  const { serviceStatus, hint } = status;
  return (
    <Pill
      tone={serviceTones[serviceStatus]}
      word={serviceWords[serviceStatus]}
      {...(hint === null ? {} : { title: hint })}
    />
  );
}
