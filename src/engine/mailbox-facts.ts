import type { LedgerEntry, Pop3Ledger } from '../pop3/types.ts';

/** Items that stay in a mailbox, and since when the first of them does. */
export interface Staying {
  readonly count: number;
  readonly since: number;
}
/** What a status tells of a mailbox beside what its sessions say. */
export interface MailboxFact {
  readonly blocked: Staying | null;
  readonly left: Staying | null;
  /** Of the server's certificate, as the last session saw it; null in clear, and before the first session. */
  readonly certificateEndsAt: number | null;
}

/** The facts of all mailboxes, kept up with their ledgers so that a status needs no look into the store. */
export interface MailboxFacts {
  of(definitionId: string): MailboxFact;
  /** The same ledger, listened to. */
  listenTo(definitionId: string, ledger: Pop3Ledger): Pop3Ledger;
  noteCertificate(definitionId: string, endsAt: number): void;
}

type State = LedgerEntry['state'];

export function createMailboxFacts(): MailboxFacts {
  const staying = new Map<string, Map<string, Pick<LedgerEntry, 'state' | 'at'>>>();
  const certificates = new Map<string, number>();
  const note = (definitionId: string, entries: Iterable<readonly [string, LedgerEntry | null]>): void => {
    const known = staying.get(definitionId) ?? new Map();
    staying.set(definitionId, known);
    for (const [key, entry] of entries) {
      if (entry !== null && stays(entry.state)) known.set(key, { state: entry.state, at: entry.at });
      else known.delete(key);
    }
  };
  const count = (definitionId: string, state: State): Staying | null => {
    const times = [...(staying.get(definitionId)?.values() ?? [])].filter((each) => each.state === state);
    if (times.length === 0) return null;
    return {
      count: times.length,
      since: times.reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY),
    };
  };
  return {
    of: (definitionId) => ({
      blocked: count(definitionId, 'blocked'),
      left: count(definitionId, 'left'),
      certificateEndsAt: certificates.get(definitionId) ?? null,
    }),
    listenTo: (definitionId, ledger) => ({
      read: async () => {
        const entries = await ledger.read();
        staying.delete(definitionId);
        note(definitionId, entries);
        return entries;
      },
      write: async (changes, options) => {
        await ledger.write(changes, options);
        note(definitionId, changes);
      },
    }),
    noteCertificate: (definitionId, endsAt) => void certificates.set(definitionId, endsAt),
  };
}

const stays = (state: State): boolean => state === 'blocked' || state === 'left';
