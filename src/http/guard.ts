import type { FastifyRequest } from 'fastify';
import type { SchedulerLike } from 'rxjs';
import { type Authenticator, type Caller, isAllowed, type Permission } from './access.ts';
import type { ChangedBy, EngineApi, WriteBy } from './api.types.ts';
import { pathOf } from './errors.ts';
import type { FailedTries } from './failed-tries.ts';
import { isOwnHost, isOwnOrigin } from './origin.ts';
import { ProblemError, type ProblemExtras } from './problems.ts';
import { sessionIdOf } from './session-cookie.ts';
import type { Sessions } from './sessions.ts';

export interface GuardOptions {
  /** The configured `http.host`. */
  readonly host: string;
  /** Asked for each request, so that tokens can change while the server runs. */
  readonly authenticator: () => Authenticator;
  readonly sessions: Pick<Sessions, 'find'>;
  readonly tries: FailedTries;
  readonly clock: SchedulerLike;
  readonly denied: EngineApi['accessDenied'];
}

export interface Guard {
  /**
   * Rules on each request before its body is read: host, token, role, origin (interface section 7).
   * Sets `request.caller`, or throws the problem to answer.
   */
  check(request: FastifyRequest): void;
  /** Who it is from as things stand now; sessions end and tokens are taken away while a stream is open. */
  callerOf(request: FastifyRequest): Caller | undefined;
  /** Counts a failed try and records it; answers the problem to throw. */
  unauthorized(request: FastifyRequest): ProblemError;
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export function createGuard(options: GuardOptions): Guard {
  const { callerOf } = identity(options);
  const check = (request: FastifyRequest): void => {
    if (options.authenticator().open && !isOwnHost(request.headers.host, options.host)) {
      throw foreignHost(options, request);
    }
    const caller = callerOf(request) ?? null;
    request.caller = caller;
    const permission = permissionOf(request);
    if (caller === null && permission !== 'public') throw unauthorized(options, request);
    if (!isAllowed(caller?.role ?? null, permission)) {
      report(options, request, { caller, status: 403 });
      throw new ProblemError('forbidden', { detail: `the role ${caller?.role ?? 'none'} does not allow this` });
    }
    if (!safeMethods.has(request.method) && !isOwnChange(request)) {
      report(options, request, { caller, status: 403 });
      throw new ProblemError('foreign-origin');
    }
  };
  return { check, callerOf, unauthorized: (request) => unauthorized(options, request) };
}

/** Who a request is from: the token it names, else the session of its cookie. A wrong token is not made good by a cookie. */
function identity({
  authenticator,
  sessions,
}: Pick<GuardOptions, 'authenticator' | 'sessions'>): Pick<Guard, 'callerOf'> {
  return {
    callerOf: (request) => {
      const { open, callerOf } = authenticator();
      const { authorization } = request.headers;
      const id = open || authorization !== undefined ? undefined : sessionIdOf(request);
      return id === undefined ? callerOf(authorization) : sessions.find(id)?.caller;
    },
  };
}

/** A browser names the origin of each change; one that comes by a cookie alone has to, since a cookie is sent unasked. */
function isOwnChange(request: FastifyRequest): boolean {
  const { origin, host, authorization } = request.headers;
  const byCookie = authorization === undefined && sessionIdOf(request) !== undefined;
  return isOwnOrigin(origin, host) && !(byCookie && origin === undefined);
}

/** Who asks for a change, and why if they said so: what the event log records. */
export function changedBy(
  request: Pick<FastifyRequest, 'caller'> & { body: { reason?: string | undefined } | null | undefined },
): ChangedBy {
  const name = request.caller?.name;
  if (name === undefined || name === null) throw new Error('a change without a caller passed the guard');
  return { actor: name, reason: request.body?.reason ?? null };
}

/** The same with the role, for changes that ask for more than the route does. */
export function writtenBy(request: Parameters<typeof changedBy>[0]): WriteBy {
  return { ...changedBy(request), role: request.caller?.role ?? null };
}

/** A change that the role of the route does not allow after all. */
export function reportForbidden(
  api: Pick<EngineApi, 'accessDenied'>,
  request: Pick<FastifyRequest, 'caller' | 'method' | 'url' | 'ip'>,
): void {
  const { caller, method, ip } = request;
  api.accessDenied({ actor: caller?.name ?? null, method, path: pathOf(request), status: 403, peer: ip });
}

function permissionOf(request: FastifyRequest): Permission {
  if (request.is404) return 'public';
  const { access } = request.routeOptions.config;
  if (access === undefined) throw new Error('a route without access passed the start');
  return access;
}

/** Beyond the limit nothing is recorded any more: whoever hammers must not fill the event log. */
function unauthorized(options: GuardOptions, request: FastifyRequest): ProblemError {
  const waitMs = options.tries.failed(request.ip, options.clock.now());
  if (waitMs > 0) {
    return new ProblemError('too-many-attempts', { headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) } });
  }
  report(options, request, { caller: null, status: 401 });
  const extras: ProblemExtras = { headers: { 'www-authenticate': 'Bearer realm="daybook"' } };
  return new ProblemError('unauthorized', extras);
}

function foreignHost(options: GuardOptions, request: FastifyRequest): ProblemError {
  const waitMs = options.tries.failed(request.ip, options.clock.now());
  if (waitMs === 0) report(options, request, { caller: null, status: 403 });
  return new ProblemError('foreign-host');
}

function report(
  { denied }: GuardOptions,
  request: FastifyRequest,
  { caller, status }: { caller: Caller | null; status: 401 | 403 },
): void {
  denied({ actor: caller?.name ?? null, method: request.method, path: pathOf(request), status, peer: request.ip });
}
