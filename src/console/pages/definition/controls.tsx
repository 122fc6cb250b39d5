import { type Signal, useSignal } from '@preact/signals';
import { call, type Fault } from '../../api.ts';
import { asFault } from '../../load.ts';
import { Dialog, ReasonField } from '../../parts/dialog.tsx';
import { FaultNote } from '../../parts/states.tsx';
import { go, guardLeaving } from '../../router.ts';
import { readStatus } from '../../stream.ts';
import type { Status } from '../../wire.types.ts';
import { type Editing, pathOf } from './editing.ts';

/** What is asked before it is done. */
type Question = 'suspend' | 'delete';

/** Doing something to the service: one thing at a time, and what came of it. */
interface Doing {
  readonly asking: Signal<Question | null>;
  readonly fault: Signal<Fault | null>;
  readonly busy: Signal<boolean>;
  run(act: () => Promise<unknown>): Promise<void>;
  close(): void;
}

function useDoing(): Doing {
  const asking = useSignal<Question | null>(null);
  const fault = useSignal<Fault | null>(null);
  const busy = useSignal(false);
  const run = async (act: () => Promise<unknown>): Promise<void> => {
    [busy.value, fault.value] = [true, null];
    try {
      await act();
      asking.value = null;
    } catch (error) {
      fault.value = asFault(error);
    } finally {
      busy.value = false;
    }
  };
  const close = (): void => {
    [asking.value, fault.value] = [null, null];
  };
  return { asking, fault, busy, run, close };
}

/** Suspended and activated, polled, deleted. */
export function Controls({ status, editing }: { readonly status: Status; readonly editing: Editing }) {
  const { id, transport, serviceStatus } = status;
  const doing = useDoing();
  const { asking, fault, busy } = doing;
  const suspended = serviceStatus === 'suspended';
  const provisioned = editing.saved.value?.view.provisioned === true;
  const post = (verb: string, reason?: string): void =>
    void doing.run(async () => {
      await call(`${pathOf(id)}/${verb}`, { method: 'POST', body: reason === undefined ? undefined : { reason } });
      await Promise.all([readStatus(), editing.readAgain()]);
    });
  const ask = (question: Question) => () => {
    asking.value = question;
  };
  return (
    <>
      <div class="buttons">
        <Button busy={busy.value} onClick={suspended ? () => post('activate') : ask('suspend')}>
          {suspended ? 'Activate' : 'Suspend …'}
        </Button>
        {transport === 'pop3' && !suspended && (
          <Button busy={busy.value} onClick={() => post('poll')}>
            Poll now
          </Button>
        )}
        {suspended && !provisioned && (
          <Button busy={busy.value} onClick={ask('delete')}>
            Delete …
          </Button>
        )}
      </div>
      {asking.value === null && fault.value !== null && <FaultNote fault={fault.value} />}
      {asking.value === 'suspend' && (
        <SuspendDialog status={status} doing={doing} onSuspend={(reason) => post('suspend', reason)} />
      )}
      {asking.value === 'delete' && <DeleteDialog id={id} doing={doing} />}
    </>
  );
}

interface ButtonProps {
  readonly busy: boolean;
  readonly onClick: () => void;
  readonly children: string;
}
function Button({ busy, onClick, children }: ButtonProps) {
  return (
    <button type="button" disabled={busy} onClick={onClick}>
      {children}
    </button>
  );
}

interface SuspendProps {
  readonly status: Status;
  readonly doing: Doing;
  readonly onSuspend: (reason: string) => void;
}

function SuspendDialog({ status, doing: { fault, busy, close }, onSuspend }: SuspendProps) {
  const reason = useSignal('');
  return (
    <Dialog title={`Suspend ${status.description}?`} onClose={close}>
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
          <button type="submit" class="primary" disabled={busy.value || reason.value.trim() === ''}>
            Suspend
          </button>
          <Button busy={false} onClick={close}>
            Let it run
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function DeleteDialog({ id, doing }: { readonly id: string; readonly doing: Doing }) {
  const { fault, busy, close } = doing;
  const remove = (): void =>
    void doing.run(async () => {
      await call(pathOf(id), { method: 'DELETE' });
      guardLeaving(undefined);
      await readStatus();
      go('/journaling');
    });
  return (
    <Dialog title="Delete this definition?" onClose={close}>
      <p>No mail is taken for it any more. What it has archived stays, and so does its account.</p>
      {fault.value !== null && <FaultNote fault={fault.value} />}
      <div class="buttons">
        <button type="button" class="primary" disabled={busy.value} onClick={remove}>
          Delete
        </button>
        <Button busy={false} onClick={close}>
          Keep it
        </Button>
      </div>
    </Dialog>
  );
}
