import {
  catchError,
  concat,
  concatMap,
  defer,
  every,
  from,
  ignoreElements,
  map,
  mergeMap,
  type Observable,
  type ObservableInput,
  type OperatorFunction,
  of,
  type SchedulerLike,
  tap,
  throwError,
  timeout,
} from 'rxjs';
import { asFailure, EngineFailure } from './failure.ts';
import type { Custodied, Destination } from './message.ts';
import type { Delivery, NewId } from './ports.ts';

export interface IngestPorts {
  readonly newId: NewId;
  /** True for a message that `matching.expiredAction: reject` refuses; absent where nothing is refused by age. */
  readonly isExpired?: (bytes: Uint8Array, destination: Destination, receivedAt: number) => ObservableInput<boolean>;
  /** Told of each message that was refused so, before its sender is. */
  readonly refusedByAge?: (
    bytes: Uint8Array,
    delivery: Pick<Delivery, 'destinations' | 'transport'>,
  ) => ObservableInput<void>;
  /** True for mail of the engine's own that comes back: taken like any other, and no sign of life. */
  readonly isOwn?: (bytes: Uint8Array) => boolean;
  /** False while none can come: then no message is looked at. */
  readonly seeksOwn?: () => boolean;
}
export interface IngestOptions {
  /** Deliveries committed at once; a connection has one at most, so their number bounds it. */
  readonly concurrency: number;
}
/** What became of one delivery. */
export type Ingested =
  | {
      readonly kind: 'acknowledged';
      readonly destinations: readonly Destination[];
      readonly custodied: Custodied;
      /** Mail of the engine's own. */
      readonly own: boolean;
    }
  | { readonly kind: 'refused'; readonly destinations: readonly Destination[]; readonly failure: EngineFailure };

/** An alert that comes back, and the report around it, are far smaller. */
const ownBytes = 262_144;

/** A sender waits ten minutes for the final answer (RFC 5321 4.5.3.2.6); a store that is silent for one has failed. */
const commitWithinMs = 60_000;

/**
 * Takes each delivery into custody and only then acknowledges it (INV-1); a delivery that fails is refused and stops no
 * other.
 */
export function ingest(
  { newId, isExpired, refusedByAge, isOwn, seeksOwn }: IngestPorts,
  { concurrency }: IngestOptions,
  clock: SchedulerLike,
): OperatorFunction<Delivery, Ingested> {
  const take = (delivery: Delivery): Observable<Ingested> => {
    const { destinations, receipt, origin, transport } = delivery;
    const receivedAt = clock.now();
    const targets = destinations.map((destination) => ({ ...destination, intakeId: newId() }));
    const commit = (): Observable<Custodied> => defer(() => receipt.commit({ targets, origin, receivedAt, transport }));
    const custodied$ =
      isExpired === undefined
        ? commit()
        : aged(delivery, { isExpired, refusedByAge }, receivedAt).pipe(mergeMap(commit));
    const taken = (own: boolean): Observable<Ingested> =>
      custodied$.pipe(map((custodied): Ingested => ({ kind: 'acknowledged', destinations, custodied, own })));
    const looks = isOwn !== undefined && receipt.size <= ownBytes && seeksOwn?.() !== false;
    const taken$ = looks ? previewed(receipt).pipe(mergeMap((bytes) => taken(isOwn(bytes)))) : taken(false);
    const silent = (): Observable<never> => throwError(() => new EngineFailure('commit-timeout'));
    return taken$.pipe(
      timeout({ first: commitWithinMs, scheduler: clock, with: silent }),
      catchError((error: unknown) => {
        receipt.abort();
        return of<Ingested>({ kind: 'refused', destinations, failure: asFailure(error) });
      }),
      tap((ingested) => {
        if (ingested.kind === 'acknowledged') delivery.acknowledge(ingested.custodied);
        else delivery.refuse(ingested.failure);
      }),
    );
  };
  return mergeMap(take, concurrency);
}

const previewed = (receipt: Delivery['receipt']): Observable<Uint8Array> => defer(() => receipt.preview());

/** Refuses a message that is over age for every definition it was sent to. */
function aged(
  { receipt, destinations, transport }: Delivery,
  {
    isExpired,
    refusedByAge,
  }: {
    readonly isExpired: NonNullable<IngestPorts['isExpired']>;
    readonly refusedByAge: IngestPorts['refusedByAge'] | undefined;
  },
  receivedAt: number,
): Observable<void> {
  return previewed(receipt).pipe(
    mergeMap((bytes) =>
      from(destinations).pipe(
        concatMap((destination) => isExpired(bytes, destination, receivedAt)),
        every((expired) => expired),
        mergeMap((expired) => {
          if (!expired) return of(undefined);
          const refused$ = from(refusedByAge?.(bytes, { destinations, transport }) ?? []);
          return concat(
            refused$.pipe(ignoreElements()),
            throwError(() => new EngineFailure('expired')),
          );
        }),
      ),
    ),
  );
}
