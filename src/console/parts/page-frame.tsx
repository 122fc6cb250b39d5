import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { Foreign, plain } from './foreign.tsx';

export interface PageFrameProps {
  readonly title: string;
  /** Buttons and links of the whole page. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A page of the console: its heading, which takes the focus when one comes to it, and what is under it. */
export function PageFrame({ title, actions, children }: PageFrameProps) {
  useEffect(() => {
    document.title = `${plain(title)} · Daybook`;
  }, [title]);
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>
          <Foreign text={title} />
        </h1>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}
