import { concatMap, filter, type Subscription, timer } from 'rxjs';
import { type EngineActor, journalOf } from '../../machines/follow.ts';
import { runtimeOf } from '../../machines/journal.context.ts';
import { takeOverDefinitions } from './announce.ts';
import { archiveDuty, definitionDuty, gatewayDuty } from './duties.ts';
import { saveRuntime } from './journal-news.ts';
import { rejectedKind } from './rejected-counts.ts';
import { statusesOf } from './statuses.ts';
import type { Workshop } from './workshop.ts';

const everyMs = 1_000;

/** All that one worker or another is to do. */
export const dutiesOf = ({ book }: Pick<Workshop, 'book'>): readonly string[] => [
  ...[archiveDuty, gatewayDuty],
  ...book.all().map(({ id }) => definitionDuty(id)),
];

/**
 * Keeps the engines of a cluster together: what there is to do is wanted, what this one does is told to the others, and
 * definitions that were changed elsewhere are in force here too. Nothing of an engine by itself.
 */
export function shareDuties(
  workshop: Workshop,
  actor: EngineActor,
  inTurn: <T>(change: () => Promise<T>) => Promise<T>,
): AsyncDisposable {
  const { duties, book, store, clock, log, rejected } = workshop;
  if (duties.worker === null) return { [Symbol.asyncDispose]: async () => undefined };
  const want = (): void => duties.want(dutiesOf(workshop));
  want();
  duties.beforeLeaving(async (name) => {
    const id = book.all().find((each) => definitionDuty(each.id) === name)?.id;
    const journal = id === undefined ? undefined : journalOf(actor, id);
    if (id === undefined || journal === undefined) return;
    await saveRuntime(workshop, id, runtimeOf(journal.getSnapshot().context, clock.now())).catch((error: unknown) =>
      log('error', 'the runtime record could not be saved', { definition: id, error: String(error) }),
    );
  });
  const running: Subscription = timer(everyMs, everyMs, clock).subscribe(() => {
    want();
    const mine = statusesOf(workshop, actor).filter(({ id }) => duties.isMine(definitionDuty(id)));
    duties.sayOwn(rejectedKind, rejected.all());
    duties.say(new Map(mine.map((status) => [definitionDuty(status.id), status])));
  });
  const takeOver = async (): Promise<void> => {
    try {
      await takeOverDefinitions(workshop, actor);
    } catch (error) {
      log('error', 'a definition that was changed elsewhere could not be taken over', { error: String(error) });
    }
  };
  running.add(
    store.touched$
      .pipe(
        filter(
          ({ elsewhere = false, events }) => elsewhere && events.some(({ type }) => type.startsWith('definition.')),
        ),
        concatMap(() => inTurn(takeOver)),
      )
      .subscribe(),
  );
  return { [Symbol.asyncDispose]: async () => running.unsubscribe() };
}
