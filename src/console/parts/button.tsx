import type { ComponentChildren } from 'preact';

export interface ButtonProps {
  /** It cannot be used now. It is not disabled: who has pressed it with a key would lose the place. */
  readonly off?: boolean;
  readonly primary?: boolean;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

/** A button that does something. */
export function Button({ off = false, primary = false, onClick, children }: ButtonProps) {
  return (
    <button
      type="button"
      class={primary ? 'primary' : undefined}
      aria-disabled={off}
      onClick={() => {
        if (!off) onClick();
      }}
    >
      {children}
    </button>
  );
}

export interface SubmitProps {
  /** As of `Button`; the form is not sent. */
  readonly off?: boolean;
  /** The id of a form that it stands outside of. */
  readonly form?: string;
  readonly children: ComponentChildren;
}

/** The button that sends a form. */
export function Submit({ off = false, form, children }: SubmitProps) {
  return (
    <button
      type="submit"
      class="primary"
      aria-disabled={off}
      {...(form === undefined ? {} : { form })}
      onClick={(event) => {
        if (off) event.preventDefault();
      }}
    >
      {children}
    </button>
  );
}
