import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { type FastifyRequest, type FastifyServerOptions, fastify } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { SchedulerLike } from 'rxjs';
import { type AccessToken, createAuthenticator } from './access.ts';
import { alertsRoutes } from './alerts.route.ts';
import type { EngineApi } from './api.types.ts';
import type { App, ZodProvider } from './app.types.ts';
import { consoleRoutes } from './console.route.ts';
import { definitionsRoutes } from './definitions.route.ts';
import { dryRunRoutes } from './dry-run.route.ts';
import { clientErrorHandler, errorHandler, type Log, pathOf, sendProblem } from './errors.ts';
import { eventsRoutes } from './events.route.ts';
import { evidenceRoutes } from './evidence.route.ts';
import { explainRoutes } from './explain.route.ts';
import { exportRoutes } from './export.route.ts';
import { createFailedTries } from './failed-tries.ts';
import { gapsRoutes } from './gaps.route.ts';
import { createGuard } from './guard.ts';
import { securityHeaders, tlsSecurityHeaders } from './headers.ts';
import { importRoutes } from './import.route.ts';
import { intakeRoutes } from './intake.route.ts';
import { keepingRoutes } from './keeping.route.ts';
import { ledgerRoutes } from './ledger.route.ts';
import { liveRoutes } from './live.route.ts';
import { messagesRoutes } from './messages.route.ts';
import { metricsRoutes } from './metrics.route.ts';
import { isLoopback } from './origin.ts';
import { pagesRoutes } from './pages.route.ts';
import { ProblemError } from './problems.ts';
import { createRouteBook, type RouteBook } from './route-book.ts';
import { sessionRoutes } from './session.route.ts';
import { createSessions } from './sessions.ts';
import { statusRoutes } from './status.route.ts';
import { streamRoutes } from './stream.route.ts';

/** PEM text of certificate chain and private key. */
export interface TlsPair {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface HttpOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: TlsPair | undefined;
  /** With none, `host` must be loopback and every request has the role `admin`. */
  readonly tokens: readonly AccessToken[];
  readonly version: string;
  /** Largest body of `POST /v1/explain`. */
  readonly messageLimitBytes: number;
  /** Where the build left the console's files. */
  readonly consoleFolder: string;
  readonly clock: SchedulerLike;
  readonly log: Log;
}

/** A running server of API, metrics and pages. */
export interface HttpServer extends AsyncDisposable {
  readonly port: number;
  /** Takes effect with the next connection. Throws, changing nothing, when the pair is not usable. */
  updateTls(tls: TlsPair): void;
  /** Takes effect with the next request. Throws when none are left while the host is not loopback. */
  updateTokens(tokens: readonly AccessToken[]): void;
  /** Ends streams, lets answers under way finish for `closeGraceMs`, then closes every connection. Idempotent. */
  close(): Promise<void>;
}

/** Bodies but messages to explain: the largest is a definition. */
const bodyLimitBytes = 256 * 1024;
/** Headers arrive at once from any honest client; a message to explain may take its time. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;
/** Silence on a connection, kept alive or in the middle of an answer; streams have their heartbeat within it. */
const idleTimeoutMs = 60_000;
/** Scrapers, screens and scripts of one house, with room for a load test; each connection costs a file descriptor. */
const maxConnections = 256;
/** The drain of the whole engine has 30 s. */
const closeGraceMs = 2_000;

/** Binds and serves. @throws the system's error (EADDRINUSE, EACCES …) when it cannot be bound. */
export async function openHttpServer(options: HttpOptions, api: EngineApi): Promise<HttpServer> {
  const access = { authenticator: authenticatorFor(options, options.tokens) };
  const app = createApp(options, api, () => access.authenticator);
  await app.listen({ host: options.host, port: options.port });
  const { port } = app.server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= closeWithin(app, closeGraceMs);
    return closed;
  };
  return {
    port,
    updateTls: ({ cert, key }) => {
      // First apart: the server's own setter keeps half of a pair that it refuses.
      createSecureContext({ cert, key });
      const { server } = app as { server: { setSecureContext?(tls: TlsPair): void } };
      server.setSecureContext?.({ cert, key });
    },
    updateTokens: (tokens) => {
      access.authenticator = authenticatorFor(options, tokens);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Every route on an instance that does not listen yet; tests inject requests into it. */
export function createApp(
  options: HttpOptions,
  api: EngineApi,
  authenticator: () => ReturnType<typeof createAuthenticator>,
): App {
  const app = fastify(serverOptions(options)).withTypeProvider<ZodProvider>() as unknown as App;
  const book = createRouteBook();
  app.server.maxConnections = maxConnections;
  app.server.headersTimeout = headersTimeoutMs;
  // Nobody has to meet an expectation (RFC 9110 10.1.1); Node would answer 417 by itself.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.decorateRequest('caller', null);
  const tries = createFailedTries();
  const sessions = createSessions(authenticator, options.clock);
  const denied: EngineApi['accessDenied'] = (each) => api.accessDenied(each);
  const guard = createGuard({ ...options, authenticator, sessions, tries, denied });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headersFor(options));
    requireHost(request);
    guard.check(request);
  });
  app.addHook('onRoute', (route) => book.note(route));
  readJsonOnly(app);
  answerFaults(app, options.log, book);
  addRoutes(app, options, { api, book });
  streamRoutes(app, api, { clock: options.clock, guard });
  sessionRoutes(app, api, { authenticator, sessions, guard });
  return app;
}

