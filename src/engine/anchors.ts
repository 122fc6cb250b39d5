import { join } from 'node:path';
import type { Subscription } from 'rxjs';
import { type Anchor, anchorHead } from '../evidence/anchor.ts';
import { type Anchored, anchoring } from '../evidence/anchoring.ts';
import { exclusive } from '../exclusive.ts';
import type { AnchorStatus, Status } from '../http/status.schema.ts';
import { readNoted, writeNoted } from '../noted-file.ts';
import { isoTime } from '../time-words.ts';
import { engineEvent } from './definition-events.ts';
import type { Evidence } from './evidence.ts';
import type { Workshop } from './workshop.ts';

/** The last success of each anchor, so that a start neither repeats nor forgets it. */
export const anchorsState = 'anchors.state';

/** The anchors of the running engine (store section 4). */
export interface Anchors extends AsyncDisposable {
  status(): readonly AnchorStatus[];
  warnings(): Status['warnings'];
}

export interface AnchorParts
  extends Pick<Workshop, 'clock' | 'log' | 'note'>,
    Pick<Evidence, 'newestHead'>,
    Pick<Evidence['signer'], 'publicKey'> {
  readonly dataDir: string;
  readonly anchors: readonly Anchor[];
}

/** What is known of one anchor. */
interface Standing {
  /** Epoch ms; null: never. */
  lastAt: number | null;
  failing: { readonly since: number; readonly detail: string } | null;
}
/** As the state file has it. */
type LastTimes = Readonly<Record<string, { readonly at: number; readonly size: number }>>;

/** Sends heads to each anchor at its interval, each on a line of its own: one that fails holds up no other. */
export async function openAnchors(parts: AnchorParts): Promise<Anchors> {
  const { clock, log, note, dataDir, anchors, newestHead } = parts;
  const publicKey = parts.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const path = join(dataDir, anchorsState);
  let last = await lastTimes(path, log);
  const ending = new AbortController();
  const save = exclusive();
  const under = new Set<Promise<unknown>>();
  const standings = new Map<string, Standing>(
    anchors.map(({ name }) => [name, { lastAt: last[name]?.at ?? null, failing: null }]),
  );
  const attempt = async (anchor: Anchor): Promise<number | null> => {
    const head = await newestHead();
    if (head === null) return null;
    await anchorHead(anchor, { head, publicKey }, { dataDir, clock, signal: ending.signal });
    return head.size;
  };
  const made = async ({ name }: Anchor, at: number, size: number): Promise<void> => {
    last = { ...Object.fromEntries(anchors.flatMap((each) => entryOf(last, each.name))), [name]: { at, size } };
    await save(() => writeNoted(path, last)).catch((error: unknown) =>
      log('warn', 'the time of an anchored head could not be kept', { anchor: name, error: String(error) }),
    );
  };
  const hear = (anchor: Anchor, standing: Standing, news: Anchored): void => {
    const { name, kind } = anchor;
    const { failing } = standing;
    if (news.kind === 'failed') {
      standing.failing = { since: news.since, detail: news.detail };
      if (failing !== null) return;
      note({ ...engineEvent('anchor.failed', { anchor: name, kind, detail: news.detail }), severity: 'warning' });
      return;
    }
    if (failing !== null || standing.lastAt === null) {
      const failedSince = failing === null ? null : isoTime(failing.since);
      note(engineEvent('anchor.made', { anchor: name, kind, size: news.size, failedSince }));
    }
    standing.failing = null;
    standing.lastAt = news.at;
    void tracked(under, made(anchor, news.at, news.size));
  };
  const lines = anchors.map((anchor): Subscription => {
    const standing = standings.get(anchor.name) ?? { lastAt: null, failing: null };
    const lastAt = standing.lastAt;
    return anchoring(anchor, () => tracked(under, attempt(anchor)), { clock, lastAt }).subscribe((news) =>
      hear(anchor, standing, news),
    );
  });
  return {
    status: () => anchors.map((anchor) => statusOf(anchor, standings.get(anchor.name))),
    warnings: () => anchors.flatMap((anchor) => warningsOf(anchor, standings.get(anchor.name))),
    [Symbol.asyncDispose]: async () => {
      for (const line of lines) line.unsubscribe();
      ending.abort(new Error('the engine is stopping'));
      await Promise.allSettled(under);
    },
  };
}

/** Remembers a promise until it is settled. */
function tracked<T>(under: Set<Promise<unknown>>, promise: Promise<T>): Promise<T> {
  under.add(promise);
  promise.then(
    () => under.delete(promise),
    () => under.delete(promise),
  );
  return promise;
}

async function lastTimes(path: string, log: Workshop['log']): Promise<LastTimes> {
  const noted = await readNoted(path);
  if (noted.kind === 'value') return noted.value as LastTimes;
  if (noted.kind === 'damaged')
    log('warn', 'the times of anchored heads are damaged; heads are anchored now', { path });
  return {};
}

const entryOf = (last: LastTimes, name: string): readonly (readonly [string, LastTimes[string]])[] => {
  const found = last[name];
  return found === undefined ? [] : [[name, found]];
};

function statusOf({ name, kind }: Anchor, standing: Standing | undefined): AnchorStatus {
  const { lastAt = null, failing = null } = standing ?? {};
  return {
    name,
    kind,
    lastAt: lastAt === null ? null : isoTime(lastAt),
    failingSince: failing === null ? null : isoTime(failing.since),
  };
}

function warningsOf({ name, kind }: Anchor, standing: Standing | undefined): Status['warnings'] {
  const failing = standing?.failing ?? null;
  if (failing === null) return [];
  const text = `the anchor ${name} (${kind}) fails: ${failing.detail}`;
  return [{ code: 'anchor-failing', text, since: isoTime(failing.since) }];
}
