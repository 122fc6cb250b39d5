import { Counter, Gauge, type Registry } from 'prom-client';
import type { SchedulerLike } from 'rxjs';
import type { EngineApi } from './api.types.ts';

/** Sets metrics to what the engine says now. */
export type Show = (api: EngineApi, clock: SchedulerLike) => void;

/** Makes metrics of one registry. */
export function makers(registry: Registry) {
  const registers = [registry];
  return {
    gauge: (name: string, help: string, labelNames: string[] = []) => new Gauge({ name, help, labelNames, registers }),
    counter: (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers }),
  };
}
