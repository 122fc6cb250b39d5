import { Readable } from 'node:stream';
import { type Observable, type SchedulerLike, Subject, takeUntil } from 'rxjs';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { changeFeed } from './change-feed.ts';
import type { Guard } from './guard.ts';
import { ProblemError } from './problems.ts';
import { noQuery } from './query.schema.ts';

/** Streams open at once: a few screens of a few people. Each costs a timer and a share of every change. */
export const maxStreams = 32;
/** What may wait for a reader that does not keep up; beyond it the stream is ended and the reader comes back. */
export const maxWaitingBytes = 256 * 1024;

export interface StreamParts {
  readonly clock: SchedulerLike;
  readonly guard: Pick<Guard, 'callerOf'>;
}

/** `GET /v1/stream` (interface section 4). Open streams end when the server starts to close. */
export function streamRoutes(app: App, api: EngineApi, { clock, guard }: StreamParts): void {
  const open = new Set<Readable>();
  const closing$ = new Subject<void>();
  app.addHook('preClose', async () => closing$.next());
  app.get('/v1/stream', {
    schema: { querystring: noQuery },
    exposeHeadRoute: false,
    config: {
      access: 'read-status',
      summary:
        'Server-sent events: `status` on change, at most one a second for each definition; `event` of the event log for those who may read it; `beat` every 4 s.',
      produces: 'text/event-stream',
    },
    handler: (request, reply) => {
      if (open.size >= maxStreams) throw new ProblemError('busy', { headers: { 'retry-after': '5' } });
      const role = request.caller?.role ?? null;
      const stands = (): boolean => guard.callerOf(request)?.role === role;
      const stream = readableOf(changeFeed(api, { role, stands, clock }).pipe(takeUntil(closing$)));
      open.add(stream);
      stream.once('close', () => open.delete(stream));
      return reply.type('text/event-stream').header('x-accel-buffering', 'no').send(stream);
    },
  });
}

/** A stream of text frames that never makes its source wait: who reads too slowly is dropped. */
export function readableOf(frame$: Observable<string>): Readable {
  const stream = new Readable({ read() {} });
  stream.push('retry: 3000\n\n');
  const subscription = frame$.subscribe({
    next: (frame) => {
      stream.push(frame);
      if (stream.readableLength > maxWaitingBytes) stream.destroy();
    },
    error: () => stream.destroy(),
    complete: () => stream.push(null),
  });
  stream.once('close', () => subscription.unsubscribe());
  return stream;
}
