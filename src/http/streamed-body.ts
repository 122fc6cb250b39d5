import type { FastifyRequest } from 'fastify';
import { ProblemError } from './problems.ts';

/** Content type parser of a body that its handler reads while it comes. */
export function untouched(_request: unknown, payload: unknown, done: (error: null, body: unknown) => void): void {
  done(null, payload);
}

/** Lets `use` read the body; what it leaves is let through, since the answer may not wait for it. */
export async function withBody<T>(
  { raw }: Pick<FastifyRequest, 'raw'>,
  use: (chunks: AsyncIterableIterator<Buffer>) => Promise<T>,
): Promise<T> {
  try {
    return await use(raw.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>);
  } catch (error) {
    // Whoever hung up hears of nothing, and it is no fault of ours.
    throw raw.destroyed && !raw.complete ? new ProblemError('invalid-body') : error;
  } finally {
    if (!raw.readableEnded) raw.resume();
  }
}
