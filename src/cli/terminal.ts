/** The terminal that a person sits at, where there is one. */
export interface Terminal {
  /** Keys come from it and it shows what is written to the output. */
  readonly isInteractive: boolean;
  size(): { readonly columns: number; readonly rows: number };
  /** Keys as they are pressed, one or more in a text, until disposed; signals come here instead of ending the process. */
  listen(listener: TerminalListener): Disposable;
}
export interface TerminalListener {
  readonly keys: (text: string) => void;
  readonly resized: () => void;
  /** The process is to end. */
  readonly ended: () => void;
}
