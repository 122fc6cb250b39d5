import { freshRecord } from '../../machines/journal.context.ts';
import type { RuntimeRecord } from '../../machines/journal.events.ts';
import type { Definition } from './definition-book.types.ts';
import type { Workshop } from './workshop.ts';

/**
 * Where each journal stood when the engine ended. The runtime record is saved now and then, and is gone with a rebuilt
 * index; what the log proves outranks it: a message that came, a suspension that holds (journaling d.4).
 */
export async function loadRuntimes(workshop: Workshop): Promise<Record<string, RuntimeRecord>> {
  const records: Record<string, RuntimeRecord> = {};
  for (const definition of workshop.book.all()) {
    const { id } = definition;
    const fresh = withMessage(freshRecord(workshop.clock.now()), workshop, id);
    records[id] = withSuspension((await savedRuntime(workshop, id)) ?? fresh, definition);
  }
  return records;
}

/** As it was saved, with the messages that the log knows of; null where it never was. */
export async function savedRuntime(known: Known, id: string): Promise<RuntimeRecord | null> {
  const saved = (await known.store.definitions.loadRuntime(id)) as unknown as RuntimeRecord | undefined;
  return saved === undefined ? null : withMessage(saved, known, id);
}

type Known = Pick<Workshop, 'store' | 'book'>;

/** A message that the record has not heard of begins the silence anew. One of a mailbox proves no run that came to its end. */
function withMessage(record: RuntimeRecord, { store, book }: Known, id: string): RuntimeRecord {
  const { lastMessageAt } = store.figuresOf(id);
  if (lastMessageAt === null || (record.lastMessageAt ?? 0) >= lastMessageAt) return record;
  if (book.get(id)?.config.transport === 'pop3') return { ...record, lastMessageAt };
  return {
    ...record,
    firstRunDone: true,
    lastMessageAt,
    lastSuccessfulExtractAt: Math.max(record.lastSuccessfulExtractAt ?? 0, lastMessageAt),
    listenedMs: 0,
    silenceNoted: false,
  };
}

function withSuspension(record: RuntimeRecord, { suspended, suspendedSince }: Definition): RuntimeRecord {
  if (!suspended || suspendedSince === null || record.status === 'suspended') return record;
  return { ...record, status: 'suspended', since: suspendedSince };
}
