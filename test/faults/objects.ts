import { setTimeout as wait } from 'node:timers/promises';
import { asyncScheduler } from 'rxjs';
import type { Daybook } from '../../bench/peers/daybook.ts';
import { s3Client } from '../../src/cluster/s3-client.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { eventually } from '../support/eventually.ts';
import type { ObjectStore } from '../support/object-store.ts';
import type { Postgres } from '../support/postgres.ts';
import type { Fault, Workers } from './cluster.ts';
import type { Answers, Load, WorkerName } from './cluster-load.ts';

/** What holds while the object store is away, and how both workers came out of it. */
export interface Away {
  readonly fault: string;
  /** New ones from the moment on when all was settled that had reached the bucket: of either none. */
  readonly acknowledged: number;
  readonly deleted: number;
  /** What senders were answered meanwhile. */
  readonly answers: Answers;
  readonly longestAnswerMs: number;
  /** What needs no object store: by path how often it was answered with which code, and the longest that it took. */
  readonly asked: Readonly<Record<string, { readonly codes: Answers; readonly longestMs: number }>>;
  /** What was said of it at the end: components that are not healthy, and why. */
  readonly told: readonly string[];
  /** From the moment on when it answered again, until a message was taken, and until one was deleted from the mailbox. */
  readonly takenAgainMs: number;
  readonly deletedAgainMs: number;
}

/** Nothing was promised, nobody was told but to come again, and what needs no body was answered. */
export function wasBorne({ acknowledged, deleted, answers, asked }: Away): boolean {
  const isPutOff = Object.keys(answers).every((answer) => /^45[12] 4\.3\.[02]$/.test(answer));
  const isAnswered = Object.values(asked).every(({ codes }) => Object.keys(codes).join() === '200');
  return acknowledged === 0 && deleted === 0 && isPutOff && isAnswered;
}

/** What had reached the bucket before is written, answered and deleted within this. */
const settlingMs = 5_000;
const askEveryMs = 500;
const backWithinMs = 180_000;

/** Asked of both workers while the object store is away; none of it needs a body. */
const paths = [
  '/readyz',
  '/healthz',
  '/v1/status',
  '/v1/health',
  '/v1/messages?limit=5',
  '/v1/intake?limit=5',
] as const;

export const gatewayKilled = (store: ObjectStore): Fault => ({
  name: 'kill -9 of the gateway',
  strike: async () => {
    await store.killGateway();
    await store.startGateway();
  },
});

/** The object store goes on with two copies of three, and fills the third one again. */
export const osdKilled = (store: ObjectStore, id: number): Fault => ({
  name: `kill -9 of OSD ${id}`,
  strike: async () => {
    await store.killOsd(id);
    await store.startOsd(id);
  },
});

/** The gateway stands still meanwhile, so packs of the worker are under way for certain; it may store them afterwards. */
export const writerKilled = (store: ObjectStore, name: WorkerName): Fault => ({
  name: `kill -9 of worker ${name} while it writes packs`,
  strike: async (workers, load) => {
    store.pauseGateway();
    try {
      await eventually(async () => load.offeredTo(name) >= 5, { what: 'packs under way', withinMs: 20_000 });
      await workers.crash(name);
    } finally {
      store.resumeGateway();
    }
    await workers.revive(name);
  },
});

export interface AwayOptions {
  readonly forMs: number;
  /** `killed` refuses connections, `paused` takes them and answers nothing. */
  readonly how: 'killed' | 'paused';
  readonly said: (away: Away) => void;
}

export const objectsAway = (store: ObjectStore, { forMs, how, said }: AwayOptions): Fault => {
  const fault = `object store away for ${forMs / 1_000} s, ${how}`;
  return {
    name: fault,
    strike: async (workers, load) => {
      if (how === 'killed') await store.killGateway();
      else store.pauseGateway();
      const until = performance.now() + forMs;
      const seen = await watchAway(workers, load, until).finally(() => {
        if (how === 'paused') store.resumeGateway();
      });
      const back = returnOf(load);
      if (how === 'killed') await store.startGateway();
      said({ fault, ...seen, ...(await back()) });
    },
  };
};

