import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isoTime } from '../time-words.ts';
import { type Authenticator, isAllowed, type Permission, permissions, roles } from './access.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import type { Guard } from './guard.ts';
import { noQuery } from './query.schema.ts';
import { endedCookie, sessionCookie, sessionIdOf } from './session-cookie.ts';
import { type Sessions, sessionMs } from './sessions.ts';
import { type Read, time } from './words.schema.ts';

const may = z.enum(Object.keys(permissions) as [Permission, ...Permission[]]);
export const whoSchema = z.object({
  open: z.boolean().describe('no tokens are configured: everybody on this machine is `admin`'),
  name: z.string().nullable().describe("the token's; null for nobody known"),
  role: z.enum(roles).nullable(),
  may: z.array(may).describe('what this role may do'),
  expiresAt: time.nullable().describe('when a session ends by itself'),
});
export type Who = Read<z.infer<typeof whoSchema>>;

const signInBody = z.strictObject({ token: z.string().min(1).max(512) });

export interface SessionParts {
  readonly authenticator: () => Authenticator;
  readonly sessions: Sessions;
  readonly guard: Guard;
}

/** Signing in from a browser: a token is given once, and a cookie that no script can read stands for it. */
export function sessionRoutes(app: App, api: Pick<EngineApi, 'signedIn'>, parts: SessionParts): void {
  const { authenticator, sessions, guard } = parts;
  const config = { access: 'public' } as const;
  const whoOf = ({ caller }: Pick<FastifyRequest, 'caller'>, expiresAt: number | null): Who => {
    const role = caller?.role ?? null;
    return {
      open: authenticator().open,
      name: caller?.name ?? null,
      role,
      may: (Object.keys(permissions) as Permission[]).filter((each) => isAllowed(role, each)),
      expiresAt: expiresAt === null ? null : isoTime(expiresAt),
    };
  };
  app.get('/v1/session', {
    schema: { querystring: noQuery, response: { 200: whoSchema } },
    config: { ...config, summary: 'Who one is, and what that allows.' },
    handler: (request) => {
      const id = sessionIdOf(request);
      return whoOf(request, id === undefined ? null : (sessions.find(id)?.expiresAt ?? null));
    },
  });
  app.post('/v1/session', {
    schema: { querystring: noQuery, body: signInBody, response: { 200: whoSchema } },
    config: { ...config, summary: 'Signs a browser in with a token, for 12 hours; without tokens there is no need.' },
    handler: (request, reply) => {
      if (authenticator().open) return whoOf(request, null);
      const opened = sessions.open(request.body.token);
      if (opened === undefined) throw guard.unauthorized(request);
      // One browser, one session: what it came with is over.
      const before = sessionIdOf(request);
      if (before !== undefined) sessions.end(before);
      const { id, caller, expiresAt } = opened;
      reply.header('set-cookie', sessionCookie(request, { id, maxAgeMs: sessionMs }));
      if (caller.name !== null) api.signedIn({ actor: caller.name, peer: request.ip });
      return whoOf({ caller }, expiresAt);
    },
  });
  app.delete('/v1/session', {
    schema: { querystring: noQuery, response: { 204: z.null() } },
    config: { ...config, summary: 'Signs the browser out.' },
    handler: (request, reply) => {
      const id = sessionIdOf(request);
      if (id !== undefined) sessions.end(id);
      reply.code(204).header('set-cookie', endedCookie(request));
      return null;
    },
  });
}
