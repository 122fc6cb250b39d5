import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { concatMap, finalize, ignoreElements, merge, type Observable, Subject, tap } from 'rxjs';
import type { IntakeReader, News } from '../../streams/ports.ts';
import { type DetailLog, openDetailLog } from '../detail/detail-log.ts';
import type { Log } from '../log.ts';
import type { DialogueSink } from '../smtp/dialogue.ts';
import type { DefinitionBook } from './definition-book.types.ts';

export interface DetailedLogParts {
  readonly dataDir: string;
  readonly book: DefinitionBook;
  readonly now: () => number;
  readonly log: Log;
}

/** The detailed logs of the definitions that have it on now (journaling a.2): protocol dialogue, and what became of each item. */
export interface DetailedLogs extends AsyncDisposable {
  isOn(definitionId: string): boolean;
  /** One line; nothing where it is off. */
  note(definitionId: string, line: Readonly<Record<string, unknown>>): void;
  readonly smtp: DialogueSink;
  /** The steps of each settled item, as its intake record has them. Passes the news on. */
  trace(definitionId: string, news$: Observable<News>, intake: IntakeReader): Observable<News>;
}

export function createDetailedLogs({ dataDir, book, now, log }: DetailedLogParts): DetailedLogs {
  const directory = join(dataDir, 'logs');
  const logs = new Map<string, DetailLog>();
  let seen = { revision: -1, on: new Set<string>() };
  const current = (): ReadonlySet<string> => {
    if (seen.revision !== book.revision) {
      const on = book.all().filter(({ config }) => config.detailedLogging);
      seen = { revision: book.revision, on: new Set(on.map(({ id }) => id)) };
      for (const [id, open] of logs) {
        if (seen.on.has(id)) continue;
        logs.delete(id);
        void open[Symbol.asyncDispose]();
      }
    }
    return seen.on;
  };
  const logOf = (definitionId: string): DetailLog => {
    const known = logs.get(definitionId);
    if (known !== undefined) return known;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const trouble = (error: Error): void =>
      log('warn', 'the detailed log could not be written', { definition: definitionId, error: String(error) });
    const opened = openDetailLog({ directory, name: definitionId, now, trouble });
    logs.set(definitionId, opened);
    return opened;
  };
  const note: DetailedLogs['note'] = (definitionId, line) => {
    if (current().has(definitionId)) logOf(definitionId).write(line);
  };
  return {
    isOn: (definitionId) => current().has(definitionId),
    note,
    smtp: {
      wanted: () => current().size > 0,
      line: (definitionId, { at, ...line }) => note(definitionId, { heard: new Date(at).toISOString(), smtp: line }),
    },
    trace: (definitionId, news$, intake) =>
      traced({ definitionId, intake, note, isOn: () => current().has(definitionId) }, news$),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...logs.values()].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

interface Tracing {
  readonly definitionId: string;
  readonly intake: IntakeReader;
  readonly note: DetailedLogs['note'];
  readonly isOn: () => boolean;
}

/** Items whose record waits to be read; more is not traced, and said so. */
const maxUntraced = 10_000;

/** Records are read beside the news, one after another: the line is not kept waiting. */
function traced({ definitionId, intake, note, isOn }: Tracing, news$: Observable<News>): Observable<News> {
  const settled$ = new Subject<string>();
  let waiting = 0;
  let left = 0;
  const write = async (intakeId: string): Promise<void> => {
    const record = await intake.get(intakeId).catch(() => undefined);
    waiting -= 1;
    if (left > 0) note(definitionId, { untraced: `${left} items not traced` });
    left = 0;
    if (record === undefined) return;
    const { state, reason, entryId, flags, attempt, steps } = record;
    note(definitionId, { item: intakeId, state, reason, entryId, flags, attempt, steps });
  };
  const ask = (intakeId: string): void => {
    if (waiting >= maxUntraced) {
      left += 1;
      return;
    }
    waiting += 1;
    settled$.next(intakeId);
  };
  const told$ = news$.pipe(
    tap((news) => {
      if (news.type === 'processing.settled' && isOn()) for (const { intakeId } of news.settlements) ask(intakeId);
    }),
    finalize(() => settled$.complete()),
  );
  return merge(settled$.pipe(concatMap(write), ignoreElements()), told$);
}
