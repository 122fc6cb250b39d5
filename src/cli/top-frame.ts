import type { EngineStatusAnswer, StatusAnswer } from './answers.types.ts';
import { ago, printable, statusLabel } from './render.ts';
import { type Figure, type History, seriesOf, shortNumber, sparkline } from './top-history.ts';

/** What one frame is drawn from. */
export interface TopView {
  /** The last answer; undefined before the first. */
  readonly answer: EngineStatusAnswer | undefined;
  readonly history: History;
  /** Why there is no newer answer; null where the last one came. */
  readonly fault: string | null;
  readonly figure: Figure;
  /** Place of the selected definition. */
  readonly selected: number;
  /** `host:port` that is asked. */
  readonly from: string;
}
export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

/** Widest line of bars: an answer every two seconds for two minutes. */
const widestLine = 60;
/** Bars of a sum in the head. */
const mostBars = 12;
/** A lower screen has the definitions and no sums. */
const spaciousRows = 10;
const keys = 'q quit  ↑↓ select  ←→ figure';

/** The screen as lines of plain text, none longer and not more of them than fit. The status is painted afterwards. */
export function topFrame(view: TopView, size: FrameSize): readonly string[] {
  const { answer, fault } = view;
  const foot = [`${keys}: ${figureName(view.figure)}`];
  if (answer === undefined) {
    return fitted([`Daybook at ${view.from}`, fault ?? 'waiting for the first answer', '', ...foot], size);
  }
  const [title = '', sums = ''] = headOf(view, answer, size.columns);
  const head = size.rows < spaciousRows ? [title] : [title, sums, ''];
  const told = tellingOf(answer, answer.definitions[view.selected]);
  const room = size.rows - head.length - foot.length;
  // The rows come first; what is told of the selected one takes what they leave, one line at least where there is any.
  const tellRoom = Math.min(told.length, Math.max(room - answer.definitions.length - 1, room > 3 ? 1 : 0));
  const table = tableOf(view, answer, { columns: size.columns, rows: room - (tellRoom > 0 ? tellRoom + 1 : 0) });
  const tell = tellRoom > 0 ? ['', ...told.slice(0, tellRoom)] : [];
  return fitted([...head, ...table, ...tell, ...foot], size);
}

function headOf({ history, fault, from }: TopView, { engine }: EngineStatusAnswer, columns: number): readonly string[] {
  const state = engine.ready ? 'ready' : 'NOT READY';
  const stale = fault === null ? '' : `  STALE: ${fault}`;
  const total = (figure: Figure, name: string): string => {
    // One more than there are bars: a rate is between two.
    const series = seriesOf(history.slice(-(mostBars + 1)), figure, undefined);
    const unit = figure === 'queue' ? '' : '/s';
    return `${name} ${shortNumber(series.at(-1))}${unit} ${sparkline(series, Math.min(mostBars, Math.floor(columns / 10)))}`;
  };
  return [
    `Daybook ${engine.version} at ${from}  ${state}  ${engine.now.slice(0, 19)}Z${stale}`,
    [total('received', 'received'), total('archived', 'archived'), total('queue', 'in process')].join('   '),
  ];
}

interface Column {
  readonly title: string;
  readonly of: (status: StatusAnswer) => string;
  readonly right?: boolean;
  /** The lower, the longer it stays when the screen is narrow. */
  readonly rank: number;
}

function columnsOf({ history, answer }: TopView, figure: Figure): readonly Column[] {
  const now = Date.parse(answer?.engine.now ?? '');
  const count = (name: string) => (status: StatusAnswer) => String(status.counts[name] ?? 0);
  const age = ({ processingQueue: { oldest } }: StatusAnswer): string =>
    oldest === null ? '' : ago(oldest, now).replace(' ago', '');
  return [
    { title: 'DEFINITION', of: ({ id }) => id, rank: 0 },
    { title: 'STATUS', of: ({ serviceStatus }) => statusLabel(serviceStatus), rank: 0 },
    { title: 'LAST EXTRACT', of: ({ lastSuccessfulExtract: at }) => (at === null ? '' : ago(at, now)), rank: 3 },
    { title: 'QUEUE', of: ({ processingQueue }) => String(processingQueue.messages), right: true, rank: 1 },
    { title: 'OLDEST', of: age, right: true, rank: 4 },
    { title: 'RECEIVED', of: count('received'), right: true, rank: 5 },
    { title: 'ARCHIVED', of: count('archived'), right: true, rank: 6 },
    { title: 'MATCHED', of: count('matched'), right: true, rank: 7 },
    { title: 'HELD', of: count('held'), right: true, rank: 8 },
    { title: 'QUARANTINED', of: count('quarantined'), right: true, rank: 9 },
    {
      title: figureName(figure).toUpperCase(),
      of: ({ id }) => shortNumber(seriesOf(history.slice(-2), figure, id).at(-1)),
      right: true,
      rank: 2,
    },
  ];
}

/** The rows around the selected one, with as many columns as fit and bars in what is left. */
function tableOf(view: TopView, { definitions }: EngineStatusAnswer, { columns, rows }: FrameSize): readonly string[] {
  const room = Math.max(0, rows - 1);
  const first = Math.min(Math.max(0, view.selected - room + 1), Math.max(0, definitions.length - room));
  const shown = definitions.slice(first, first + room);
  const all = columnsOf(view, view.figure).map((column) => ({
    ...column,
    width: Math.max(column.title.length, ...definitions.map((status) => column.of(status).length)),
  }));
  const used = (within: typeof all): number => within.reduce((sum, { width }) => sum + width + 2, 0);
  const ranked = all.toSorted((a, b) => b.rank - a.rank).filter(({ rank }) => rank > 0);
  let fitting = all;
  for (const column of ranked) if (used(fitting) > columns) fitting = fitting.filter((each) => each !== column);
  const lineWidth = Math.min(widestLine, columns - used(fitting) - 1);
  const line = (cells: readonly string[], mark: string): string => {
    const padded = fitting.map(({ width, right }, at) =>
      right === true ? (cells[at] ?? '').padStart(width) : (cells[at] ?? '').padEnd(width),
    );
    return `${mark} ${padded.join('  ')}`;
  };
  return [
    line(
      fitting.map(({ title }) => title),
      ' ',
    ),
    ...shown.map((status, at) => {
      const cells = fitting.map((column) => column.of(status));
      const bars = lineWidth < 8 ? '' : ` ${sparkline(seriesOf(view.history, view.figure, status.id), lineWidth)}`;
      return line(cells, first + at === view.selected ? '>' : ' ') + bars;
    }),
  ];
}

/** What a person should know: of the engine, then of the selected definition. */
function tellingOf({ engine }: EngineStatusAnswer, status: StatusAnswer | undefined): readonly string[] {
  const ofEngine = engine.warnings.map(({ text }) => `! ${text}`);
  if (status === undefined) return ofEngine;
  const why = [status.reason, status.hint].filter((part) => part !== null).join(': ');
  const warnings = status.warnings.map(({ text }) => `! ${text}`);
  return [...ofEngine, `${status.id}: ${status.description}${why === '' ? '' : ` (${why})`}`, ...warnings];
}

const figureName = (figure: Figure): string => (figure === 'queue' ? 'in process' : `${figure}/s`);

/** Cut to the screen; the last line stays the last. */
function fitted(lines: readonly string[], { columns, rows }: FrameSize): readonly string[] {
  const within = lines.length <= rows ? lines : [...lines.slice(0, Math.max(0, rows - 1)), ...lines.slice(-1)];
  return within.slice(0, rows).map((line) => [...printable(line)].slice(0, columns).join('').trimEnd());
}
