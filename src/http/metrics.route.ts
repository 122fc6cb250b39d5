import type { SchedulerLike } from 'rxjs';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { createMetrics } from './metrics.ts';

/** `GET /metrics`: Prometheus text (interface section 4). */
export function metricsRoutes(app: App, api: EngineApi, clock: SchedulerLike): void {
  const metrics = createMetrics(api, clock);
  app.get('/metrics', {
    config: { access: 'read-status', summary: 'Prometheus text.', produces: 'text/plain' },
    handler: async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  });
}
