import { type Signal, useSignal } from '@preact/signals';
import { call, pathOf } from '../../api.ts';
import { type Doing, useDoing } from '../../doing.ts';
import { Button, Submit } from '../../parts/button.tsx';
import { Dialog, ReasonField } from '../../parts/dialog.tsx';
import { FaultNote } from '../../parts/states.tsx';
import { go, guardLeaving } from '../../router.ts';
import { readStatus } from '../../stream.ts';
import type { Status } from '../../wire.types.ts';
import type { Editing } from './editing.ts';

/** What is asked before it is done. */
type Question = 'suspend' | 'delete';

/** Suspended and activated, polled, deleted. */
export function Controls({ status, editing }: { readonly status: Status; readonly editing: Editing }) {
  const { id, transport, serviceStatus } = status;
  const asking: Signal<Question | null> = useSignal<Question | null>(null);
  const doing = useDoing();
  const { fault, busy, run, forget } = doing;
  const suspended = serviceStatus === 'suspended';
  const provisioned = editing.saved.value?.view.provisioned === true;
  const post = (verb: string, reason?: string): void =>
    run(async () => {
      await call(`${pathOf('definitions', id)}/${verb}`, {
        method: 'POST',
        body: reason === undefined ? undefined : { reason },
      });
      await Promise.all([readStatus(), editing.readAgain()]);
      asking.value = null;
    });
  const ask = (question: Question | null) => () => {
    asking.value = question;
    forget();
  };
  return (
    <>
      <div class="buttons">
        <Button off={busy.value} onClick={suspended ? () => post('activate') : ask('suspend')}>
          {suspended ? 'Activate' : 'Suspend …'}
        </Button>
        {transport === 'pop3' && !suspended && (
          <Button off={busy.value} onClick={() => post('poll')}>
            Poll now
          </Button>
        )}
        {suspended && !provisioned && (
          <Button off={busy.value} onClick={ask('delete')}>
            Delete …
          </Button>
        )}
      </div>
      {asking.value === null && fault.value !== null && <FaultNote fault={fault.value} />}
      {asking.value === 'suspend' && (
        <SuspendDialog
          status={status}
          doing={doing}
          onSuspend={(reason) => post('suspend', reason)}
          onClose={ask(null)}
        />
      )}
      {asking.value === 'delete' && <DeleteDialog id={id} doing={doing} onClose={ask(null)} />}
    </>
  );
}

interface SuspendProps {
  readonly status: Status;
  readonly doing: Doing;
  readonly onSuspend: (reason: string) => void;
  readonly onClose: () => void;
}

function SuspendDialog({ status, doing: { fault, busy }, onSuspend, onClose }: SuspendProps) {
  const reason = useSignal('');
  return (
    <Dialog title={`Suspend ${status.description}?`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSuspend(reason.value.trim());
        }}
      >
        <p>
          {status.transport === 'smtp'
            ? 'Senders are told to come back later (450); most keep trying for two days.'
            : 'The mailbox is not emptied; its server may fill up.'}{' '}
          What has been received goes on to its outcome.
        </p>
        <ReasonField
          required
          value={reason.value}
          onChange={(value) => {
            reason.value = value;
          }}
        />
        {fault.value !== null && <FaultNote fault={fault.value} />}
        <div class="buttons">
          <Submit off={busy.value || reason.value.trim() === ''}>Suspend</Submit>
          <Button onClick={onClose}>Let it run</Button>
        </div>
      </form>
    </Dialog>
  );
}

interface DeleteProps {
  readonly id: string;
  readonly doing: Doing;
  readonly onClose: () => void;
}

/** Keeping it comes first: Enter alone deletes nothing. */
function DeleteDialog({ id, doing: { fault, busy, run }, onClose }: DeleteProps) {
  const remove = (): void =>
    run(async () => {
      await call(pathOf('definitions', id), { method: 'DELETE' });
      guardLeaving(undefined);
      await readStatus();
      go('/journaling');
    });
  return (
    <Dialog title="Delete this definition?" onClose={onClose}>
      <p>No mail is taken for it any more. What it has archived stays, and so does its account.</p>
      {fault.value !== null && <FaultNote fault={fault.value} />}
      <div class="buttons">
        <Button onClick={onClose}>Keep it</Button>
        <Button primary off={busy.value} onClick={remove}>
          Delete
        </Button>
      </div>
    </Dialog>
  );
}
