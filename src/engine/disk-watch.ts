import type { SchedulerLike } from 'rxjs';
import type { EventDraft } from '../../streams/ports.ts';
import { sizeText } from '../config/units.ts';
import type { Status } from '../http/status.schema.ts';
import { isoTime } from '../time-words.ts';
import { engineEvent } from './definition-events.ts';

export interface DiskParts {
  /** Bytes that may still be taken in before mail is refused; negative below that. */
  readonly room: () => number;
  readonly minimumFreeBytes: number;
  readonly clock: SchedulerLike;
  readonly note: (draft: EventDraft) => void;
}

export interface DiskWatch {
  warnings(): Status['warnings'];
  /** As of the last look: since when no mail is taken; null while it is. */
  fullSince(): number | null;
}

type Level = 'normal' | 'low' | 'full';

/**
 * Warns of a disk before no mail is taken any more: from twice `store.minimumFree` on it is low. Looked at whenever it is
 * asked for, and told in the event log at each change.
 */
export function createDiskWatch({ room, minimumFreeBytes, clock, note }: DiskParts): DiskWatch {
  let level: Level = 'normal';
  let since = 0;
  const look = (): Status['warnings'] => {
    const left = room();
    const now = levelOf(left, minimumFreeBytes, level);
    if (now !== level) {
      level = now;
      since = clock.now();
      const type = level === 'normal' ? 'disk.normal' : 'disk.low';
      const severity = { normal: 'info', low: 'warning', full: 'error' } as const;
      const data = { leftBytes: Math.max(0, left), minimumFreeBytes, refusing: level === 'full' };
      note({ ...engineEvent(type, data), severity: severity[level] });
    }
    if (level === 'normal') return [];
    const text =
      level === 'full'
        ? 'the disk is full up to store.minimumFree: no mail is taken until there is room'
        : `the disk has ${sizeText(left)} left before no mail is taken`;
    return [{ code: `disk-${level}`, text, since: isoTime(since) }];
  };
  return { warnings: look, fullSince: () => (level === 'full' ? since : null) };
}

/** It is low until there is a quarter more than made it so: a disk at the edge is told once. */
function levelOf(left: number, floor: number, before: Level): Level {
  if (left <= 0) return 'full';
  return left < floor * (before === 'normal' ? 1 : 1.25) ? 'low' : 'normal';
}
