import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { type AccessToken, createAuthenticator } from '../../src/http/access.ts';
import type { EngineApi } from '../../src/http/api.types.ts';
import { createApp, type HttpOptions } from '../../src/http/server.ts';
import { type FakeEngine, fakeEngine } from './fake-engine-api.ts';

/** One token of each role, `<role>-token`. */
export const tokens: readonly AccessToken[] = (['viewer', 'operator', 'auditor', 'admin'] as const).map((role) => ({
  name: `the-${role}`,
  role,
  token: `${role}-token`,
}));

export interface HttpFixture extends AsyncDisposable {
  readonly engine: FakeEngine;
  readonly app: ReturnType<typeof createApp>;
  readonly logged: string[];
  readonly options: HttpOptions;
}

export interface FixtureOptions {
  readonly members?: Partial<EngineApi>;
  readonly tokens?: readonly AccessToken[];
  readonly clock?: SchedulerLike;
  readonly messageLimitBytes?: number;
}

/** The whole room in front of a fake engine, without a socket. */
export function httpFixture(fixture: FixtureOptions = {}): HttpFixture {
  const engine = fakeEngine(fixture.members);
  const logged: string[] = [];
  const options: HttpOptions = {
    host: '127.0.0.1',
    port: 0,
    tokens: fixture.tokens ?? [],
    version: '0.1.0',
    messageLimitBytes: fixture.messageLimitBytes ?? 1024 * 1024,
    clock: fixture.clock ?? asyncScheduler,
    log: (level, text, data) => logged.push(`${level} ${text} ${JSON.stringify(data)}`),
  };
  const authenticator = createAuthenticator(options.tokens);
  const app = createApp(options, engine.api, () => authenticator);
  return { engine, app, logged, options, [Symbol.asyncDispose]: () => app.close() };
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
