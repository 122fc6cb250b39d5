import { createHash, randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SchedulerLike } from 'rxjs';
import { makeFolder } from '../make-folder.ts';
import { type Posted, post } from '../post.ts';
import { writeWhole } from '../whole-file.ts';
import { appendHead, type KeptHead, lineOf } from './anchor-file.ts';
import { maxResponseBytes, nonceBytes, readTimeStamp, timeStampRequest } from './time-stamp.ts';

/** A place for heads outside of the data directory. */
export interface Anchor {
  readonly name: string;
  readonly kind: 'file' | 'webhook' | 'rfc3161';
  /** A path, or a URL. */
  readonly target: string;
  readonly token: { reveal(): string } | null;
  readonly intervalMs: number;
}

/** Where answers of time-stamp authorities are kept, a folder for each anchor. */
export const anchorsFolder = 'anchors';
/** What a webhook answers is of no interest. */
const maxAnswerBytes = 16_384;

export interface Anchoring {
  readonly dataDir: string;
  readonly clock: SchedulerLike;
  /** Gives the attempt up. */
  readonly signal: AbortSignal;
}

/** Keeps a head at an anchor; durable there, and here what proves it, when it resolves. @throws Error saying why not */
export async function anchorHead(anchor: Anchor, kept: KeptHead, { dataDir, clock, signal }: Anchoring): Promise<void> {
  const { kind, target, token } = anchor;
  if (kind === 'file') return appendHead(target, kept);
  const line = Buffer.from(`${lineOf(kept)}\n`);
  const common = { url: target, signal };
  if (kind === 'webhook') {
    const type = 'application/json';
    const headers = token === null ? {} : { authorization: `Bearer ${token.reveal()}` };
    await post({ ...common, type, body: line, headers, maxBytes: maxAnswerBytes }, clock);
    return undefined;
  }
  const nonce = randomBytes(nonceBytes);
  const type = 'application/timestamp-query';
  const body = timeStampRequest(line, nonce);
  const answer = await post({ ...common, type, body, maxBytes: maxResponseBytes }, clock);
  return keepTimeStamp(answer, {
    line,
    nonce,
    size: kept.head.size,
    folder: join(dataDir, anchorsFolder, anchor.name),
  });
}

/**
 * Stores the head, to the byte as it was stamped, and the answer beside it. Both names end with the hash of the answer, so
 * that a changed one shows. The head first: an answer without one is damage, a head without one a power cut.
 */
async function keepTimeStamp(
  { type, bytes }: Posted,
  stamped: { readonly line: Buffer; readonly nonce: Buffer; readonly size: number; readonly folder: string },
): Promise<void> {
  const { line, nonce, size, folder } = stamped;
  if (type !== 'application/timestamp-reply') throw new Error(`answered with ${type}, not with a time-stamp`);
  readTimeStamp(bytes, line, nonce);
  if ((await makeFolder(folder)) !== undefined) {
    for (const above of [dirname(folder), dirname(dirname(folder))]) {
      await using parent = await open(above, 'r');
      await parent.sync();
    }
  }
  const stem = join(folder, stampStem(size, bytes));
  await writeWhole(`${stem}${headSuffix}`, line, 0o600);
  await writeWhole(`${stem}${stampSuffix}`, bytes, 0o600);
}

export const headSuffix = '.json';
export const stampSuffix = '.tsr';

/** Names of what belongs together: twenty digits of the number of records, then the SHA-256 of the answer. */
export const stampStem = (size: number, response: Uint8Array): string =>
  `${String(size).padStart(20, '0')}-${createHash('sha256').update(response).digest('hex')}`;
