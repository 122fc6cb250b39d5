import type { Hold } from '../../streams/keeping.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { ChangedBy } from './api.types.ts';
import type { RetentionAnswer } from './keeping.schema.ts';

/** How long mail is kept, and what is deleted. Each change is durable, and in the event log, when it resolves. */
export interface KeepingApi {
  readonly holds: {
    all(): Promise<readonly Hold[]>;
    get(id: string): Promise<Hold | undefined>;
    place(
      hold: Omit<Hold, 'placedAt' | 'placedBy'>,
      by: Pick<ChangedBy, 'actor' | 'reason'>,
    ): Promise<Hold | 'exists' | 'too-many'>;
    lift(id: string, by: ChangedBy): Promise<'done' | 'unknown'>;
    /** For each entry the ids of the holds that it is on. */
    on(entries: readonly ArchiveEntry[]): Promise<readonly (readonly string[])[]>;
  };
  /** Deletes one entry before its time. */
  erase(entryId: string, by: ChangedBy): Promise<EraseAnswer>;
  retention(): Promise<RetentionAnswer>;
  /** The clock is right, though it leapt: retention goes on. */
  resume(by: ChangedBy): Promise<void>;
  /** Records whose mail was deleted since their definition was made (null: the gateway's), by why. */
  deleted(): readonly { readonly definition: string | null; readonly rule: string; readonly count: number }[];
}

export type EraseAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'gone'; readonly gone: { readonly deletedAt: number; readonly rule: string } }
  | { readonly kind: 'held'; readonly holds: readonly string[] };
