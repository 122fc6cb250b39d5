import { type SchedulerLike, timer } from 'rxjs';
import type { Figures } from '../../streams/figures.ts';
import type { History } from '../http/live.schema.ts';
import { isoTime } from '../time-words.ts';
import type { DefinitionBook } from './definition-book.types.ts';

const minuteMs = 60_000;
/** An hour, as the console shows it. */
const minutes = 60;
const kinds = ['received', 'archived', 'matched', 'setAside'] as const;
type Kind = (typeof kinds)[number];
type Sums = Readonly<Record<Kind, number>>;

/** One definition: a kilobyte, so some 10 MB for as many as there can be. */
interface Row {
  /** Where the minute under way began. */
  sums: Sums;
  /** By kind, then by minute; a minute has its place by its number. */
  readonly counts: Uint32Array;
}

export interface HistoryParts {
  readonly store: { figuresOf(definitionId: string): Figures };
  readonly book: Pick<DefinitionBook, 'all' | 'changed$'>;
  readonly clock: SchedulerLike;
}

/**
 * What each definition received and settled, by minute, for an hour. Taken from figures that only grow, at the end of
 * each minute, so mail pays nothing for it; in memory alone, so it begins with the engine.
 */
export function openHistory({ store, book, clock }: HistoryParts): { read(): History } & Disposable {
  const rows = new Map<string, Row>();
  const watchedSince = clock.now();
  let minute = Math.floor(watchedSince / minuteMs);
  const sumsOf = (id: string): Sums => {
    const { received, archived, matched, skipped, held, quarantined } = store.figuresOf(id);
    return { received, archived, matched, setAside: skipped + held + quarantined };
  };
  /** What is new counts from where it stands, what is gone is forgotten. */
  const look = (): void => {
    const ids = new Set(book.all().map(({ id }) => id));
    for (const id of ids) {
      if (!rows.has(id)) rows.set(id, { sums: sumsOf(id), counts: new Uint32Array(kinds.length * minutes) });
    }
    for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
  };
  const advance = (): void => {
    const now = Math.floor(clock.now() / minuteMs);
    if (now <= minute) return;
    for (const [id, row] of rows) {
      const sums = sumsOf(id);
      for (const [at, kind] of kinds.entries()) {
        row.counts[placeOf(at, minute)] = grown(row.sums, sums, kind);
        // Minutes that nobody looked at, as while the machine slept; the one under way has no count yet.
        for (let past = minute + 1; past <= Math.min(now, minute + minutes); past += 1)
          row.counts[placeOf(at, past)] = 0;
      }
      row.sums = sums;
    }
    minute = now;
  };
  look();
  const looks = book.changed$.subscribe(look);
  const ticks = timer(minuteMs - (watchedSince % minuteMs), minuteMs, clock).subscribe(advance);
  const read = (): History => {
    advance();
    const items = [...rows].map(([definition, row]) => {
      const sums = sumsOf(definition);
      const series = kinds.map((kind, at) => [
        ...Array.from({ length: minutes - 1 }, (_, past) => row.counts[placeOf(at, minute - minutes + 1 + past)] ?? 0),
        grown(row.sums, sums, kind),
      ]);
      const [received = [], archived = [], matched = [], setAside = []] = series;
      return { definition, received, archived, matched, setAside };
    });
    return {
      from: isoTime((minute - minutes + 1) * minuteMs),
      watchedSince: isoTime(watchedSince),
      items: items.filter(({ received, archived, matched, setAside }) =>
        [received, archived, matched, setAside].some((series) => series.some((count) => count > 0)),
      ),
    };
  };
  return {
    read,
    [Symbol.dispose]: () => {
      looks.unsubscribe();
      ticks.unsubscribe();
    },
  };
}

const placeOf = (kind: number, minute: number): number => kind * minutes + (minute % minutes);

/** What is set aside falls when it is released; that is no mail that came. */
const grown = (before: Sums, after: Sums, kind: Kind): number => Math.max(0, after[kind] - before[kind]);
