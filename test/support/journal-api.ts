import type { Daybook } from '../../bench/peers/daybook.ts';

/** The parts of the API's answers that journeys look at (interface sections 4 to 6). */
export interface Counts {
  readonly received: number;
  readonly archived: number;
  readonly matched: number;
  readonly skipped: number;
  readonly held: number;
  readonly quarantined: number;
  readonly absorbed: number;
  readonly rejected: number;
}
export interface Status {
  readonly id: string;
  readonly serviceStatus: string;
  /** Of a cluster: who runs it. */
  readonly worker?: string;
  readonly reason: string | null;
  readonly lastSuccessfulExtract: string | null;
  readonly processingQueue: {
    readonly messages: number;
    readonly bytes: number;
    readonly oldest: string | null;
    readonly waiting: { readonly delayed: number; readonly matching: number };
  };
  readonly counts: Counts;
  readonly failures: number;
  readonly nextPollAt: string | null;
  readonly nextRetryAt: string | null;
}
export interface IntakeItem {
  readonly id: string;
  readonly definition: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly receivedAt: string;
  readonly size: number;
  readonly sha256: string;
  readonly attempt: number;
  readonly nextAttemptAt: string | null;
  readonly entryId: string | null;
  readonly flags: readonly string[];
}
export interface Entry {
  readonly id: string;
  readonly messageId: string | null;
  readonly subject: string | null;
  readonly sender: string | null;
  readonly recipients: readonly {
    readonly address: string;
    readonly type: string;
    readonly via: readonly { readonly kind: string; readonly address: string }[];
  }[];
  readonly size: number;
  readonly sha256: string;
  readonly flags: readonly string[];
  readonly representations: readonly { readonly sha256: string }[];
  readonly observations: readonly {
    readonly intakeId: string;
    readonly level: string;
    readonly family: string | null;
    readonly flags: readonly string[];
  }[];
}
interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export const statusOf = (daybook: Daybook, id: string): Promise<Status> => daybook.get(`/v1/definitions/${id}/status`);
export const intakeOf = (daybook: Daybook, id: string): Promise<IntakeItem> => daybook.get(`/v1/intake/${id}`);
export const entryOf = (daybook: Daybook, id: string): Promise<Entry> => daybook.get(`/v1/messages/${id}`);

/** Every item of a list, page by page. */
export async function all<T>(daybook: Daybook, path: string): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${cursor}`;
    const page: Page<T> = await daybook.get<Page<T>>(`${path}${path.includes('?') ? '&' : '?'}limit=500${query}`);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return items;
}

/** The conservation account (INV-3): what it lacks or has too much; 0 when it adds up. */
export const difference = ({ counts, processingQueue }: Status): number =>
  counts.received -
  (processingQueue.messages + counts.archived + counts.matched + counts.skipped + counts.held + counts.quarantined);

/** The ids and the hash that a final SMTP answer promises (interface section 6). */
export function promised(answer: string): { readonly ids: readonly string[]; readonly sha256: string } {
  const found = /2\.0\.0 queued as ([A-Za-z0-9._~,-]+) sha256=([0-9a-f]{64})/.exec(answer);
  if (found === null) throw new Error(`no promise in: ${answer}`);
  return { ids: found[1]!.split(','), sha256: found[2]! };
}

/** Listens to the server-sent events; answers what ends that, with all that was heard. */
export async function openStream(
  daybook: Pick<Daybook, 'fetch'>,
  headers: Readonly<Record<string, string>>,
): Promise<() => Promise<string>> {
  const stop = new AbortController();
  const answer = await daybook.fetch('/v1/stream', { headers, signal: stop.signal });
  let text = '';
  const reading = (async () => {
    for await (const chunk of answer.body ?? []) text += Buffer.from(chunk).toString('utf8');
  })().catch(() => undefined);
  return async () => {
    stop.abort();
    await reading;
    return text;
  };
}

/** Makes a definition, or changes the one of this version. `query`: what stands behind the path. */
/** As `putDefinition`, of one that has to be taken. @throws Error with what was wrong with it */
export async function define(...asked: Parameters<typeof putDefinition>): Promise<void> {
  const answer = await putDefinition(...asked);
  if (!answer.ok) throw new Error(`${asked[1]}: ${answer.status} ${await answer.text()}`);
}

export const putDefinition = (
  daybook: Pick<Daybook, 'fetch'>,
  id: string,
  document: object,
  { version, query = '' }: { readonly version?: number | undefined; readonly query?: string } = {},
): Promise<Response> =>
  daybook.fetch(`/v1/definitions/${id}${query}`, {
    method: 'PUT',
    body: JSON.stringify(document),
    headers: { 'content-type': 'application/json', ...(version === undefined ? {} : { 'if-match': `"${version}"` }) },
  });
