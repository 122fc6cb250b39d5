import type { SchedulerLike } from 'rxjs';
import type { Opened, OpenLargeOptions } from '../../streams/open-mail.ts';
import { exclusive } from '../exclusive.ts';
import { deadlineMsFor, JobWorker, parserHeapMb } from '../job-worker.ts';
import type { ReadLarge } from '../store/bodies.ts';
import type { LargeAnswer, LargeJob } from './large-mail.types.ts';

/** A place for large messages is kept up to this size; a larger one is made anew. */
const keptPlaceBytes = 32 * 1024 * 1024;

/** Brings the stored bytes of a message into the place it is given. */
type Load = (into: Uint8Array) => Promise<unknown>;

/**
 * Large messages away from the main thread: hashing, cutting and decoding 150 MB takes longer than anyone else should
 * wait. One message is opened and one is read at a time, each behind a deadline and a heap limit; who waits holds nothing.
 */
export interface LargeMail extends AsyncDisposable {
  /** @throws EngineFailure `damaged`, `parser-crash`, `stopping`, and what `load` throws */
  open(
    load: Load,
    message: { readonly size: number; readonly sha256: string },
    options: OpenLargeOptions,
  ): Promise<Opened>;
  /** @throws EngineFailure `damaged`, `parser-crash`, `stopping`, and what `load` throws */
  readonly read: ReadLarge;
}

/** Threads for mail that is in nobody's custody, apart from those of the lines, which it must not hold up. */
export interface Examiners extends AsyncDisposable {
  /** For those who ask what would become of a message. */
  readonly asked: LargeMail;
  /** For mail whose sender still waits. */
  readonly arriving: LargeMail;
}

export function openExaminers(clock: SchedulerLike): Examiners {
  const [asked, arriving] = [openLargeMail(clock), openLargeMail(clock)];
  return {
    asked,
    arriving,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([asked[Symbol.asyncDispose](), arriving[Symbol.asyncDispose]()]);
    },
  };
}

/** Nothing is started before the first large message. */
export function openLargeMail(clock: SchedulerLike, heapMb = parserHeapMb): LargeMail {
  const script = new URL('./large-mail.worker.js', import.meta.url);
  const worker = () => new JobWorker<LargeJob, LargeAnswer>({ script, heapMb, clock });
  const [opener, reader] = [worker(), worker()];
  const [openInTurn, readInTurn] = [exclusive(), exclusive()];
  let kept = new ArrayBuffer(0);

  /** A place of at least this size, which is the caller's; the one that is kept where that is enough. */
  const takePlace = (size: number): ArrayBuffer => {
    if (kept.byteLength < size) return new ArrayBuffer(size);
    const place = kept;
    kept = new ArrayBuffer(0);
    return place;
  };
  const open: LargeMail['open'] = (load, { size, sha256 }, { unwrapOptions, matchOnContent }) =>
    openInTurn(async () => {
      const bytes = new Uint8Array(takePlace(size), 0, size);
      await load(bytes);
      const { isInternal, ...plain } = unwrapOptions;
      const job = { kind: 'open', bytes, sha256, unwrapOptions: plain, matchOnContent } as const;
      const answer = await opener.run(job, [bytes.buffer], deadlineMsFor(size));
      if (answer.kind !== 'open') throw new Error(`the thread answered ${answer.kind} to open`);
      if (answer.place.byteLength <= keptPlaceBytes) kept = answer.place;
      const { parsed, outside, senders, versions, contentHash, named } = answer;
      const isOutside = outside !== null && !senders.some(isInternal);
      return { parsed: isOutside ? outside : parsed, versions, contentHash, named };
    });
  return {
    open,
    read: (load, length, expected) =>
      readInTurn(async () => {
        const bytes = new Uint8Array(new ArrayBuffer(length));
        await load(bytes);
        const answer = await reader.run({ kind: 'read', bytes, ...expected }, [bytes.buffer], deadlineMsFor(length));
        if (answer.kind !== 'read') throw new Error(`the thread answered ${answer.kind} to read`);
        return answer.bytes;
      }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([opener.stop(), reader.stop()]);
    },
  };
}
