/** Keys and list positions from the top of the document. */
export type FaultPath = readonly (string | number)[];

/** One thing wrong in a document, before its place in a file is known. */
export interface DocumentFault {
  readonly path: FaultPath;
  /** What the place is: the value, the key itself (unknown keys), or the map that lacks the key. */
  readonly at: 'value' | 'key' | 'missing';
  /** What is wrong and what is allowed; one line, never with a secret in it. */
  readonly text: string;
}

/** One thing wrong in a configuration file. Line and column count from 1; path is as `definitions[0].smtp`. */
export interface Fault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly text: string;
}

/** The line that `daybook check` prints (interface section 1). */
export function formatFault(fault: Fault): string {
  return `${fault.file}:${fault.line}:${fault.column}: ${fault.path}: ${fault.text}`;
}

/** `definitions[0].smtp`; keys that are no plain words in quotes, the top of the document as `(document)`. */
export function pathText(path: FaultPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\p{L}\p{N}_-]+$/u.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text === '' ? '(document)' : text;
}
