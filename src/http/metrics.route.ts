import type { SchedulerLike } from 'rxjs';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import type { Metrics } from './metrics.ts';

/** `GET /metrics`: Prometheus text (interface section 4). */
export function metricsRoutes(app: App, api: EngineApi, clock: SchedulerLike): void {
  let metrics: Promise<Metrics> | undefined;
  app.get('/metrics', {
    config: { access: 'read-status', summary: 'Prometheus text.', produces: 'text/plain' },
    handler: async (_request, reply) => {
      // Loaded when somebody scrapes: a start has no use for it, and mail waits for the start.
      metrics ??= import('./metrics.ts').then(({ createMetrics }) => createMetrics(api, clock));
      const { contentType, text } = await metrics;
      return reply.type(contentType).send(await text());
    },
  });
}
