import { of, Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { EngineFailure } from '../../streams/failure.ts';
import { type Ingested, type IngestPorts, ingest } from '../../streams/ingest.ts';
import type { Custodied } from '../../streams/message.ts';
import type { Delivery } from '../../streams/ports.ts';
import { MemoryReceipt } from '../support/memory-receipt.ts';
import { VirtualClock } from '../support/virtual-time.ts';
import { noon, spoolItem } from './fixtures.ts';

/** Everything that promises still have to do, done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class TestDelivery implements Delivery {
  readonly receipt = new MemoryReceipt();
  readonly destinations: Delivery['destinations'];
  readonly origin = 'journal';
  readonly transport = spoolItem('x').transport;
  readonly answers: unknown[] = [];
  /** Ends the commit, which otherwise stays open. */
  commit: { resolve: (custodied: Custodied) => void; reject: (error: unknown) => void } | undefined;

  constructor(...definitionIds: string[]) {
    this.destinations = definitionIds.map((definitionId) => ({ definitionId, definitionVersion: 3 }));
    void this.receipt.write(Buffer.from('Subject: x\r\n\r\n'));
    this.receipt.commit = (received) => {
      this.receipt.received = received;
      return new Promise((resolve, reject) => {
        this.commit = { resolve, reject };
      });
    };
  }
  acknowledge(custodied: Custodied): void {
    this.answers.push(custodied);
  }
  refuse(failure: EngineFailure): void {
    this.answers.push(failure.code);
  }
}

function start(ports: Partial<IngestPorts> = {}, concurrency = 10) {
  const clock = new VirtualClock(noon);
  const deliveries$ = new Subject<Delivery>();
  const ingested: Ingested[] = [];
  let ids = 0;
  const newId = (): string => {
    ids += 1;
    return `id-${ids}`;
  };
  let error: unknown;
  deliveries$.pipe(ingest({ newId, ...ports }, { concurrency }, clock)).subscribe({
    next: (each) => ingested.push(each),
    error: (cause) => {
      error = cause;
    },
  });
  return { clock, deliveries$, ingested, error: () => error };
}
const custodied: Custodied = { intakeIds: ['id-1', 'id-2'], receivedAt: noon, size: 14, sha256: 'sha-1' };

describe('taking deliveries into custody', () => {
  test('a delivery is acknowledged when its commit has resolved, and not before', async () => {
    const { deliveries$, ingested } = start();
    const delivery = new TestDelivery('exchange', 'second');
    deliveries$.next(delivery);
    await settled();
    expect(delivery.receipt.received).toEqual({
      targets: [
        { definitionId: 'exchange', definitionVersion: 3, intakeId: 'id-1' },
        { definitionId: 'second', definitionVersion: 3, intakeId: 'id-2' },
      ],
      origin: 'journal',
      receivedAt: noon,
      transport: delivery.transport,
    });
    expect(delivery.answers).toEqual([]);
    delivery.commit?.resolve(custodied);
    await settled();
    expect(delivery.answers).toEqual([custodied]);
    expect(ingested).toEqual([{ kind: 'acknowledged', destinations: delivery.destinations, custodied, own: false }]);
  });

  test.each([
    ['a failure of the table', new EngineFailure('store-full'), 'store-full'],
    ['any other error', new Error('disk on fire'), 'store-failed'],
  ])('%s refuses the delivery, gives its bytes up and stops no other', async (_, cause, code) => {
    const { deliveries$, ingested, error } = start();
    const bad = new TestDelivery('exchange');
    deliveries$.next(bad);
    await settled();
    bad.commit?.reject(cause);
    await settled();
    expect(bad.answers).toEqual([code]);
    expect(bad.receipt.aborted).toBe(true);
    const good = new TestDelivery('exchange');
    deliveries$.next(good);
    await settled();
    good.commit?.resolve(custodied);
    await settled();
    expect(good.answers).toEqual([custodied]);
    expect(ingested.map(({ kind }) => kind)).toEqual(['refused', 'acknowledged']);
    expect(error()).toBeUndefined();
  });

  test('a receipt that throws at its commit is refused like one that rejects', async () => {
    const { deliveries$, error } = start();
    const bad = new TestDelivery('exchange');
    bad.receipt.commit = () => {
      throw new EngineFailure('store-failed');
    };
    deliveries$.next(bad);
    await settled();
    expect(bad.answers).toEqual(['store-failed']);
    expect(error()).toBeUndefined();
  });

  test('a store that is silent for a minute is refused, and its late answer says nothing more', async () => {
    const { clock, deliveries$ } = start();
    const delivery = new TestDelivery('exchange');
    deliveries$.next(delivery);
    clock.runUntil(noon + 59_999);
    expect(delivery.answers).toEqual([]);
    clock.runUntil(noon + 60_000);
    expect(delivery.answers).toEqual(['commit-timeout']);
    delivery.commit?.resolve(custodied);
    await settled();
    expect(delivery.answers).toEqual(['commit-timeout']);
  });

  test('no more are committed at once than the options say', async () => {
    const { deliveries$ } = start({}, 1);
    const [first, second] = [new TestDelivery('exchange'), new TestDelivery('exchange')];
    deliveries$.next(first);
    deliveries$.next(second);
    await settled();
    expect(second.commit).toBeUndefined();
    first.commit?.resolve(custodied);
    await settled();
    expect(second.commit).toBeDefined();
  });
});

describe('mail of our own that comes back', () => {
  test('is taken like any other, and told apart', async () => {
    const { deliveries$, ingested } = start({ isOwn: (bytes) => Buffer.from(bytes).includes('Subject: x') });
    const delivery = new TestDelivery('exchange');
    deliveries$.next(delivery);
    await settled();
    delivery.commit?.resolve(custodied);
    await settled();
    expect(delivery.answers).toEqual([custodied]);
    expect(ingested).toMatchObject([{ kind: 'acknowledged', own: true }]);
  });

  test('is not looked for in what is larger than any alert', async () => {
    const { deliveries$, ingested } = start({ isOwn: () => expect.fail('it was read') });
    const delivery = new TestDelivery('exchange');
    Object.assign(delivery.receipt, { size: 300_000 });
    deliveries$.next(delivery);
    await settled();
    delivery.commit?.resolve(custodied);
    await settled();
    expect(ingested).toMatchObject([{ kind: 'acknowledged', own: false }]);
  });
});

describe('matching.expiredAction reject', () => {
  test('refuses what is over age for each of its definitions, before the commit', async () => {
    const seen: [string, number][] = [];
    const told: string[] = [];
    const { deliveries$ } = start({
      refusedByAge: async (bytes, { destinations }) => void told.push(`${bytes.length} for ${destinations.length}`),
      isExpired: (bytes, _, receivedAt) => of(seen.push([Buffer.from(bytes).toString(), receivedAt]) > 0),
    });
    const delivery = new TestDelivery('exchange', 'second');
    deliveries$.next(delivery);
    await settled();
    expect(delivery.answers).toEqual(['expired']);
    expect(delivery.commit).toBeUndefined();
    expect(seen).toEqual([
      ['Subject: x\r\n\r\n', noon],
      ['Subject: x\r\n\r\n', noon],
    ]);
    expect(told).toEqual(['14 for 2']);
  });

  test('accepts what one of its definitions still takes', async () => {
    const { deliveries$ } = start({
      isExpired: (_, { definitionId }) => of(definitionId === 'exchange'),
      refusedByAge: () => expect.fail('it was not refused'),
    });
    const delivery = new TestDelivery('exchange', 'second');
    deliveries$.next(delivery);
    await settled();
    expect(delivery.commit).toBeDefined();
  });
});
