import { useSignal } from '@preact/signals';
import { call, read, withQuery } from '../../api.ts';
import { useDoing } from '../../doing.ts';
import { useLoad } from '../../load.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { FaultNote, Note } from '../../parts/states.tsx';
import type { IntakeItem, Page } from '../../wire.types.ts';
import { counted, figure } from '../../words.ts';

/** The flag of what was held by a clock that nobody should believe (journaling c.6). */
const skewed = 'suspected-clock-skew';

interface Released {
  readonly released: number;
  readonly remaining: number;
}

/** Held records whose clock is suspect, released together: one wrong clock holds thousands, each of them right. */
export function BulkRelease({ definition }: { readonly definition: string | undefined }) {
  const { loaded, again } = useLoad((aborted) => {
    const wanted = { state: 'held', flag: skewed, definition, limit: 1 };
    return read<Page<IntakeItem>>(withQuery('/v1/intake', wanted), aborted);
  });
  const asking = useSignal(false);
  const show = (dialog: boolean): void => {
    asking.value = dialog;
  };
  const progress = useSignal<Released | null>(null);
  const { busy, fault, run } = useDoing();
  const release = async (): Promise<void> => {
    show(false);
    let released = 0;
    try {
      // A call is bounded; what comes in meanwhile is released too.
      for (;;) {
        const { body } = await call<Released>('/v1/intake/release', {
          method: 'POST',
          body: { state: 'held', flag: skewed, ...(definition === undefined ? {} : { definition }) },
        });
        released += body.released;
        progress.value = { released, remaining: body.remaining };
        if (body.remaining === 0 || body.released === 0) break;
      }
    } finally {
      again();
    }
  };
  const none = loaded.value.value?.items.length === 0;
  if (none && progress.value === null) return null;
  return (
    <>
      {fault.value !== null && <FaultNote fault={fault.value} />}
      {progress.value !== null && (
        <Note tone="good">
          <p role="status">
            {counted(progress.value.released, 'message')} released
            {progress.value.remaining > 0 ? `, ${figure(progress.value.remaining)} to go.` : '.'}
          </p>
        </Note>
      )}
      {!none && loaded.value.value !== undefined && (
        <Note tone="warn">
          <p>
            Some of the held messages look as if a clock was wrong, not as if they were old.{' '}
            <a href={withQuery('/intake', { state: 'held', flag: skewed, definition })}>Show them</a>
          </p>
          <Button off={busy.value} onClick={() => show(true)}>
            Release all of them
          </Button>
        </Note>
      )}
      {asking.value && (
        <Dialog title="Release all with a suspected clock" onClose={() => show(false)}>
          <p>
            Every held message with the flag <code>{skewed}</code>
            {definition === undefined ? '' : ` of ${definition}`} goes through again, the age rule off. Each is told of
            in the event log.
          </p>
          <div class="actions-row">
            <Button primary onClick={() => run(release)}>
              Release
            </Button>
            <Button onClick={() => show(false)}>Cancel</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
