import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Globals, Talk } from '../api-command.ts';
import { type Client, type Query, withQuery } from '../client.ts';
import { CommandFailure, exitCodes } from '../exit-codes.ts';
import { exportFilters, queryOf } from '../filters.ts';
import { createPatience, type Patience } from '../import/patience.ts';
import { isManifestLine, type ManifestLine } from '../manifest.ts';
import { amount, createProgress, type Progress } from '../progress.ts';
import { printable } from '../render.ts';
import { openEmlTarget } from './eml-target.ts';
import { readFrames } from './frames.ts';
import { openMboxTarget } from './mbox-target.ts';
import { lockPlace } from './place-lock.ts';
import type { ExportFormat, ExportTarget, ExportWish, SignedManifest } from './target.types.ts';
import { openZipTarget } from './zip-target.ts';

export interface ExportOptions extends Globals {
  readonly to: string;
  readonly format: ExportFormat;
  readonly recipient?: string;
  readonly limit?: string;
}

interface Exported {
  /** All that stands there now, earlier runs among it. */
  messages: number;
  /** Of this run. */
  bytes: number;
  damaged: string[];
  /** Behind the last one written. */
  cursor: string | undefined;
}
interface ExportParts {
  readonly client: Client;
  readonly patience: Patience;
  readonly query: Query;
  readonly progress: Progress;
  readonly total: number | undefined;
  /** Of all runs together. */
  readonly limit: number;
  readonly say: (text: string) => void;
}

/** Answers that were cut in a row with nothing new in them before a person should look. */
const cutsInVain = 5;

/** `daybook export`. @throws CommandFailure, also where the bytes of a message are damaged */
export async function exportMail(options: ExportOptions & Query, talk: Talk): Promise<void> {
  const { err, out, now, pause } = talk;
  const { to, format } = options;
  const query = { ...queryOf(options, exportFilters), to: options.recipient };
  const limit = limitOf(options.limit);
  const client = await talk.client(options);
  const progress = createProgress(err, now);
  const say = (text: string): void => {
    progress.clear();
    err.write(`${printable(text)}\n`);
  };
  const patience = createPatience({ now, pause, say });
  const startedAt = now();
  // Asked first: an engine that refuses leaves no trace of the export.
  const total = await totalOf(client, query, limit);
  const { engine } = await client.get<{ readonly engine: { readonly now: string } }>('/v1/status');
  await using _lock = await lockPlace(to);
  await using target = await openTarget({ format, query, to, asOf: engine.now });
  if (target.before.count > 0) say(`going on behind ${target.before.count} messages of an earlier run`);
  const exported = await writeAll(target, { client, patience, query, progress, total, limit, say });
  const manifest = await target.complete();
  await target.finish(await signed(manifest, client, patience));
  progress.clear();
  const { messages, bytes, damaged } = exported;
  const result = { to, format, messages, bytes, damaged };
  const text = `${messages} messages in ${to} (${amount(bytes, (now() - startedAt) / 1_000)})\n`;
  out.write(options.json === true ? `${JSON.stringify(result)}\n` : text);
  if (damaged.length > 0) {
    throw new CommandFailure(
      exitCodes.failed,
      `${damaged.length} messages are damaged and were left out; each is named above`,
    );
  }
}

/** @throws CommandFailure 2 */
function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new CommandFailure(exitCodes.usage, `--limit ${text}: must be a whole number from 1`);
}

const openTarget = (wish: ExportWish): Promise<ExportTarget> =>
  ({ eml: openEmlTarget, mbox: openMboxTarget, zip: openZipTarget })[wish.format](wish);

/** For the bar: known where all, or all of a definition, are wanted. */
async function totalOf(client: Client, query: Query, limit: number): Promise<number | undefined> {
  const { definition, limit: _limit, ...others } = query;
  const { archived } = await client.get<{ readonly archived: number }>('/v1/ledger', { definition });
  return Object.values(others).every((value) => value === undefined) ? Math.min(archived, limit) : undefined;
}

/** Goes on where an answer was cut, as by a restart of the engine. */
async function writeAll(target: ExportTarget, parts: ExportParts): Promise<Exported> {
  const { count: messages, cursor } = target.before;
  const exported: Exported = { messages, bytes: 0, damaged: [], cursor };
  for (let cuts = 0; exported.messages < parts.limit; ) {
    const { cursor: before } = exported;
    try {
      await writeSome(target, exported, parts);
      return exported;
    } catch (error) {
      if (!(error instanceof Cut)) {
        // As where the engine does not take a filter: corrected, the same place is free.
        if (exported.messages === 0) await target.abandon();
        throw error;
      }
      cuts = exported.cursor === before ? cuts + 1 : 0;
      if (cuts >= cutsInVain) throw new CommandFailure(exitCodes.tryAgain, error.message, { cause: error });
      parts.say(`${error.message}: going on behind ${exported.messages} messages`);
    }
  }
  return exported;
}

class Cut extends Error {}

async function writeSome(target: ExportTarget, exported: Exported, parts: ExportParts): Promise<void> {
  const { client, patience, query, progress, total, limit, say } = parts;
  const more = Number.isFinite(limit) ? { limit: String(limit - exported.messages) } : {};
  const from = { asOf: target.before.asOf, cursor: exported.cursor ?? query['cursor'] };
  const asked = withQuery('/v1/export', { ...query, ...more, ...from });
  const answer = await patience(() => client.ask(asked, {}, null));
  if (!answer.ok || answer.body === null) throw await client.failureOf(answer);
  const frames = readFrames(answer.body);
  for (;;) {
    const frame = await frames.next().catch((error: unknown) => {
      throw new Cut(`the answer of the engine ended early (${String(error)})`);
    });
    if (frame.done === true || frame.value.line.end === true) return;
    const { line, bytes } = frame.value;
    if (!isManifestLine(line)) throw new CommandFailure(exitCodes.failed, 'the engine answered what is no message');
    if (line['damaged'] === true) {
      exported.damaged.push(line.id);
      say(`damaged: ${line.id}`);
      continue;
    }
    check(line, bytes);
    await target.put({ line, bytes });
    exported.cursor = line.next;
    exported.messages += 1;
    exported.bytes += bytes.length;
    progress.show({ messages: exported.messages, done: exported.messages, total });
  }
}

function check({ id, sha256 }: ManifestLine, bytes: Buffer): void {
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return;
  throw new CommandFailure(exitCodes.failed, `the bytes of ${id} do not have the hash that was recorded for them`);
}

/** The engine looks each line up, and signs. */
async function signed(manifest: string, client: Client, patience: Patience): Promise<SignedManifest> {
  const answer = await patience(() => {
    const body = Readable.toWeb(createReadStream(manifest)) as ReadableStream;
    const headers = { 'content-type': 'application/x-ndjson' };
    // Half: the whole manifest goes out before the answer comes, which fetch wants to be told.
    const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit;
    return client.ask('/v1/export/manifest', init, null);
  });
  if (!answer.ok) throw await client.failureOf(answer);
  return (await answer.json()) as SignedManifest;
}
