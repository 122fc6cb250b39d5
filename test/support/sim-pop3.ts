import { createHash } from 'node:crypto';
import { type Observable, type SchedulerLike, tap } from 'rxjs';
import type { SourceInput, SourceNews } from '../../machines/journal.events.ts';
import { openMailbox } from '../../src/pop3/mailbox.ts';
import type { LedgerEntry, MailboxOptions } from '../../src/pop3/types.ts';
import type { Store } from '../../src/store/open-store.ts';
import { poll } from '../../streams/poll.ts';
import type { Custody, NewId, News, Receipt } from '../../streams/ports.ts';
import type { Plant } from './sim-figures.ts';
import { box } from './sim-mail.ts';
import type { SimMailbox } from './sim-mailbox.ts';

export interface SimPop3Parts {
  readonly store: Store;
  readonly mailbox: SimMailbox;
  readonly clock: SchedulerLike;
  readonly newId: NewId;
  readonly plant: Plant | undefined;
  readonly random: () => number;
  /** The store has failed under a session. */
  readonly failed: () => void;
  /** Another definition than the one of the seeds. */
  readonly place?: string;
  readonly pollIntervalMs?: number;
  /** Throws where the server cannot be reached. */
  readonly reachMailbox?: () => void;
}

const options: MailboxOptions = {
  ...{
    host: 'mailbox.test',
    port: 995,
    mailboxName: 'box',
    password: 'not-in-any-text',
    encrypted: true,
    encryptionMode: 'strict',
  },
  ...{ certificatePin: null, timeoutMs: 60_000, maxMessageBytes: 1_000_000 },
};

/** Polls while subscribed to. */
export type PollSim = (start: Pick<SourceInput, 'notBeforeAt' | 'backoffStep'>) => Observable<News>;

export const simPop3 = (parts: SimPop3Parts, start: Parameters<PollSim>[0]): Observable<SourceNews> =>
  openSimPop3(parts)(start) as Observable<SourceNews>;

/** The poller, session after session, as in the product; only the line to the server is the simulation's. */
export function openSimPop3({ store, mailbox, clock, newId, plant, random, failed, ...more }: SimPop3Parts): PollSim {
  const { place = box, pollIntervalMs = 500, reachMailbox } = more;
  const uidl = store.uidl(place);
  const opened = openMailbox(
    options,
    {
      openSession: async () => {
        reachMailbox?.();
        return mailbox.session(clock);
      },
      custody: plant === 'delete-before-commit' ? unpaid(store.custody) : store.custody,
      ledger: {
        read: async () => (await uidl.read()) as unknown as ReadonlyMap<string, LedgerEntry>,
        write: (changes, options) => uidl.write(changes as unknown as Parameters<typeof uidl.write>[0], options),
      },
      newId,
      destination: () => ({ definitionId: place, definitionVersion: 1 }),
      admit: () => 'ok',
      taken: () => undefined,
      report: () => undefined,
      clock,
    },
    { items: 3, bytes: 1_000_000, ms: 60_000 },
  );
  return (start) =>
    poll(opened.extract, { ...start, pollIntervalMs, random }, clock).pipe(
      tap((news: News) => {
        if (news.type === 'source.failed' && news.kind === 'storage') failed();
      }),
    );
}

/** The planted fault: what is on its way to the disk counts as being there, so that it is deleted before it is. */
function unpaid({ begin }: Pick<Custody, 'begin'>): Pick<Custody, 'begin'> {
  return {
    begin: (done) => {
      const receipt = begin(done);
      const hash = createHash('sha256');
      const write: Receipt['write'] = (chunk) => {
        hash.update(chunk);
        return receipt.write(chunk);
      };
      const commit: Receipt['commit'] = async (received) => {
        receipt.commit(received).catch(() => undefined);
        const intakeIds = received.targets.map(({ intakeId }) => intakeId);
        return { intakeIds, receivedAt: received.receivedAt, size: receipt.size, sha256: hash.digest('hex') };
      };
      return { write, commit, preview: () => receipt.preview(), abort: () => undefined, size: receipt.size };
    },
  };
}
