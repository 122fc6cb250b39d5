import { createHash } from 'node:crypto';
import { asFailure } from '../../streams/failure.ts';
import type { Custodied, Received } from '../../streams/message.ts';
import type { ChunksDone, Custody, Receipt } from '../../streams/ports.ts';
import type { AppendingLog, EnvelopeTold, IntakeFacts } from './commit-log.types.ts';
import { encodeParticulars } from './particulars.ts';
import type { RecentBytes } from './recent-bytes.ts';

export interface CustodyOptions {
  readonly log: AppendingLog;
  readonly recent: RecentBytes;
  /** A message up to this size is one record; a larger one goes to disk in chunks as it comes. */
  readonly chunkBytes: number;
}

/** What all receipts hold before chunks get small: two hundred messages of common size. */
const amplyHeldBytes = 16 * 1024 * 1024;
/** Of chunks where many large messages come at once: one piece as it comes from the socket. */
const smallChunkBytes = 64 * 1024;

/** Bytes in memory, of all receipts together. */
interface HeldBytes {
  /** Not handed to the log yet. */
  bytes: number;
  /** Not on disk yet. */
  unwritten: number;
}

/** Custody, and how much of what it took in is in memory alone. */
export interface CountedCustody extends Custody {
  readonly unwrittenBytes: number;
}

/** Custody on the commit log (INV-1). Memory for one message is two chunks at most, which shrink as more of it is taken. */
export function createCustody(options: CustodyOptions): CountedCustody {
  const held: HeldBytes = { bytes: 0, unwritten: 0 };
  return {
    begin: (done = nobody) => new LogReceipt(options, held, done),
    get unwrittenBytes() {
      return held.unwritten;
    },
  };
}

const nobody = (): void => undefined;

class LogReceipt implements Receipt {
  readonly #options: CustodyOptions;
  readonly #held: HeldBytes;
  readonly #done: ChunksDone;
  readonly #hash = createHash('sha256');
  readonly #chunks: (readonly [seq: number, length: number])[] = [];
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #size = 0;
  #flushing: Promise<void> | undefined;
  #failure: unknown;
  #ended = false;

  constructor(options: CustodyOptions, held: HeldBytes, done: ChunksDone) {
    this.#options = options;
    this.#held = held;
    this.#done = done;
  }

  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#ended) return undefined;
    this.#hash.update(chunk);
    this.#size += chunk.length;
    this.#pieces.push(chunk);
    this.#pieceBytes += chunk.length;
    this.#held.bytes += chunk.length;
    this.#held.unwritten += chunk.length;
    if (this.#pieceBytes <= this.#chunkBytes()) return undefined;
    return this.#flush();
  }

  async preview(): Promise<Uint8Array> {
    await this.#flushing;
    const { log } = this.#options;
    const stored: Uint8Array[] = [];
    for (const [seq, length] of this.#chunks) stored.push(await log.slice(seq, 0, length));
    return Buffer.concat([...stored, ...this.#pieces]);
  }

  async commit(received: Received): Promise<Custodied> {
    if (this.#ended) throw new Error('a receipt is committed once, and not after its abort');
    this.#ended = true;
    await this.#flushing;
    if (this.#failure !== undefined) {
      this.#held.unwritten -= this.#letGo();
      throw asFailure(this.#failure);
    }
    const { log, recent } = this.#options;
    const { facts: said, particulars, told } = envelopeApart(received);
    const digest = (told === null ? this.#hash : this.#hash.copy()).digest();
    const sha256 = digest.toString('hex');
    const pieces = this.#pieces;
    const facts: IntakeFacts = { ...said, size: this.#size, sha256, chunks: this.#chunks };
    const whole = this.#chunks.length === 0;
    const kept = whole ? recent.keep(sha256, pieces, this.#done) : undefined;
    const appended = log.append({
      kind: 'intake',
      facts,
      payload: told === null ? pieces : [...pieces, told],
      ...(whole ? { payloadSha256: told === null ? digest : this.#hash.update(told).digest() } : {}),
      ...(told === null ? {} : { particulars }),
    });
    const handedOver = this.#letGo();
    try {
      await appended;
    } finally {
      this.#held.unwritten -= handedOver;
    }
    if (kept === undefined) this.#done(pieces);
    else kept.written();
    const intakeIds = received.targets.map((target) => target.intakeId);
    return { intakeIds, receivedAt: received.receivedAt, size: this.#size, sha256 };
  }

  abort(): void {
    this.#ended = true;
    this.#held.unwritten -= this.#letGo();
  }

  #chunkBytes(): number {
    const { chunkBytes } = this.#options;
    return this.#held.bytes > amplyHeldBytes ? Math.min(chunkBytes, smallChunkBytes) : chunkBytes;
  }

  /** Answers how many bytes it held. */
  #letGo(): number {
    const bytes = this.#pieceBytes;
    this.#held.bytes -= bytes;
    this.#pieces = [];
    this.#pieceBytes = 0;
    return bytes;
  }

  /** One flush at a time: what arrives during it waits in memory, and its sender is asked to stop. */
  #flush(): Promise<void> {
    this.#flushing = (this.#flushing ?? Promise.resolve()).then(async () => {
      if (this.#pieceBytes <= this.#chunkBytes() || this.#failure !== undefined) return;
      const pieces = this.#pieces;
      const flushing = this.#pieceBytes;
      this.#pieces = [];
      this.#pieceBytes = 0;
      try {
        const record = await this.#options.log.appendChunk(pieces);
        this.#chunks.push([record.seq, record.payloadLength]);
        this.#done(pieces);
      } catch (error) {
        this.#failure = error;
        throw asFailure(error);
      } finally {
        this.#held.bytes -= flushing;
        this.#held.unwritten -= flushing;
      }
    });
    // A caller that does not wait learns of the failure at its commit.
    this.#flushing.catch(() => undefined);
    return this.#flushing;
  }
}

/** Who sent it to whom tells of the mail, and stands with its bytes; the facts of a record stay for ever. */
function envelopeApart(received: Received) {
  const { mailFrom, rcptTo } = received.transport;
  const particulars: EnvelopeTold = { mailFrom, rcptTo };
  if (mailFrom === null && rcptTo.length === 0) return { facts: received, particulars, told: null };
  const told = encodeParticulars(particulars);
  const transport = { ...received.transport, mailFrom: null, rcptTo: [] };
  return { facts: { ...received, transport, particulars: told.length }, particulars, told };
}
