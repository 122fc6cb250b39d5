import type { SchedulerLike } from 'rxjs';

/** Nobody who answers at all needs longer for a few kilobytes. */
const answersWithinMs = 30_000;

export interface Posting {
  readonly url: string;
  readonly type: string;
  readonly body: Uint8Array;
  /** Beside the content type. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is read of the answer; a longer one is an error. */
  readonly maxBytes: number;
  /** Gives it up. */
  readonly signal: AbortSignal;
}
export interface Posted {
  /** Content type, lower case, without its parameters. */
  readonly type: string;
  readonly bytes: Buffer;
}

/**
 * One POST, which follows no redirect: where heads and alerts go is for the configuration to say.
 * @throws Error where there is no answer in time, it is longer than `maxBytes`, or its status is not 2xx
 */
export async function post(posting: Posting, clock: SchedulerLike): Promise<Posted> {
  const { url, type, body, headers, maxBytes, signal } = posting;
  const aborting = new AbortController();
  const late = clock.schedule(
    () => aborting.abort(new Error(`no answer within ${answersWithinMs / 1_000} s`)),
    answersWithinMs,
  );
  try {
    const answer = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': type, ...headers },
      body: Buffer.from(body),
      signal: AbortSignal.any([aborting.signal, signal]),
    });
    const bytes = await within(answer, maxBytes);
    if (!answer.ok) throw new Error(`answered with status ${answer.status}`);
    return { type: (answer.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '', bytes };
  } catch (error) {
    // What fetch says is `fetch failed`; the reason stands behind it.
    throw error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
  } finally {
    late.unsubscribe();
    aborting.abort();
  }
}

async function within({ body }: Response, maxBytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body ?? []) {
    length += piece.length;
    if (length > maxBytes) throw new Error(`answered with more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
