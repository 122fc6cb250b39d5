import type { EngineOptions } from './config/to-options.ts';
import { tlsOf } from './engine/listeners.ts';
import type { Workshop } from './engine/workshop.ts';
import type { EngineApi } from './http/api.types.ts';
import { builtConsole } from './http/console-files.ts';
import { type HttpServer, openHttpServer } from './http/server.ts';

/** The API on its port, with the console where it is built. @throws the system's error where the port cannot be bound */
export async function openApi(workshop: Workshop, api: EngineApi): Promise<HttpServer> {
  const { options, version, clock, log, certificates } = workshop;
  const { http, smtp } = options;
  const tls = http.tls === null ? undefined : await tlsOf(http.tls);
  if (tls !== undefined) certificates.set('http.tls', tls.notAfterAt);
  const { host, port } = http;
  const tokens = http.tokens.map(accessToken);
  const consoleFolder = builtConsole(import.meta.dirname);
  const limits = { messageLimitBytes: smtp.maxMessageBytes };
  return openHttpServer({ host, port, tls, tokens, version, ...limits, consoleFolder, clock, log }, api);
}

export const accessToken = ({ name, role, token }: EngineOptions['http']['tokens'][number]) => ({
  name,
  role,
  token: token.reveal(),
});
