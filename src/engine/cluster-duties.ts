import { exhaustMap, from, type SchedulerLike, timer } from 'rxjs';
import type { Said } from '../cluster/cluster-board.ts';
import type { Cluster } from '../cluster/open-cluster.ts';
import type { Tenures } from '../cluster/tenures.ts';
import type { Log } from '../log.ts';
import { type Duties, dutyOfPart } from './duties.ts';

/** What a definition's status says on another worker is so old at most, beside what a statement takes. */
const exchangeEveryMs = 1_000;

/** The duties of one worker of a cluster, by the tenures it has, and what the workers say to each other of theirs. */
export function clusterDuties({
  tenures,
  board,
  worker,
  clock,
  log,
}: {
  readonly tenures: Tenures;
  readonly board: Cluster['board'];
  readonly worker: string;
  readonly clock: SchedulerLike;
  readonly log: Log;
}): Duties & AsyncDisposable {
  let said: ReadonlyMap<string, Said> = new Map();
  let toSay = new Map<string, unknown>();
  let troubled = false;
  let hasHeard = false;
  // No duty is named so: an id of a definition has no such character.
  const own = `@${worker}`;
  /** A status is the same for hours: what the others read already is not written again each second. */
  const isSaid = (name: string, value: unknown): boolean => {
    const known = said.get(name);
    return known?.worker === worker && JSON.stringify(known.value) === JSON.stringify(value);
  };
  const exchange = async (): Promise<void> => {
    const isMine = (name: string): boolean => tenures.tokenOf(dutyOfPart(name)) !== null || name.endsWith(own);
    const mine = new Map([...toSay].filter(([name, value]) => isMine(name) && !isSaid(name, value)));
    toSay = new Map();
    try {
      await board.say(mine);
      said = await board.all();
      hasHeard = true;
      troubled = false;
    } catch (error) {
      if (!troubled) log('warn', 'the other workers cannot be heard', { error: String(error) });
      troubled = true;
    }
  };
  const exchanging = timer(0, exchangeEveryMs, clock)
    .pipe(exhaustMap(() => from(exchange())))
    .subscribe();
  return {
    worker,
    want: (names) => tenures.want(names),
    isMine: (name) => tenures.tokenOf(name) !== null,
    mine$: (name) => tenures.held$(name),
    beforeLeaving: (work) => tenures.beforeLeaving(work),
    doerOf: (name) => tenures.holderOf(name),
    get hasHeard() {
      return hasHeard;
    },
    // What this one said itself is older than what it knows, and may be of a former life.
    said: (name) => {
      const word = said.get(name);
      return word?.worker === worker ? undefined : word?.value;
    },
    say: (values) => {
      for (const [name, value] of values) toSay.set(name, value);
    },
    sayOwn: (kind, value) => void toSay.set(`${kind}${own}`, value),
    saidOf: (kind) =>
      [...said].filter(([name]) => name.startsWith(`${kind}@`) && !name.endsWith(own)).map(([, { value }]) => value),
    [Symbol.asyncDispose]: async () => exchanging.unsubscribe(),
  };
}
