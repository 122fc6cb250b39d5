import type { Component, Status } from '../http/status.schema.ts';

/** What health is told from. */
export interface HealthFacts {
  readonly statuses: readonly Status[];
  /** What is not ready. */
  readonly missing: readonly string[];
  /** Of the engine as a whole. */
  readonly warnings: Status['warnings'];
  /** The processing queue is at a limit. */
  readonly isFull: boolean;
}

const storeCodes = ['storage', 'damaged', 'damage-found', 'database', 'database-unsafe', 'standby-missing'];
const clusterCodes = ['not-run', 'index-behind', 'worker-gone'];
const refusing = ['disk-full'];
const nearlyRefusing = ['overloaded', 'queue-high'];
/** Of a definition that looks well: its mail does not come, or does not get on. */
const stuckCodes = ['canary-missing', 'backlog'];

/** Rule: health by component (interface section 4); what keeps mail from being taken is never healthy. */
export function healthOf({ statuses, missing, warnings, isFull }: HealthFacts): readonly Component[] {
  const told = (codes: readonly string[]) =>
    warnings.filter(({ code }) => codes.includes(code)).map(({ text }) => text);
  const full = isFull ? ['the processing queue is full: no mail is taken until it is shorter'] : [];
  return [
    component('engine', { unhealthy: missing, degraded: told(clusterCodes) }),
    component('store', { degraded: told(storeCodes) }),
    component('intake', { unhealthy: [...told(refusing), ...full], degraded: told(nearlyRefusing) }),
    ...statuses.map(healthOfDefinition),
  ];
}

function healthOfDefinition({ id, serviceStatus, hint, warnings }: Status): Component {
  const name = `definition ${id}`;
  if (serviceStatus === 'error') return { name, status: 'unhealthy', detail: hint };
  if (serviceStatus === 'down') return { name, status: 'degraded', detail: hint };
  const stuck = warnings.filter(({ code }) => stuckCodes.includes(code)).map(({ text }) => text);
  return component(name, { degraded: stuck });
}

function component(
  name: string,
  { unhealthy = [], degraded = [] }: { readonly unhealthy?: readonly string[]; readonly degraded?: readonly string[] },
): Component {
  const why = [...unhealthy, ...degraded].join('; ') || null;
  if (unhealthy.length > 0) return { name, status: 'unhealthy', detail: why };
  return { name, status: degraded.length > 0 ? 'degraded' : 'healthy', detail: why };
}
