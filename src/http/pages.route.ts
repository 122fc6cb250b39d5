import type { App } from './app.types.ts';
import { openApiOf } from './openapi.ts';
import { pageStyle, referencePage } from './reference-page.ts';
import type { RouteBook } from './route-book.ts';

/** The pages and documents that need no token. The reference is written once, when every route is known. */
export function pagesRoutes(app: App, book: RouteBook, version: string): void {
  const written = { docs: '', openapi: '' };
  app.addHook('onReady', async () => {
    written.docs = referencePage(book.routes, version);
    written.openapi = JSON.stringify(openApiOf(book.routes, version));
  });
  const pages = [
    { url: '/page.css', type: 'text/css', summary: 'Style of this reference.', text: () => pageStyle },
    { url: '/docs', type: 'text/html', summary: 'This reference.', text: () => written.docs },
    { url: '/openapi.json', type: 'application/json', summary: 'The OpenAPI document.', text: () => written.openapi },
  ];
  for (const { url, type, summary, text } of pages) {
    app.get(url, {
      config: { access: 'public', summary, produces: type },
      handler: async (_request, reply) =>
        reply.type(`${type}; charset=utf-8`).header('cache-control', 'no-cache').send(text()),
    });
  }
}