function addRoutes(app: App, options: HttpOptions, { api, book }: { api: EngineApi; book: RouteBook }): void {
  statusRoutes(app, api);
  metricsRoutes(app, api, options.clock);
  messagesRoutes(app, api);
  intakeRoutes(app, api);
  ledgerRoutes(app, api);
  gapsRoutes(app, api);
  explainRoutes(app, api, options.messageLimitBytes);
  importRoutes(app, api);
  exportRoutes(app, api);
  dryRunRoutes(app, api);
  definitionsRoutes(app, api);
  eventsRoutes(app, api);
  evidenceRoutes(app, api);
  keepingRoutes(app, api);
  liveRoutes(app, api);
  alertsRoutes(app, api);
  pagesRoutes(app, book, options.version);
  consoleRoutes(app, options.consoleFolder);
}

function authenticatorFor({ host }: HttpOptions, tokens: readonly AccessToken[]) {
  if (tokens.length === 0 && !isLoopback(host)) throw new Error('http.tokens is empty and http.host is not loopback');
  return createAuthenticator(tokens);
}

/** @throws ProblemError for a request of HTTP/1.1 that does not name its host (RFC 9112 3.2) */
function requireHost({ headers, raw }: FastifyRequest): void {
  if (headers.host === undefined && raw.httpVersion !== '1.0')
    throw new ProblemError('invalid-request', { detail: 'headers.host: is missing' });
}

function headersFor({ tls }: Pick<HttpOptions, 'tls'>): Readonly<Record<string, string>> {
  return tls === undefined ? securityHeaders : tlsSecurityHeaders;
}

/** Given from the start: else Fastify loads compilers of its own first (Ajv), which nothing uses. Its types know only those. */
const schemaController = {
  compilersFactory: { buildValidator: () => validatorCompiler, buildSerializer: () => serializerCompiler },
} as unknown as NonNullable<FastifyServerOptions['schemaController']>;

function serverOptions({ tls, log }: HttpOptions): FastifyServerOptions {
  const options: FastifyServerOptions = {
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: idleTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    forceCloseConnections: 'idle',
    // While it drains, what comes over open connections is still answered.
    return503OnClosing: false,
    clientErrorHandler,
    frameworkErrors: (error, request, reply) => {
      void errorHandler(log)(error, request, reply.headers(headersFor({ tls })));
    },
    routerOptions: { maxParamLength: 200 },
    schemaController,
  };
  // Else Node answers by itself, and not with a problem.
  const requireHostHeader = false;
  // One type for both kinds of server: they differ in how they are made only.
  return tls === undefined
    ? ({ ...options, http: { requireHostHeader } } as FastifyServerOptions)
    : ({ ...options, https: { ...tls, minVersion: 'TLSv1.2', requireHostHeader } } as FastifyServerOptions);
}

/** Changes are JSON or nothing. An empty body counts as none, whatever its type, so that a script needs no header. */
function readJsonOnly(app: App): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parseJson(request, body as string, done);
  });
}

function answerFaults(app: App, log: Log, book: RouteBook): void {
  app.setErrorHandler(errorHandler(log));
  app.setNotFoundHandler((request, reply) => {
    const methods = book.methodsOf(pathOf(request));
    if (methods.length === 0) return sendProblem(reply, 'route-unknown');
    return sendProblem(reply, 'method-not-allowed', { headers: { allow: methods.join(', ') } });
  });
}

async function closeWithin(app: App, graceMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}
