import { call, pathOf } from '../../api.ts';
import { Foreign } from '../../parts/foreign.tsx';
import { Trial } from '../../parts/trial.tsx';
import type { TestResult } from '../../wire.types.ts';

/** Runs the connection step by step, as it is saved, and shows how far it came. */
export function ConnectionTest({ id, unsaved }: { readonly id: string; readonly unsaved: boolean }) {
  return (
    <Trial
      label="Test Connection"
      waiting="Testing …"
      run={async () => (await call<TestResult>(`${pathOf('definitions', id)}/test`, { method: 'POST' })).body}
      show={(result) => <Steps result={result} />}
    >
      {unsaved && <span class="soft"> It tests what is saved, not what is changed above.</span>}
    </Trial>
  );
}

function Steps({ result }: { readonly result: TestResult }) {
  return (
    <>
      <p>{result.ok ? 'The connection works.' : 'The connection does not work.'}</p>
      <ol class="ticks">
        {result.steps.map(({ step, ok, detail, ms }) => (
          <li key={step} class={ok ? 'good' : 'bad'}>
            <span class="tick" aria-hidden="true">
              {ok ? '✓' : '✗'}
            </span>
            <span>
              <strong>{step}</strong> <span class="unseen">{ok ? 'done' : 'failed'}</span>{' '}
              <Foreign text={detail} most={600} />
            </span>
            <span class="number soft">{ms} ms</span>
          </li>
        ))}
      </ol>
    </>
  );
}
