import { createHash } from 'node:crypto';
import { representationsOf } from '../../streams/entry-view.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { ArchiveEntry, Representation } from '../../streams/message.ts';
import type { Bodies } from '../../streams/ports.ts';
import { exportText } from '../evidence/export-statement.ts';
import type { Signer } from '../evidence/head.ts';
import type { EngineApi } from '../http/api.types.ts';
import { type ExportApi, type ExportedMessage, ManifestFault, type WantedExport } from '../http/export.types.ts';
import { LineTooLong, linesOf, manifestLineBytes } from '../lines.ts';
import { entryPosition } from '../store/entry-keys.ts';
import { cursorBehind } from '../store/keys.ts';
import { download } from './archive-api.ts';
import { engineEvent } from './definition-events.ts';
import type { Workshop } from './workshop.ts';

type ExportParts = Pick<Workshop, 'store' | 'clock' | 'note'> & {
  readonly archive: Pick<EngineApi, 'viewOf'>;
  readonly signer: Signer;
};

/** Entries looked up at once; few, since each stands in memory with all its observations. */
const pageItems = 50;
/** Read ahead of what is sent, so that the disk and the line work at once. */
const aheadItems = 16;
const aheadBytes = 4 * 1024 * 1024;

/** Exports, and what is signed of them. */
export function createExportApi(parts: ExportParts): ExportApi {
  const { store, clock, signer } = parts;
  return {
    read: (wanted) => audited(wanted, parts),
    sign: async (manifest) => {
      const hash = createHash('sha256');
      const { messages, deleted } = await checked(
        hashing(manifest, (chunk) => hash.update(chunk)),
        parts,
      );
      const log = await store.evidence.name();
      const statement = exportText({ log, manifest: hash.digest('hex'), messages, deleted, at: clock.now() });
      const publicKey = signer.publicKey.export({ type: 'spki', format: 'pem' }) as string;
      return { statement, signature: signer.signText(statement), key: signer.key, publicKey };
    },
  };
}

/** One event for each, with what was asked for and how much went out, whoever ended it. */
async function* audited(wanted: WantedExport, parts: ExportParts): AsyncGenerator<ExportedMessage, void> {
  const { actor, peer, query, cursor, limit } = wanted;
  const sent = { count: 0, bytes: 0, damaged: 0, complete: false };
  try {
    for await (const message of readAhead(entriesOf(wanted, parts), parts)) {
      if (message.bytes === null) sent.damaged += 1;
      else {
        sent.count += 1;
        sent.bytes += message.bytes.length;
      }
      yield message;
      if (sent.count === limit) break;
    }
    sent.complete = true;
  } finally {
    const data = { peer, query, resumed: cursor !== undefined, ...sent };
    parts.note({ ...engineEvent('messages.exported', data), actor });
  }
}

async function* entriesOf(wanted: WantedExport, { store }: ExportParts): AsyncGenerator<ArchiveEntry, void> {
  const { filter, asOf = Number.POSITIVE_INFINITY } = wanted;
  let { cursor } = wanted;
  do {
    const page = await store.messages.find({ ...filter, limit: pageItems, cursor });
    yield* page.items.filter(({ archivedAt }) => archivedAt <= asOf);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}

type Read = ExportedMessage | 'gone' | { readonly error: unknown };

/** In the order of the entries, several being read at once, bounded by their bytes. */
async function* readAhead(
  entries: AsyncGenerator<ArchiveEntry, void>,
  parts: ExportParts,
): AsyncGenerator<ExportedMessage, void> {
  const queue: { readonly read: Promise<Read>; readonly size: number }[] = [];
  let queued = 0;
  let next = await entries.next();
  while (queue.length > 0 || next.done !== true) {
    while (next.done !== true) {
      const size = representationsOf(next.value).primary?.size ?? 0;
      if (queue.length > 0 && (queue.length >= aheadItems || queued + size > aheadBytes)) break;
      queue.push({ size, read: read(next.value, parts).catch((error: unknown) => ({ error })) });
      queued += size;
      next = await entries.next();
    }
    const first = queue.shift();
    const message = (await first?.read) ?? 'gone';
    queued -= first?.size ?? 0;
    if (message === 'gone') continue;
    if ('error' in message) throw message.error;
    yield message;
  }
}

async function read(entry: ArchiveEntry, { archive, store }: ExportParts): Promise<Read> {
  const { id, messageId, sha256, size, date, archivedAt, sender, recipients, flags } = archive.viewOf(entry, []);
  const people = recipients.map(({ address, type }) => ({ address, type }));
  const next = cursorBehind(entryPosition(entry));
  const line = { id, messageId, sha256, size, date, archivedAt, sender, recipients: people, flags, next };
  const { primary } = representationsOf(entry);
  const bytes = primary === undefined ? null : await bytesOf(store.bodies, primary);
  // What was deleted while it was read is handed to nobody.
  if ((await store.messages.get(id)) === undefined) return 'gone';
  return { line, bytes };
}

/** Null where they are damaged. */
async function bytesOf(bodies: Bodies, representation: Representation): Promise<Uint8Array | null> {
  try {
    return (await download(bodies, representation)).content;
  } catch (error) {
    if (error instanceof EngineFailure && error.code === 'damaged') return null;
    throw error;
  }
}

async function* hashing(
  chunks: AsyncIterable<Uint8Array>,
  update: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    update(chunk);
    yield chunk;
  }
}

/** Whoever has a signed manifest may rely on each line of it, so each is looked up. @throws ManifestFault */
async function checked(
  chunks: AsyncIterable<Uint8Array>,
  { store }: ExportParts,
): Promise<{ readonly messages: number; readonly deleted: number }> {
  let [messages, deleted] = [0, 0];
  try {
    for await (const { text, isWhole } of linesOf(chunks, manifestLineBytes)) {
      messages += 1;
      const stands = isWhole ? await standing(text, store) : 'differs';
      if (stands === 'differs') throw new ManifestFault(`line ${messages} is of no message of this archive`);
      if (stands === 'deleted') deleted += 1;
    }
  } catch (error) {
    throw error instanceof LineTooLong ? new ManifestFault(error.message) : error;
  }
  return { messages, deleted };
}

async function standing(text: string, { messages }: ExportParts['store']): Promise<'stands' | 'deleted' | 'differs'> {
  const { id, sha256, size, messageId } = readLine(text);
  if (typeof id !== 'string') return 'differs';
  const entry = await messages.get(id);
  if (entry === undefined) return (await messages.goneOf(id)) === undefined ? 'differs' : 'deleted';
  // Another copy may have come since, and be the one that is shown.
  const told = entry.observations.flatMap((observation) =>
    observation.representations.map((each) => ({ ...each, reportMessageId: observation.reportMessageId })),
  );
  const fits = told.some(
    (each) =>
      each.sha256 === sha256 &&
      each.size === size &&
      (messageId === null || each.facts.messageId === messageId || each.reportMessageId === messageId),
  );
  return fits ? 'stands' : 'differs';
}

function readLine(text: string): Readonly<Record<string, unknown>> {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? (line as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
