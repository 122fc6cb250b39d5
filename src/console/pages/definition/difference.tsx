import { useSignal } from '@preact/signals';
import type { Fault } from '../../api.ts';
import { Button, Submit } from '../../parts/button.tsx';
import { Dialog, ReasonField } from '../../parts/dialog.tsx';
import { Foreign } from '../../parts/foreign.tsx';
import { FaultNote } from '../../parts/states.tsx';
import { may } from '../../session.ts';
import { DryRunOf } from './dry-run.tsx';
import type { Difference, Document } from './form-model.ts';

export interface DifferenceProps {
  /** Null for one that is new: it has received nothing. */
  readonly id: string | null;
  /** As it would be saved. */
  readonly document: Document;
  readonly differences: readonly Difference[];
  readonly fault: Fault | null;
  readonly busy: boolean;
  readonly onSave: (reason: string) => void;
  readonly onClose: () => void;
}

/** What saving will change, before it does. */
export function DifferenceDialog(props: DifferenceProps) {
  const { id, document, differences, fault, busy, onSave, onClose } = props;
  const isNew = id === null;
  const reason = useSignal('');
  const suspends = differences.some(({ path, after }) => path === 'suspended' && after === 'yes');
  return (
    <Dialog title={isNew ? 'What will be made' : 'What will change'} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSave(reason.value.trim());
        }}
      >
        <table class="differences">
          <thead>
            <tr>
              <th scope="col">Option</th>
              <th scope="col">{isNew ? 'Default' : 'Now'}</th>
              <th scope="col">After saving</th>
            </tr>
          </thead>
          <tbody>
            {differences.map(({ path, title, before, after }) => (
              <tr key={path}>
                <th scope="row">{title}</th>
                <td>
                  {before === undefined ? (
                    <span class="soft">none</span>
                  ) : (
                    <del>
                      <Foreign text={before} />
                    </del>
                  )}
                </td>
                <td>
                  {after === undefined ? (
                    <span class="soft">none</span>
                  ) : (
                    <ins>
                      <Foreign text={after} />
                    </ins>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {id !== null && may('explain') && <DryRunOf id={id} document={document} />}
        <ReasonField
          value={reason.value}
          required={suspends}
          onChange={(value) => {
            reason.value = value;
          }}
        />
        {fault !== null && <FaultNote fault={fault} />}
        <div class="buttons">
          <Submit off={busy}>Save and Exit</Submit>
          <Button onClick={onClose}>Back to the form</Button>
        </div>
      </form>
    </Dialog>
  );
}
