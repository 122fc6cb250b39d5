import type { App } from './app.types.ts';
import { openApiOf } from './openapi.ts';
import { pageStyle, referencePage } from './reference-page.ts';
import type { RouteBook } from './route-book.ts';

/** The pages and documents that need no token. */
export function pagesRoutes(app: App, book: RouteBook, version: string): void {
  // Written when first asked for: it takes some 50 ms each, and mail waits for the start.
  const written: { docs?: string; openapi?: string } = {};
  const pages = [
    { url: '/page.css', type: 'text/css', summary: 'Style of this reference.', text: () => pageStyle },
    {
      url: '/docs',
      type: 'text/html',
      summary: 'This reference.',
      text: () => (written.docs ??= referencePage(book.routes, version)),
    },
    {
      ...{ url: '/openapi.json', type: 'application/json', summary: 'The OpenAPI document.' },
      text: () => (written.openapi ??= JSON.stringify(openApiOf(book.routes, version))),
    },
  ];
  for (const { url, type, summary, text } of pages) {
    app.get(url, {
      config: { access: 'public', summary, produces: type },
      handler: async (_request, reply) =>
        reply.type(`${type}; charset=utf-8`).header('cache-control', 'no-cache').send(text()),
    });
  }
}
