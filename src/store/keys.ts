import { hash } from 'node:crypto';

/**
 * Every key of the index in one place. Keys are strings compared by bytes; fixed width where order is by number;
 * NUL separates parts, since it can stand in none of them.
 *
 * | sublevel | key | value | order serves |
 * |---|---|---|---|
 * | intake | intakeId | IntakeRow | newest first by id |
 * | open | definition NUL intakeId | - | oldest in process, lists by state |
 * | due | definition NUL dueAt NUL intakeId | - | what a drain reads next |
 * | state | outcome NUL intakeId | - | held, skipped and quarantined items |
 * | purge | purgeRawAt NUL intakeId | - | skipped items by the time their bytes are given up |
 * | tomb | record number | purged at | payloads to drop, those of one segment together |
 * | told | record number | ToldRow | records that tell of deleted mail: dropped when all else in them stands elsewhere |
 * | keep | definitions NUL last receipt NUL entryId | - | entries by who keeps them, the longest kept first |
 * | said | definition | KeepSaid[] | how long its mail is kept |
 * | imported | definition NUL name of the import | ImportedRow | what was imported before |
 * | gone | entryId | GoneRow | deleted entries |
 * | hold | id of the hold | HoldRow | legal holds |
 * | wait | match key NUL intakeId | - | who to wake when the key changes |
 * | entry | entryId | ArchiveEntry | newest first by id |
 * | match | match key NUL entryId; match key alone | - | candidates of a match; whether there are any |
 * | facet | facet NUL position of the entry | - | searches by participant, word, definition, flag, and all entries |
 * | event | sequence number | LoggedEvent | by time |
 * | eventBy | definition NUL sequence number | - | events of one definition |
 * | uidl | definition NUL key of the item | see the POP3 room | the ledger of a mailbox |
 * | tree | level NUL place | hash | subtrees of the log's Merkle tree |
 * | figures, ledger, definition, version, runtime, meta | see rows.ts | | |
 *
 * The position of an entry is its date NUL its id: every list of a search is in one order, so lists are intersected by
 * walking them together, and a range of dates is a range of each of them (D-063).
 */
const separator = '\u0000';
const afterSeparator = '\u0001';
const timeWidth = 15;
const sequenceWidth = 16;

/**
 * The value of a key that says all by itself. Any but '', of which classic-level never frees its copy (32 bytes a key,
 * D-138); an index from before has '' there.
 */
export const keyAlone = '-';

/** The range of a definition; the gateway's sorts after every definition id. */
export const rangeOf = (definitionId: string | null): string => definitionId ?? '~';

const time = (at: number): string => String(Math.max(0, Math.floor(at))).padStart(timeWidth, '0');

export const openKey = (definitionId: string | null, intakeId: string): string =>
  rangeOf(definitionId) + separator + intakeId;

export const dueKey = (definitionId: string | null, dueAt: number, intakeId: string): string =>
  rangeOf(definitionId) + separator + time(dueAt) + separator + intakeId;

/** The parts of a due key. */
export function readDueKey(key: string): { readonly dueAt: number; readonly intakeId: string } {
  const [, dueAt = '', intakeId = ''] = key.split(separator);
  return { dueAt: Number(dueAt), intakeId };
}

/** `name`: see import-name.ts; blinded where the index is encrypted. */
export const importedKey = (definitionId: string | null, name: string): string =>
  rangeOf(definitionId) + separator + name;

export const stateKey = (outcome: string, intakeId: string): string => outcome + separator + intakeId;

export const timedKey = (at: number, id: string): string => time(at) + separator + id;

/** The range of timed keys up to `at`, itself among them. */
export const timedUntil = (at: number): { readonly gte: string; readonly lt: string } => ({
  gte: '',
  lt: time(at) + afterSeparator,
});

/** 128 bits of SHA-256: bounded width whatever a sender put into its Message-ID; readers compare the whole key again. */
export const matchKeyDigest = (matchKey: string): string => hash('sha256', matchKey, 'base64url').slice(0, 22);

