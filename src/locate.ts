import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Endpoint } from './cli/client.ts';
import type { EngineConfig } from './config/engine.schema.ts';

/** Where the engine of this configuration answers, for a command on the same machine. */
export async function endpointOf(config: EngineConfig, file: string, token: string | undefined): Promise<Endpoint> {
  const { host, port, tls, tokens } = config.http;
  const known = tokens.find(({ role }) => role === 'admin') ?? tokens[0];
  // What may not be read here is left to the trust of the system.
  const cert = tls && (await readFile(resolve(dirname(resolve(file)), tls.cert), 'utf8').catch(() => undefined));
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${addressOf(host)}:${port}`,
    token: token ?? known?.token.reveal(),
    ...(cert === undefined ? {} : { certificate: cert }),
  };
}

/** Bound to every address it is on loopback too; an IPv6 address stands in brackets. */
function addressOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
