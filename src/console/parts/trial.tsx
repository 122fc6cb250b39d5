import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useDoing } from '../doing.ts';
import { Button } from './button.tsx';
import { FaultNote } from './states.tsx';

interface TrialProps<T> {
  readonly label: string;
  /** Said while it runs. */
  readonly waiting: string;
  readonly run: () => Promise<T>;
  readonly show: (result: T) => ComponentChildren;
  /** Beside the button. */
  readonly children?: ComponentChildren;
}

/** A button that has something tried which changes nothing, and what came of it. */
export function Trial<T>({ label, waiting, run, show, children }: TrialProps<T>) {
  const result = useSignal<{ readonly value: T } | null>(null);
  const doing = useDoing();
  const look = (): void =>
    doing.run(async () => {
      result.value = null;
      result.value = { value: await run() };
    });
  return (
    <div class="test">
      <Button off={doing.busy.value} onClick={look}>
        {label}
      </Button>
      {children}
      <div role="status">
        {doing.busy.value && <p class="waiting">{waiting}</p>}
        {result.value !== null && show(result.value.value)}
      </div>
      {doing.fault.value !== null && <FaultNote fault={doing.fault.value} />}
    </div>
  );
}
