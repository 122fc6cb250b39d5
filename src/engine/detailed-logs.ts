import { join } from 'node:path';
import { concatMap, finalize, ignoreElements, merge, type Observable, type SchedulerLike, Subject, tap } from 'rxjs';
import type { Step } from '../../streams/message.ts';
import type { IntakeReader, News } from '../../streams/ports.ts';
import { type DetailLog, openDetailLog } from '../detail/detail-log.ts';
import type { Log } from '../log.ts';
import type { DialogueSink } from '../smtp/dialogue.ts';
import type { DefinitionBook } from './definition-book.types.ts';

export interface DetailedLogParts {
  readonly dataDir: string;
  readonly book: Pick<DefinitionBook, 'all' | 'changed$'>;
  readonly clock: SchedulerLike;
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

export function createDetailedLogs({ dataDir, book, clock, log }: DetailedLogParts): DetailedLogs {
  const directory = join(dataDir, 'logs');
  const logs = new Map<string, DetailLog>();
  const closings = new Set<Promise<void>>();
  let on: ReadonlySet<string> = new Set();
  const close = (id: string, open: DetailLog): void => {
    logs.delete(id);
    const closed = Promise.resolve(open[Symbol.asyncDispose]()).finally(() => closings.delete(closed));
    closings.add(closed);
  };
  const follow = (): void => {
    on = new Set(book.all().flatMap(({ id, config }) => (config.detailedLogging ? [id] : [])));
    for (const [id, open] of logs) if (!on.has(id)) close(id, open);
  };
  follow();
  const following = book.changed$.subscribe(follow);
  const logOf = (definitionId: string): DetailLog => {
    const known = logs.get(definitionId);
    if (known !== undefined) return known;
    const trouble = (error: unknown): void =>
      log('error', 'the detailed log could not be written', { definition: definitionId, error: String(error) });
    const opened = openDetailLog({ directory, name: definitionId, clock, trouble });
    logs.set(definitionId, opened);
    return opened;
  };
  const isOn = (definitionId: string): boolean => on.has(definitionId);
  const note: DetailedLogs['note'] = (definitionId, line) => {
    if (isOn(definitionId)) logOf(definitionId).write(line);
  };
  return {
    isOn,
    note,
    smtp: {
      wanted: () => on.size > 0,
      line: (definitionId, { at, ...line }) => note(definitionId, { heard: new Date(at).toISOString(), smtp: line }),
    },
    trace: (definitionId, news$, intake) => traced({ definitionId, intake, note, isOn }, news$),
    [Symbol.asyncDispose]: async () => {
      following.unsubscribe();
      on = new Set();
      for (const [id, open] of logs) close(id, open);
      await Promise.all(closings);
    },
  };
}

interface Tracing {
  readonly definitionId: string;
  readonly intake: IntakeReader;
  readonly note: DetailedLogs['note'];
  readonly isOn: (definitionId: string) => boolean;
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
    note(definitionId, { item: intakeId, state, reason, entryId, flags, attempt, steps: steps.map(withoutMail) });
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
      if (news.type === 'processing.settled' && isOn(definitionId))
        for (const { intakeId } of news.settlements) ask(intakeId);
    }),
    finalize(() => settled$.complete()),
  );
  return merge(settled$.pipe(concatMap(write), ignoreElements()), told$);
}

/** What a parser says of its failure may quote the mail. The intake record has it, for those who may see mail. */
const withoutMail = (step: Step): Step => (step.step === 'failed' ? { ...step, detail: null } : step);
