import { join } from 'node:path';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { type AccessToken, createAuthenticator } from '../../src/http/access.ts';
import type { EngineApi } from '../../src/http/api.types.ts';
import { builtConsole } from '../../src/http/console-files.ts';
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
  /** As after SIGHUP. */
  useTokens(tokens: readonly AccessToken[]): void;
}

export interface FixtureOptions {
  readonly members?: Partial<EngineApi>;
  readonly tokens?: readonly AccessToken[];
  readonly clock?: SchedulerLike;
  readonly messageLimitBytes?: number;
  readonly consoleFolder?: string;
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
    consoleFolder: fixture.consoleFolder ?? builtConsole(join(import.meta.dirname, '../../src')),
    messageLimitBytes: fixture.messageLimitBytes ?? 1024 * 1024,
    clock: fixture.clock ?? asyncScheduler,
    log: (level, text, data) => logged.push(`${level} ${text} ${JSON.stringify(data)}`),
  };
  const access = { authenticator: createAuthenticator(options.tokens) };
  const app = createApp(options, engine.api, () => access.authenticator);
  const useTokens = (changed: readonly AccessToken[]): void => {
    access.authenticator = createAuthenticator(changed);
  };
  return { engine, app, logged, options, useTokens, [Symbol.asyncDispose]: () => app.close() };
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
