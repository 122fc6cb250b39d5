import { call, pathOf, withQuery } from '../../api.ts';
import { Note } from '../../parts/states.tsx';
import { Trial } from '../../parts/trial.tsx';
import type { DryRun } from '../../wire.types.ts';
import { counted, figure } from '../../words.ts';
import { Changes } from '../explain/explained.tsx';
import type { Document } from './form-model.ts';

/** Messages tried: enough to see what is usual, and soon done. */
const last = 100;
/** Told one by one; all are counted. */
const rowsShown = 10;

/** What the changed definition would have made of what it received last; changes nothing. */
export function DryRunOf({ id, document }: { readonly id: string; readonly document: Document }) {
  const path = withQuery(`${pathOf('definitions', id)}/dry-run`, { last });
  return (
    <Trial
      label={`Try it on the last ${last} messages`}
      waiting="Trying …"
      run={async () => (await call<DryRun>(path, { method: 'POST', body: document })).body}
      show={(result) => <Result result={result} />}
    />
  );
}

function Result({
  result: { options, looked, changed, waits, skipped, complete, items },
}: {
  readonly result: DryRun;
}) {
  if (options.length === 0) return <Note>None of these options decides what becomes of a message.</Note>;
  if (looked === 0) return <Note>It has received no message yet that could be tried.</Note>;
  return (
    <Note tone={changed === 0 ? 'good' : 'warn'}>
      <p>
        {figure(changed)} of {counted(looked, 'message')} would have ended otherwise, {figure(waits)} sooner or later.
        {skipped > 0 && ` ${figure(skipped)} could not be tried: their bytes are gone.`}
        {!complete && ' The time was up before the last of them.'}
      </p>
      <ul>
        {items.slice(0, rowsShown).map((item) => (
          <li key={item.id}>
            <a class="mono" href={`/intake/${encodeURIComponent(item.id)}`} target="_blank" rel="noopener">
              {item.id}
            </a>{' '}
            {item.state}
            <Changes changes={item.changes} />
          </li>
        ))}
      </ul>
      {changed > rowsShown && <p class="soft">The newest {rowsShown} of them.</p>}
    </Note>
  );
}
