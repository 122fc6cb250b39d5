import type { ComponentChildren } from 'preact';
import type { Fault } from '../api.ts';
import type { Loaded } from '../load.ts';
import { Button } from './button.tsx';
import { Foreign } from './foreign.tsx';

/** Nothing to show, and why that may be. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** Said only once it takes noticeably long: a flash of words is worse than none. */
export function Waiting({ what = 'Reading' }: { readonly what?: string }) {
  return (
    <p class="waiting" role="status">
      {what} …
    </p>
  );
}

/** What went wrong, in the engine's words, with a way to go on. */
export function FaultNote({ fault, again }: { readonly fault: Fault; readonly again?: () => void }) {
  return (
    <div class="note bad" role="alert">
      <p>
        <Foreign text={fault.message} />
      </p>
      {again !== undefined && <Button onClick={again}>Try again</Button>}
    </div>
  );
}

/** A note beside the work: something is as it should be, or asks for attention. */
export function Note({
  tone = 'plain',
  children,
}: {
  readonly tone?: 'plain' | 'warn' | 'good';
  readonly children: ComponentChildren;
}) {
  return <div class={`note ${tone}`}>{children}</div>;
}

export interface LoadedProps<T> {
  readonly loaded: Loaded<T>;
  readonly again?: () => void;
  readonly children: (value: T) => ComponentChildren;
}

/** What was asked for, once it is there; a fault stands above what is older, which is kept and greyed. */
export function WhenLoaded<T>({ loaded, again, children }: LoadedProps<T>) {
  const { value } = loaded;
  const old = loaded.state === 'failed' && value !== undefined;
  return (
    <>
      {loaded.state === 'failed' && <FaultNote fault={loaded.fault} {...(again === undefined ? {} : { again })} />}
      {value === undefined && loaded.state === 'loading' && <Waiting />}
      {value !== undefined && <div class={old ? 'old' : undefined}>{children(value)}</div>}
    </>
  );
}
