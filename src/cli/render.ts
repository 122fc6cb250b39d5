import { styleText } from 'node:util';

/** Tables and lines for people. Plain text where the output is no terminal or NO_COLOR is set. */
export interface Screen {
  readonly write: (text: string) => void;
  readonly colours: boolean;
}
export interface Column<T> {
  readonly title: string;
  readonly of: (row: T) => string;
  readonly right?: boolean;
}

export function table<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.of(row))));
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => {
        const width = widths[at] ?? 0;
        return columns[at]?.right === true ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const head = line(columns.map(({ title }) => title));
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return `${[head, rule, ...cells.map(line)].join('\n')}\n`;
}

/** Names and values, one a line. */
export const pairs = (values: readonly (readonly [string, string])[]): string => {
  const width = Math.max(0, ...values.map(([name]) => name.length));
  return values.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join('');
};

/** Text of a sender on a terminal: control characters and line separators are shown as `?`, never obeyed. */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not reach a terminal
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?');

const colourOf: Readonly<Record<string, Parameters<typeof styleText>[0]>> = {
  active: 'green',
  'awaiting-initial-run': 'gray',
  suspended: 'yellow',
  down: 'red',
  error: 'red',
};
const labelOf: Readonly<Record<string, string>> = {
  active: 'Active',
  'awaiting-initial-run': 'Awaiting Initial Run',
  suspended: 'Suspended',
  down: 'Down',
  error: 'Error',
};

/** Paints each service status where it stands in a table; the word is always there too. */
export function paintStatuses(text: string, colours: boolean): string {
  if (!colours) return text;
  return Object.entries(labelOf).reduce(
    (painted, [status, label]) =>
      painted.replaceAll(
        new RegExp(`\\b${label}\\b`, 'g'),
        styleText(colourOf[status] ?? 'reset', label, { validateStream: false }),
      ),
    text,
  );
}

export const statusLabel = (status: string): string => labelOf[status] ?? status;

/** `3 min ago`, coarse on purpose; null is the guide's "Awaiting Initial Run". */
export function ago(at: string | null, now: number): string {
  if (at === null) return 'Awaiting Initial Run';
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1_000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`;
}
