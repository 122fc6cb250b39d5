import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './app.types.ts';
import { type ConsoleFile, type ConsoleFiles, readConsole } from './console-files.ts';
import { ProblemError } from './problems.ts';

/** Parts of the console, each with an address of its own; what is below it is the page's to make out. */
export const consoleParts = [
  'journaling',
  'live',
  'messages',
  'intake',
  'events',
  'ledger',
  'store',
  'alerts',
  'explain',
] as const;

/** Files are named by their content, so a browser may keep them; the page names them and is asked for each time. */
const forEver = 'public, max-age=31536000, immutable';

const unbuilt = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Daybook</title><link rel="stylesheet" href="/page.css"></head>
<body><main><h1>The console is not built</h1>
<p>This engine runs from a checkout without it: <code>npm run build</code> makes it, and the next start serves it.
The <a href="/docs">API</a> is all there.</p></main></body>
</html>
`;

/** The console (interface section 7): one page for all its addresses, and its files. Read once, at the start. */
export function consoleRoutes(app: App, folder: string): void {
  let built: ConsoleFiles | undefined;
  app.addHook('onReady', async () => {
    built = await readConsole(folder);
  });
  const page = {
    config: { access: 'public', summary: 'The console.', produces: 'text/html' },
    handler: async (request: FastifyRequest, reply: FastifyReply) =>
      built === undefined
        ? reply.code(503).type('text/html; charset=utf-8').send(unbuilt)
        : send(request, reply, built.page),
  } as const;
  const unlisted = { ...page, config: { ...page.config, unlisted: true } };
  app.get('/', page);
  for (const part of consoleParts) {
    app.get(`/${part}`, unlisted);
    app.get(`/${part}/*`, unlisted);
  }
  app.get<{ Params: { name: string } }>('/assets/:name', {
    config: { access: 'public', summary: 'A file of the console.', unlisted: true },
    handler: async (request, reply) => {
      const file = built?.assets.get(request.params.name);
      if (file === undefined) throw new ProblemError('not-found');
      return send(request, reply.header('cache-control', forEver), file);
    },
  });
}

function send(request: FastifyRequest, reply: FastifyReply, file: ConsoleFile): FastifyReply {
  reply.type(file.type).header('vary', 'accept-encoding');
  const zipped = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/i.test(request.headers['accept-encoding'] ?? '');
  return zipped ? reply.header('content-encoding', 'gzip').send(file.gzip) : reply.send(file.bytes);
}
