import { createHash } from 'node:crypto';
import { type ImportEnvelope, importName } from '../../import-name.ts';
import type { Client } from '../client.ts';
import { CommandFailure, exitCodes } from '../exit-codes.ts';
import type { Progress } from '../progress.ts';
import { eachOf, inBatches } from './bounded.ts';
import type { Found } from './found.types.ts';
import type { Patience } from './patience.ts';

/** What became of all that was found. */
export interface ImportSummary {
  imported: number;
  /** Imported before, and not added again. */
  known: number;
  skipped: number;
  refused: number;
  /** Of the messages that were imported. */
  bytes: number;
}

export interface ImportParts {
  readonly client: Client;
  readonly definition: string;
  readonly as: 'journal' | 'gateway';
  readonly patience: Patience;
  readonly progress: Progress;
  readonly totalBytes: number;
  /** A line for the person. */
  readonly say: (text: string) => void;
}

type Message = Extract<Found, { kind: 'message' }>;
/** With the SHA-256 of its bytes, lower-case hex: it is asked for by it, and must have arrived with it. */
type Hashed = Message & { readonly sha256: string };

/** What one question about known messages is asked for, and held in memory; a larger message goes alone. */
const batchOf = { items: 128, bytes: 8 * 1024 * 1024 };
/** Batches in flight, so that one is read while another is sent. */
const batchesAtOnce = 3;
/** Messages of a batch sent at once: the engine writes what comes together with one sync. */
const messagesAtOnce = 8;
/** A message of 150 MB over a slow line. */
const sentWithinMs = 600_000;

/** Sends what the engine does not know yet; resolves once all of it is in custody. @throws CommandFailure */
export async function runImport(found: AsyncIterable<Found>, parts: ImportParts): Promise<ImportSummary> {
  const summary: ImportSummary = { imported: 0, known: 0, skipped: 0, refused: 0, bytes: 0 };
  const shown = { messages: 0, done: 0, total: parts.totalBytes };
  const note = (each: Found): void => {
    shown.done += each.weight;
    if (each.kind === 'message') shown.messages += 1;
    parts.progress.show(shown);
  };
  const messages = (async function* () {
    for await (const each of found) {
      if (each.kind === 'message') {
        yield each;
        continue;
      }
      note(each);
      summary[each.kind] += 1;
      parts.say(`${each.kind}: ${each.name}: ${each.why}`);
    }
  })();
  const batches = inBatches(messages, { ...batchOf, weigh: ({ bytes }) => bytes.length });
  await eachOf(batches, batchesAtOnce, (batch) => sendBatch(batch, parts, { summary, note }));
  return summary;
}

interface Accounting {
  readonly summary: ImportSummary;
  readonly note: (each: Found) => void;
}

async function sendBatch(
  messages: readonly Message[],
  parts: ImportParts,
  { summary, note }: Accounting,
): Promise<void> {
  const batch = messages.map((message): Hashed => ({ ...message, sha256: sha256Of(message.bytes) }));
  const known = await knownOf(batch, parts);
  const news = batch.filter((message, at) => {
    if (known[at] !== true) return true;
    summary.known += 1;
    note(message);
    return false;
  });
  await eachOf(news, messagesAtOnce, async (message) => {
    const answer = await send(message, parts);
    if (answer === 'refused') summary.refused += 1;
    else if (answer === 'known') summary.known += 1;
    else {
      summary.imported += 1;
      summary.bytes += message.bytes.length;
    }
    note(message);
  });
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A journal item tells its envelope itself. */
const envelopeFor = ({ envelope }: Message, { as }: ImportParts): ImportEnvelope =>
  as === 'gateway' && envelope !== null ? envelope : { mailFrom: null, rcptTo: [] };

const queryOf = ({ definition, as }: ImportParts): string => `?${new URLSearchParams({ definition, as })}`;

async function knownOf(batch: readonly Hashed[], parts: ImportParts): Promise<readonly boolean[]> {
  const { as } = parts;
  const names = batch.map((message) =>
    importName(as, message.sha256, envelopeFor(message, parts)).slice(as.length + 1),
  );
  const body = JSON.stringify({ names });
  const answer = await parts.patience(() =>
    parts.client.ask(`/v1/import/known${queryOf(parts)}`, { method: 'POST', body, headers: json }),
  );
  if (!answer.ok) throw await parts.client.failureOf(answer);
  return ((await answer.json()) as { readonly known: readonly boolean[] }).known;
}

const json = { 'content-type': 'application/json' };

async function send(message: Hashed, parts: ImportParts): Promise<'imported' | 'known' | 'refused'> {
  const { mailFrom, rcptTo } = envelopeFor(message, parts);
  const hasEnvelope = mailFrom !== null || rcptTo.length > 0;
  const line = `${JSON.stringify([mailFrom, rcptTo])}\n`;
  const body = hasEnvelope ? Buffer.concat([Buffer.from(line), message.bytes]) : message.bytes;
  const headers = { 'content-type': hasEnvelope ? 'application/vnd.daybook.message' : 'message/rfc822' };
  const answer = await parts.patience(() =>
    parts.client.ask(`/v1/import${queryOf(parts)}`, { method: 'POST', body, headers }, sentWithinMs),
  );
  if (answer.status === 413 || answer.status === 400) {
    const failure = await parts.client.failureOf(answer);
    parts.say(`refused: ${message.name}: ${failure.message}`);
    return 'refused';
  }
  if (!answer.ok) throw await parts.client.failureOf(answer);
  const { sha256, known } = (await answer.json()) as { readonly sha256: string; readonly known: boolean };
  if (sha256 === message.sha256) return known ? 'known' : 'imported';
  throw new CommandFailure(exitCodes.failed, `${message.name} arrived as other bytes than it was read`);
}
