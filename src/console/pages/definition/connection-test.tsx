import { useSignal } from '@preact/signals';
import { call, type Fault } from '../../api.ts';
import { asFault } from '../../load.ts';
import { FaultNote } from '../../parts/states.tsx';
import type { TestResult } from '../../wire.types.ts';
import { pathOf } from './editing.ts';

/** Runs the connection step by step, as it is saved, and shows how far it came. */
export function ConnectionTest({ id, unsaved }: { readonly id: string; readonly unsaved: boolean }) {
  const result = useSignal<TestResult | null>(null);
  const fault = useSignal<Fault | null>(null);
  const busy = useSignal(false);
  const test = async (): Promise<void> => {
    [busy.value, fault.value, result.value] = [true, null, null];
    try {
      result.value = (await call<TestResult>(`${pathOf(id)}/test`, { method: 'POST' })).body;
    } catch (error) {
      fault.value = asFault(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <div class="test">
      <button type="button" disabled={busy.value} onClick={() => void test()}>
        Test Connection
      </button>
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
              <strong>{step}</strong> <span class="unseen">{ok ? 'done' : 'failed'}</span> {detail}
            </span>
            <span class="number soft">{ms} ms</span>
          </li>
        ))}
      </ol>
    </>
  );
}
