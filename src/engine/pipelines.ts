import { hash } from 'node:crypto';
import { filter, finalize, map, type Observable, type SchedulerLike, skip, tap } from 'rxjs';
import type { Suspicion } from '../../streams/careful.ts';
import type { JournalOptions, MatchingOptions, SpoolItem } from '../../streams/message.ts';
import type { OpenLarge } from '../../streams/open-mail.ts';
import type { Directory, HashContent, News } from '../../streams/ports.ts';
import { processing } from '../../streams/processing.ts';
import type { Whose } from '../../streams/spool.ts';
import { namedIn } from '../report/named.ts';
import { unwrap } from '../report/unwrap.ts';
import { decode } from '../store/bodies.ts';
import type { Store } from '../store/open-store.ts';
import type { ReopeningStore } from '../store/reopening-store.ts';
import type { LargeMail } from './large-mail.ts';
import type { OwnMail } from './own-mail.ts';

/** Items of one definition in memory at once: enough that a group commit is full, few enough to hold. */
const windowItems = 128;

/** Everything the lines of all definitions share. */
export interface ProcessingSetup {
  readonly ports: Omit<Parameters<typeof processing>[0], 'wake$'>;
  readonly large: Pick<LargeMail, 'open'>;
  readonly matching: MatchingOptions;
  readonly optionsFor: (item: SpoolItem) => JournalOptions;
}

export function processingSetup(
  store: Store,
  parts: {
    readonly directory: Directory;
    readonly hashContent: HashContent;
    readonly large: LargeMail;
    readonly trustedRecipientHeaders: readonly string[];
    readonly matching: MatchingOptions;
    readonly optionsFor: (item: SpoolItem) => JournalOptions;
    readonly suspicion: Suspicion;
    readonly ownMail: Pick<OwnMail, 'flagOf'>;
  },
): ProcessingSetup {
  const { directory, hashContent, large, trustedRecipientHeaders, matching, optionsFor, suspicion, ownMail } = parts;
  const { spool, bodies, archive, messages } = store;
  const openLarge: OpenLarge = (item, options) => large.open((into) => store.gather(item.body, into), item, options);
  const hashBytes = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex');
  const ports = {
    spool,
    bodies,
    archive,
    messages,
    unwrap,
    decode,
    hashBytes,
    hashContent,
    openLarge,
    directory,
    trustedRecipientHeaders,
    suspicion,
    ownFlagOf: ownMail.flagOf,
    namedIn,
  };
  return { ports, large, matching, optionsFor };
}

/** The line of one definition, as its actor hears it; `troubled` is told of a port that failed, and null when it goes on or the line ends. */
export function processingNews(
  definitionId: string | null,
  {
    store,
    setup,
    clock,
    whose,
    troubled,
  }: {
    readonly store: Pick<ReopeningStore, 'touched$' | 'health$'>;
    readonly setup: ProcessingSetup;
    readonly clock: SchedulerLike;
    readonly whose: Whose;
    readonly troubled: (detail: string | null) => void;
  },
): Observable<News> {
  const wake$ = store.touched$.pipe(filter(({ due }) => due.has(definitionId)));
  const recovered$ = store.health$.pipe(
    skip(1),
    filter(({ open }) => open),
  );
  const { ports, matching, optionsFor } = setup;
  return processing(
    { ...ports, wake$, recovered$ },
    { definitionId, window: windowItems, whose, matching, optionsFor },
    clock,
  ).pipe(
    tap((news) => {
      troubled(news.type === 'processing.failed' ? news.detail : null);
    }),
    finalize(() => troubled(null)),
    filter((news) => news.type === 'processing.settled'),
    map((news): News => news),
  );
}
