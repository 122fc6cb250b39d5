import { useSignal } from '@preact/signals';
import { call, pathOf } from '../../api.ts';
import { useDoing } from '../../doing.ts';
import { Button } from '../../parts/button.tsx';
import { Foreign } from '../../parts/foreign.tsx';
import { FaultNote } from '../../parts/states.tsx';
import type { TestResult } from '../../wire.types.ts';

/** Runs the connection step by step, as it is saved, and shows how far it came. */
export function ConnectionTest({ id, unsaved }: { readonly id: string; readonly unsaved: boolean }) {
  const result = useSignal<TestResult | null>(null);
  const { busy, fault, run } = useDoing();
  const test = (): void =>
    run(async () => {
      result.value = null;
      result.value = (await call<TestResult>(`${pathOf('definitions', id)}/test`, { method: 'POST' })).body;
    });
  return (
    <div class="test">
      <Button off={busy.value} onClick={test}>
        Test Connection
      </Button>
      {unsaved && <span class="soft"> It tests what is saved, not what is changed above.</span>}
      <div role="status">
        {busy.value && <p class="waiting">Testing …</p>}
        {result.value !== null && <Steps result={result.value} />}
      </div>
      {fault.value !== null && <FaultNote fault={fault.value} />}
    </div>
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
