import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { Foreign } from './foreign.tsx';

export interface DialogProps {
  readonly title: string;
  /** Escape, too. */
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Something to be decided before one goes on. The browser keeps the focus in it and gives it back afterwards. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Closed before it is taken out of the page: only then the focus goes back.
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={id}>
        <Foreign text={title} />
      </h2>
      {children}
    </dialog>
  );
}

export interface ReasonProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly required?: boolean;
}

/** Why something is done, for the event log. */
export function ReasonField({ value, onChange, required = false }: ReasonProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>Reason{required ? '' : ' (may be left out)'}</label>
      <textarea
        id={id}
        rows={2}
        maxLength={500}
        required={required}
        value={value}
        aria-describedby={`${id}-help`}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <p class="help" id={`${id}-help`}>
        Goes into the event log with your name, for good.
      </p>
    </div>
  );
}