async function watchAway(workers: Workers, load: Load, until: number) {
  await wait(settlingMs);
  const before = { acknowledged: load.acknowledged(), deleted: load.deleted(), answers: load.answers() };
  const asked = new Asked();
  while (performance.now() < until) {
    await Promise.all(
      (['one', 'two'] as const).flatMap((name) => paths.map((path) => asked.ask(workers.get(name), path))),
    );
    await wait(askEveryMs);
  }
  return {
    acknowledged: load.acknowledged() - before.acknowledged,
    deleted: load.deleted() - before.deleted,
    answers: since(before.answers, load.answers()),
    longestAnswerMs: load.longestAnswerMs(),
    asked: asked.all,
    told: await toldOf(workers.get('one')),
  };
}

const since = (before: Answers, now: Answers): Answers =>
  Object.fromEntries(
    Object.entries(now).flatMap(([said, count]) => {
      const more = count - (before[said] ?? 0);
      return more === 0 ? [] : [[said, more]];
    }),
  );

/** Called before the object store is back; what it answers, once that is, measures from there. */
function returnOf(load: Load): () => Promise<Pick<Away, 'takenAgainMs' | 'deletedAgainMs'>> {
  const [acknowledged, deleted] = [load.acknowledged(), load.deleted()];
  return async () => {
    const began = performance.now();
    const until = async (isBack: () => boolean, what: string): Promise<number> => {
      await eventually(async () => isBack(), { what, withinMs: backWithinMs });
      return Math.round(performance.now() - began);
    };
    const [takenAgainMs, deletedAgainMs] = await Promise.all([
      until(() => load.acknowledged() > acknowledged, 'a message that is taken'),
      until(() => load.deleted() > deleted, 'a message that is deleted from the mailbox'),
    ]);
    return { takenAgainMs, deletedAgainMs };
  };
}

class Asked {
  readonly #byPath = new Map<string, { codes: Map<string, number>; longestMs: number }>();

  get all(): Away['asked'] {
    const each = [...this.#byPath].map(([path, { codes, longestMs }]) => {
      return [path, { codes: Object.fromEntries(codes), longestMs: Math.round(longestMs) }] as const;
    });
    return Object.fromEntries(each);
  }

  async ask(daybook: Daybook, path: string): Promise<void> {
    const began = performance.now();
    const answer = await daybook.fetch(path);
    await answer.arrayBuffer();
    const seen = this.#byPath.get(path) ?? { codes: new Map<string, number>(), longestMs: 0 };
    this.#byPath.set(path, seen);
    seen.codes.set(`${answer.status}`, (seen.codes.get(`${answer.status}`) ?? 0) + 1);
    seen.longestMs = Math.max(seen.longestMs, performance.now() - began);
  }
}

async function toldOf(daybook: Daybook): Promise<readonly string[]> {
  const { components } = await daybook.get<{ components: readonly Component[] }>('/v1/health');
  return components.flatMap(({ name, status, detail }) => (status === 'healthy' ? [] : `${name} ${status}: ${detail}`));
}
interface Component {
  readonly name: string;
  readonly status: string;
  readonly detail: string | null;
}

/** Packs of a bucket by what the log knows of them. */
export interface PackCounts {
  /** There, and named by a record. */
  readonly named: number;
  /** There, and named by none: of groups that were never written. They are swept after a day. */
  readonly orphans: number;
  /** Named, and not there: none. */
  readonly missing: number;
}

export async function packsOf(place: S3Place, postgres: Pick<Postgres, 'query'>): Promise<PackCounts> {
  await using client = s3Client({ place, random: Math.random }, asyncScheduler);
  const there: string[] = [];
  for await (const { key } of client.list('daybook/')) there.push(key);
  const rows = await postgres.query<{ pack: string }>(
    'select distinct pack from daybook.record where pack is not null',
  );
  const named = new Set(rows.map(({ pack }) => `daybook/${pack}.pack`));
  const both = there.filter((key) => named.has(key)).length;
  return { named: both, orphans: there.length - both, missing: named.size - both };
}
