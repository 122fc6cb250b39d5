import { useSignal } from '@preact/signals';
import type { Fault } from '../api.ts';
import { asFault } from '../load.ts';
import { PageFrame } from '../parts/page-frame.tsx';
import { FaultNote, Note } from '../parts/states.tsx';
import { ended, signIn } from '../session.ts';

/** Asks for a token; the address stays, so one comes out where one wanted to go. */
export function SignIn() {
  const token = useSignal('');
  const fault = useSignal<Fault | null>(null);
  const busy = useSignal(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    busy.value = true;
    fault.value = null;
    try {
      await signIn(token.value.trim());
    } catch (error) {
      const refused = asFault(error);
      fault.value = refused.status === 401 ? asFault('This token is not known to the engine.') : refused;
      token.value = '';
      document.getElementById('token')?.focus();
    } finally {
      busy.value = false;
    }
  };
  return (
    <PageFrame title="Sign in">
      <form class="sign-in" onSubmit={submit}>
        {ended.value !== null && <Note tone="warn">{ended}</Note>}
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          required
          maxLength={512}
          aria-describedby="token-help"
          value={token.value}
          onInput={(event) => {
            token.value = event.currentTarget.value;
          }}
        />
        <p id="token-help" class="help">
          One of <code>http.tokens</code> in the configuration. It is used once, to open a session of 12 hours, and is
          not kept in this browser.
        </p>
        {fault.value !== null && <FaultNote fault={fault.value} />}
        <button type="submit" class="primary" disabled={busy.value || token.value.trim() === ''}>
          Sign in
        </button>
      </form>
    </PageFrame>
  );
}