export const matchIndexKey = (matchKey: string, id: string): string => matchKeyDigest(matchKey) + separator + id;

/** Every entry has it. */
export const everyFacet = 'e:';
export const senderFacet = (address: string): string => `s:${clean(address.toLowerCase())}`;
export const recipientFacet = (address: string): string => `r:${clean(address.toLowerCase())}`;
/** A list, or whoever forwarded, on the way to a recipient. */
export const viaFacet = (address: string): string => `v:${clean(address.toLowerCase())}`;
export const wordFacet = (word: string): string => `w:${clean(word)}`;
export const definitionFacet = (definitionId: string): string => `d:${definitionId}`;
export const flagFacet = (flag: string): string => `f:${clean(flag)}`;
/** Some report of it names fewer people than the headers do. */
export const unreportedFacet = 'u:';
export const facetKey = (facet: string, position: string): string => facet + separator + position;

/** Where a list of entries goes on, URL-safe: behind this position, or at it. */
export const cursorBehind = (position: string): string => position.replace(separator, '.');
export const cursorAt = (position: string): string => position.replace(separator, '-');
/** The bound that all further positions are below. */
export function readCursor(cursor: string): string {
  const position = cursor.slice(0, timeWidth) + separator + cursor.slice(timeWidth + 1);
  return cursor[timeWidth] === '-' ? keyAfter(position) : position;
}
/** The position in a facet key. */
export const lastPositionOf = (key: string): string => key.slice(key.lastIndexOf(separator) - timeWidth);

/** Where an entry stands among all. `date`: epoch ms; what is older than 1970 stands at its beginning. */
export const positionOf = (date: number, entryId: string): string => timedKey(date, entryId);
/** Greater than every position of this date, and no greater than any of a later one. */
export const positionBehind = (date: number): string => time(date) + afterSeparator;
/** No greater than any position of this date, and greater than all of earlier ones. */
export const positionBefore = (date: number): string => time(date);
/** Greater than every position. */
export const positionEnd = '~';

/** `keepers`: the ranges of its definitions, in order. */
export const keepKey = (keepers: readonly string[], lastAt: number, entryId: string): string =>
  keepers.join(',') + separator + timedKey(lastAt, entryId);
/** The ranges of the definitions of a keep key, and where the keys of the same ones end. */
export function keepersOf(key: string): { readonly keepers: readonly string[]; readonly end: string } {
  const [joined = ''] = key.split(separator, 1);
  return { keepers: joined.split(','), end: joined + afterSeparator };
}
/** The keep keys of the same definitions whose last receipt was at `lastAt` or before. */
export const keepUntil = (
  keepers: readonly string[],
  lastAt: number,
): { readonly gte: string; readonly lt: string } => ({
  gte: keepers.join(',') + separator,
  lt: keepers.join(',') + separator + time(lastAt) + afterSeparator,
});
/** The first key after `key`. */
export const keyAfter = (key: string): string => key + separator;

export const tombKey = (seq: number): string => String(seq).padStart(sequenceWidth, '0');
export const eventKey = (seq: number): string => String(seq).padStart(sequenceWidth, '0');
export const eventByKey = (definitionId: string, seq: number): string => definitionId + separator + eventKey(seq);
export const ledgerKey = (definitionId: string | null, day: string): string => rangeOf(definitionId) + separator + day;
export const treeKey = (level: number, place: number): string =>
  String(level).padStart(2, '0') + separator + String(place).padStart(sequenceWidth, '0');
export const versionKey = (definitionId: string, version: number): string =>
  definitionId + separator + String(version).padStart(sequenceWidth, '0');

/** The range of all keys that start with `prefix` and a separator. */
export const within = (prefix: string): { readonly gte: string; readonly lt: string } => ({
  gte: prefix + separator,
  lt: prefix + afterSeparator,
});

/** The last part of a key. */
export const lastPart = (key: string): string => key.slice(key.lastIndexOf(separator) + 1);

const clean = (text: string): string => (text.includes(separator) ? text.replaceAll(separator, '') : text);
