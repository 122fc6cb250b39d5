import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useDoing } from '../doing.ts';
import { asFault } from '../load.ts';
import { Submit } from '../parts/button.tsx';
import { PageFrame } from '../parts/page-frame.tsx';
import { FaultNote, Note } from '../parts/states.tsx';
import { ended, signIn } from '../session.ts';

/** Asks for a token; the address stays, so one comes out where one wanted to go. */
export function SignIn() {
  const token = useSignal('');
  const field = useRef<HTMLInputElement>(null);
  const { busy, fault, run } = useDoing();
  // There is nothing else to do here; a session that has ended took the focus with it.
  useEffect(() => field.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    run(async () => {
      await signIn(token.value.trim()).catch((error: unknown) => {
        token.value = '';
        field.current?.focus();
        const refused = asFault(error);
        throw refused.status === 401 ? asFault('This token is not known to the engine.') : refused;
      });
    });
  };
  return (
    <PageFrame title="Sign in">
      <form class="sign-in" onSubmit={submit}>
        {ended.value !== null && (
          <Note tone="warn">
            <span id="token-ended">{ended}</span>
          </Note>
        )}
        <label for="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="off"
          required
          maxLength={512}
          aria-describedby="token-ended token-help"
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
        <Submit off={busy.value || token.value.trim() === ''}>Sign in</Submit>
      </form>
    </PageFrame>
  );
}
