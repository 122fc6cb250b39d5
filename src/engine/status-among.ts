import type { Status } from '../http/status.schema.ts';
import { type Duties, definitionDuty } from './duties.ts';

/**
 * The status of a definition as the engine that runs it has it; what stands in the log, this one knows as well, and sooner.
 * Its own view where nobody has said anything yet.
 */
export function statusAmong(duties: Duties, own: Status): Status {
  if (duties.worker === null) return own;
  const name = definitionDuty(own.id);
  if (duties.isMine(name)) return { ...own, worker: duties.worker };
  const said = duties.said(name) as Status | undefined;
  const doer = duties.doerOf(name);
  const worker = doer === null ? {} : { worker: doer };
  if (said === undefined) return { ...own, ...worker };
  const { counts, processingQueue, description, lastMessageAt } = own;
  return { ...said, ...worker, counts, processingQueue, description, lastMessageAt };
}
