import { representationsOf } from '../../streams/entry-view.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { ArchiveEntry, Representation } from '../../streams/message.ts';
import type { MessageWords } from '../content/message-words.ts';
import type { CommandFacts, LogPosition, LogRecord } from '../store/commit-log.types.ts';
import { entryPosition } from '../store/entry-keys.ts';
import type { Store } from '../store/open-store.ts';
import type { OutcomeFacts } from '../store/outcome-record.ts';
import type { TextIndex, TextRow } from '../store/text-index.ts';
import { readRepresentation } from './archive-api.ts';

/** Records looked at between two looks at the clock. */
const recordsAtOnce = 256;
/** Versions of one message whose words are kept; copies seldom differ at all. */
const maxVersions = 8;
/** Attempts at a message that ends the process, before it is left out. */
const maxTries = 2;

export interface TextPassParts {
  readonly store: Pick<Store, 'log' | 'evidence' | 'messages' | 'bodies' | 'queue'>;
  readonly index: TextIndex;
  /** The words of a message. @throws EngineFailure `parser-crash`, `stopping` */
  readonly wordsOf: (message: Uint8Array) => Promise<MessageWords>;
}

/** Brings the text index up to the commit log, one small step after another (D-080). */
export interface TextPass {
  /** Copies that were archived or matched and are not in the index yet. */
  readonly behind: number;
  /** Takes deleted messages out, then reads the next ones. False where there was nothing to do. */
  step(): Promise<boolean>;
}

export function createTextPass(parts: TextPassParts): TextPass {
  const { store, index } = parts;
  return {
    get behind() {
      return Math.max(0, store.queue.settled - index.state.settled);
    },
    step: async () => {
      // Nothing of what was deleted before there was an index is in it.
      if (index.state.removed === 0 && lastFolded(store) > 0) await index.note({ removed: lastFolded(store) });
      const removed = await removeDeleted(parts);
      const read = await readNext(parts);
      if (removed || read) return true;
      // Where all is read and nothing is under way the account is even, whatever a damaged record has hidden.
      const isEven = store.log.waiting.count === 0 && index.state.indexed.seq === lastFolded(store);
      if (isEven && index.state.settled !== store.queue.settled) await index.note({ settled: store.queue.settled });
      return false;
    },
  };
}

/** The last record whose messages every reader sees. */
const lastFolded = ({ log, evidence }: TextPassParts['store']): number => Math.min(evidence.tree.size, log.head.seq);

/** Deletions come first, up to the newest: a long archive may take days to read. */
async function removeDeleted({ store, index }: TextPassParts): Promise<boolean> {
  const { removed } = index.state;
  const end = Math.min(lastFolded(store), removed + recordsAtOnce);
  for (let seq = removed + 1; seq <= end; seq += 1) {
    const record = await recordAt(store, seq);
    const ids = record === null ? [] : deletedBy(record);
    if (record === null || ids.length === 0) continue;
    await index.remove(ids, { seq, at: record.at });
  }
  if (end > index.state.removed) await index.note({ removed: end });
  return end > removed;
}

function deletedBy({ kind, facts }: LogRecord): readonly string[] {
  if (kind !== 'command') return [];
  const command = facts as CommandFacts;
  return command.command === 'delete' ? command.entries.map(({ id }) => id) : [];
}

/** The messages of the next record that archived some. */
async function readNext(parts: TextPassParts): Promise<boolean> {
  const { store, index } = parts;
  const { indexed, settled } = index.state;
  const end = Math.min(lastFolded(store), indexed.seq + recordsAtOnce);
  let position: LogPosition = indexed;
  for (let seq = indexed.seq + 1; seq <= end; seq += 1) {
    const record = await recordAt(store, seq);
    position = { seq, hash: record?.hash ?? '' };
    const ids = record === null ? [] : archivedBy(record);
    if (ids.length === 0) continue;
    for (const id of new Set(ids)) await readEntry(parts, id);
    await index.note({ indexed: position, settled: settled + ids.length });
    return true;
  }
  if (position.seq > indexed.seq) await index.note({ indexed: position });
  return position.seq > indexed.seq;
}

/** Of each copy the entry it made or joined. */
function archivedBy({ kind, facts }: LogRecord): readonly string[] {
  if (kind !== 'outcome') return [];
  const { outcomes } = facts as OutcomeFacts;
  return outcomes.flatMap(({ intakeId, verdict }) => {
    if (verdict.kind === 'end') return [];
    return [verdict.kind === 'merge' ? verdict.entryId : intakeId];
  });
}

/** Null where it is damaged or lost; the scrub tells of that. */
async function recordAt({ log }: TextPassParts['store'], seq: number): Promise<LogRecord | null> {
  try {
    return (await log.record(seq)).record;
  } catch (error) {
    if (isLost(error)) return null;
    throw error;
  }
}

const isLost = (error: unknown): boolean =>
  error instanceof EngineFailure && (error.code === 'damaged' || error.code === 'missing');

/** The row that the entry should have; nothing where it has it, or is gone. */
async function readEntry(parts: TextPassParts, entryId: string): Promise<void> {
  const { store, index } = parts;
  const entry = await store.messages.get(entryId);
  if (entry === undefined) return;
  const known = (await index.rowOf(entryId)) ?? noRow;
  const { all } = representationsOf(entry);
  const unread = all.filter(({ sha256 }) => !known.read.includes(sha256));
  const position = entryPosition(entry);
  if (unread.length === 0 && known.position === position) return;
  const row = await rowWith(parts, { ...known, position }, { entry, unread });
  // Deleted meanwhile: whoever looked for its words has not seen this row.
  if ((await store.messages.get(entryId)) === undefined) return index.note({ trying: null });
  await index.put(entryId, row, { trying: null });
}

const noRow: TextRow = { position: '', read: [], words: '', truncated: false, unreadable: false };

async function rowWith(
  parts: TextPassParts,
  row: TextRow,
  { entry, unread }: { readonly entry: ArchiveEntry; readonly unread: readonly Representation[] },
): Promise<TextRow> {
  const taken = unread.slice(0, Math.max(0, maxVersions - row.read.length));
  const words = new Set(row.words === '' ? [] : row.words.split(' '));
  let { truncated, unreadable } = { ...row, truncated: row.truncated || taken.length < unread.length };
  for (const version of taken) {
    const found = await wordsOfVersion(parts, entry.id, version);
    unreadable ||= found === null;
    truncated ||= found?.truncated ?? false;
    for (const word of found === null || found.words === '' ? [] : found.words.split(' ')) words.add(word);
  }
  const read = [...row.read, ...taken.map(({ sha256 }) => sha256)];
  return { position: row.position, read, words: [...words].join(' '), truncated, unreadable };
}

/** Null where it cannot be read: the message is found by all else, and the rest of the archive goes on. */
async function wordsOfVersion(
  { store, index, wordsOf }: TextPassParts,
  entryId: string,
  version: Representation,
): Promise<MessageWords | null> {
  const { trying } = index.state;
  const times = trying?.entryId === entryId ? trying.times : 0;
  if (times >= maxTries) return null;
  await index.note({ trying: { entryId, times: times + 1 } });
  try {
    return await wordsOf(await readRepresentation(store.bodies, version));
  } catch (error) {
    if (isLost(error) || (error instanceof EngineFailure && error.code === 'parser-crash')) return null;
    // The attempt was cut off, by a stop or a store that failed, and is no sign of what the message does.
    await index.note({ trying });
    throw error;
  }
}
