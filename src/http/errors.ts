import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { EngineFailure, failures } from '../../streams/failure.ts';
import {
  ProblemError,
  type ProblemExtras,
  type ProblemSlug,
  problemBody,
  problemOfFailure,
  problems,
} from './problems.ts';

/** Writes one line of the engine's log. */
export type Log = (level: 'info' | 'warn' | 'error', text: string, data: Readonly<Record<string, unknown>>) => void;

export const problemType = 'application/problem+json';

/** Answers every thrown value as a problem. Only faults of the engine itself are logged, and their text is kept from the client. */
export function errorHandler(log: Log) {
  return async (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const { slug, extras } = problemOf(error, request.method);
    if (problems[slug].status === 500) {
      log('error', 'a request failed', { method: request.method, path: pathOf(request), error: textOf(error) });
    }
    return sendProblem(reply, slug, extras);
  };
}

export function sendProblem(reply: FastifyReply, slug: ProblemSlug, extras: ProblemExtras = {}): FastifyReply {
  if (extras.headers !== undefined) reply.headers(extras.headers);
  const body = problemBody(slug, extras);
  // Serialised here: no response schema of a route fits its faults.
  return reply.code(body.status).type(problemType).serializer(JSON.stringify).send(body);
}

/** The request's path without its query, which may hold what nobody should log. */
export function pathOf(request: Pick<FastifyRequest, 'url'>): string {
  return request.url.split('?', 1)[0] ?? '/';
}

/** Answers what Node could not read as a request: there is no reply object yet, only the socket. */
export function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const slug = clientProblems.get(error.code ?? '') ?? 'invalid-request';
  const body = problemBody(slug);
  const text = JSON.stringify(body);
  const head = `HTTP/1.1 ${body.status} ${slug}\r\nContent-Type: ${problemType}\r\nContent-Length: ${Buffer.byteLength(text)}`;
  socket.end(`${head}\r\nConnection: close\r\n\r\n${text}`);
}

const clientProblems: ReadonlyMap<string, ProblemSlug> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request-timeout'],
  ['HPE_HEADER_OVERFLOW', 'headers-too-large'],
]);

const bodyFaults: ReadonlyMap<string, ProblemSlug> = new Map([
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'too-large'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'media-type'],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 'invalid-body'],
  ['FST_ERR_CTP_INVALID_JSON_BODY', 'invalid-body'],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', 'invalid-body'],
]);

function problemOf(error: FastifyError | Error, method: string): { slug: ProblemSlug; extras: ProblemExtras } {
  const context = 'validationContext' in error ? error.validationContext : undefined;
  if (error instanceof ProblemError) return { slug: error.slug, extras: error.extras };
  if (error instanceof EngineFailure) return { slug: problemOfFailure[error.code], extras: { detail: error.message } };
  // An id that cannot be one is as unknown as any other; what is to be made under it cannot be.
  if (context === 'params' && method !== 'PUT') return { slug: 'not-found', extras: {} };
  if ('validation' in error && error.validation !== undefined) {
    const errors = error.validation.map(({ instancePath, message }) => ({
      path: `${context ?? 'request'}${instancePath === '/' ? '' : instancePath.replaceAll('/', '.')}`,
      message: message ?? 'is not allowed',
    }));
    return {
      slug: 'invalid-request',
      extras: { detail: errors.map(({ path, message }) => `${path}: ${message}`).join('; '), members: { errors } },
    };
  }
  const { code, statusCode } = error as FastifyError;
  const slug =
    bodyFaults.get(code) ?? (error instanceof SyntaxError && statusCode === 400 ? 'invalid-body' : undefined);
  if (slug !== undefined) return { slug, extras: {} };
  return {
    slug: statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? 'invalid-request' : 'internal',
    extras: {},
  };
}

/** Message and place, with the cause where a response did not fit its schema. What a parser says may quote the mail. */
function textOf(error: Error): string {
  if (error instanceof EngineFailure && error.code === 'parser-crash') return failures[error.code].text;
  const cause = error.cause instanceof Error ? ` caused by ${error.cause.message}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
