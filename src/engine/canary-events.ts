import type { EventDraft } from '../../streams/ports.ts';
import { isoTime } from '../time-words.ts';
import type { CanaryState } from './canary-book.ts';
import { definitionEvent } from './definition-events.ts';

/** Lines of the event log: the first of a row of bad news, and its end. What comes as it should is none (journaling d.6). */
export function canaryEvents(id: string, before: CanaryState | undefined, after: CanaryState): readonly EventDraft[] {
  const { missed = 0, unsent = null, last = null } = before ?? {};
  const event = (type: string, data: Readonly<Record<string, unknown>>): EventDraft => ({
    ...definitionEvent(type, id, 'engine', data),
    severity: type === 'canary.recovered' ? 'info' : 'warning',
  });
  const drafts: EventDraft[] = [];
  const lost = after.missing.at(-1);
  if (missed === 0 && after.missed > 0 && lost !== undefined) {
    drafts.push(event('canary.missed', { sentAt: isoTime(lost.sentAt), dueAt: isoTime(lost.dueAt) }));
  }
  if (missed > 0 && after.missed === 0 && after.last !== null) {
    drafts.push(event('canary.recovered', { missed, sentAt: isoTime(after.last.sentAt), late: after.last.late }));
  }
  if (unsent === null && after.unsent !== null) drafts.push(event('canary.unsent', { reason: after.unsent.said }));
  if (missed === 0 && after.last?.late === true && last?.late !== true) {
    const { sentAt, cameAt } = after.last;
    drafts.push(event('canary.late', { sentAt: isoTime(sentAt), cameAt: isoTime(cameAt) }));
  }
  return drafts;
}
