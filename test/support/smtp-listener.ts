import { VirtualTimeScheduler } from 'rxjs';
import { openSmtpListener } from '../../src/smtp/listener.ts';
import type { Rejection, SmtpListener, SmtpOptions, SmtpPorts, SmtpRoute, Sockets } from '../../src/smtp/types.ts';
import type { Delivery } from '../../streams/ports.ts';
import { MemoryCustody, type MemoryReceipt } from './memory-receipt.ts';

/** Time that stands still until it is told to go on. */
export class StillClock extends VirtualTimeScheduler {
  /** Runs all that is due within the next `ms`. */
  advance(ms: number): void {
    const target = this.frame + ms;
    this.maxFrames = target;
    this.flush();
    this.frame = target;
  }
}

/** A listener on a free port with routes that a test sets, and everything that came out of it. */
export interface ListenerFixture extends AsyncDisposable {
  readonly listener: SmtpListener;
  readonly port: number;
  readonly clock: StillClock;
  readonly custody: MemoryCustody;
  /** By look-up address, lower case. */
  readonly routes: Map<string, SmtpRoute>;
  readonly rejections: Rejection[];
  readonly logged: string[];
  readonly deliveries: Delivery[];
  /** What a delivery is answered with; acknowledges when undefined. May keep it for later. */
  onDelivery: ((delivery: Delivery) => void) | undefined;
  verdict: ReturnType<SmtpPorts['admit']>;
  readonly sizeHints: (number | null)[];
  /** User names that were none, and were checked all the same. */
  readonly decoys: string[];
  /** As the engine says how many sockets there may be; and what the listener said of its own. */
  readonly sockets: { left: ReturnType<Sockets['left']>; open: number; refused: number };
  known: boolean;
  /** Addresses whose connections must begin with a PROXY header. */
  readonly balancers: Set<string>;
  /** Leaves the listener without anyone who takes deliveries. */
  stopTaking(): void;
  /** Resolves once this many receipts were aborted. */
  aborted(count: number): Promise<void>;
}

/** A route that takes mail from anyone, with parts replaced. */
export function route(definitionId: string, parts: Partial<SmtpRoute> = {}): SmtpRoute {
  return {
    definitionId,
    definitionVersion: 1,
    sourceAllowed: () => true,
    requireTls: false,
    requireAuth: false,
    verifyPassword: () => false,
    suspended: false,
    ...parts,
  };
}

export async function openListener(
  options: Partial<SmtpOptions> = {},
  ports: Pick<SmtpPorts, 'dialogue'> = {},
): Promise<ListenerFixture> {
  const clock = new StillClock();
  const custody = new MemoryCustody();
  const routes = new Map<string, SmtpRoute>([['journal@example.com', route('one')]]);
  const state = { rejections: [] as Rejection[], logged: [] as string[], sizeHints: [] as (number | null)[] };
  const deliveries: Delivery[] = [];
  const listener = await openSmtpListener(
    {
      host: '127.0.0.1',
      port: 0,
      hostname: 'journal.test',
      maxMessageBytes: 1024 * 1024,
      maxConnections: 500,
      idleTimeoutMs: 300_000,
      origin: 'journal',
      ...options,
    },
    {
      custody,
      findRoute: (address) => routes.get(address.toLowerCase()),
      sourceKnown: () => fixture.known,
      isBalancer: (peer) => fixture.balancers.has(peer),
      checkDecoy: (address) => {
        fixture.decoys.push(address);
      },
      admit: (size) => {
        state.sizeHints.push(size);
        return fixture.verdict;
      },
      rejected: (rejection) => state.rejections.push(rejection),
      log: (level, text, data) => state.logged.push(`${level} ${text} ${JSON.stringify(data)}`),
      clock,
      sockets: {
        left: () => fixture.sockets.left,
        taken: () => {
          fixture.sockets.open += 1;
        },
        gone: () => {
          fixture.sockets.open -= 1;
        },
        refused: () => {
          fixture.sockets.refused += 1;
        },
      },
      ...ports,
    },
  );
  const fixture: ListenerFixture = {
    ...state,
    stopTaking: () => subscription.unsubscribe(),
    listener,
    port: listener.port,
    clock,
    custody,
    routes,
    deliveries,
    decoys: [],
    sockets: { left: 'enough', open: 0, refused: 0 },
    onDelivery: undefined,
    verdict: 'ok',
    known: true,
    balancers: new Set(),
    aborted: (count) => eventually(() => custody.receipts.filter((receipt) => receipt.aborted).length >= count),
    [Symbol.asyncDispose]: async () => {
      const closed = listener.close();
      clock.advance(60_000);
      await closed;
    },
  };
  const subscription = listener.delivery$.subscribe((delivery) => {
    deliveries.push(delivery);
    if (fixture.onDelivery) fixture.onDelivery(delivery);
    else void acknowledge(delivery);
  });
  return fixture;
}

/** Commits to the memory receipt under ids `id-1`, `id-2` … and acknowledges. */
export async function acknowledge(delivery: Delivery): Promise<void> {
  const targets = delivery.destinations.map((target, i) => ({ ...target, intakeId: `id-${i + 1}` }));
  const { origin, transport, receipt } = delivery;
  delivery.acknowledge(await receipt.commit({ targets, origin, receivedAt: 0, transport }));
}

/** The bytes a delivery brought. */
export function bytesOf(delivery: Delivery | undefined): Buffer {
  if (delivery === undefined) throw new Error('there was no delivery');
  return (delivery.receipt as MemoryReceipt).bytes;
}

/** Waits, one turn of the event loop after the other, until the condition holds. The test's timeout bounds it. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
