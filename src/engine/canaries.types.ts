import type { SchedulerLike } from 'rxjs';
import type { EventDraft } from '../../streams/ports.ts';
import type { CanaryOptions } from '../config/to-options.ts';
import type { Log } from '../log.ts';
import type { CanaryState, SentCanary } from './canary-book.ts';
import type { Definition } from './definition-book.types.ts';

/** The canaries of all definitions (journaling N5). */
export interface CanaryBook {
  /** Null for a definition without one. */
  of(definitionId: string): CanaryView | null;
  /** A canary came into the custody of that definition, as this intake. Who has sent it may be another engine. */
  arrived(definitionId: string, intakeId: string): void;
}
export interface CanaryView {
  readonly state: CanaryState;
  readonly options: Pick<CanaryOptions, 'intervalMs' | 'limitMs'>;
}

export interface CanaryParts {
  readonly dataDir: string;
  readonly definitions: () => readonly Pick<Definition, 'id' | 'config'>[];
  /** Who runs the definition, and sees its canary come back: this engine, another one of a cluster, or nobody at the moment. */
  readonly runs: (definitionId: string) => 'this' | 'another' | 'nobody';
  /** What another engine that ran the definition has said of its canary last; undefined: nothing, or it was this one. */
  readonly said: (definitionId: string) => unknown;
  readonly say: (definitionId: string, state: CanaryState) => void;
  /** Whether mail of the definition is taken now. */
  readonly listens: (definitionId: string) => boolean;
  /** @throws Error with what the server said, never a password */
  readonly send: (
    canary: { readonly definition: string; readonly messageId: string; readonly options: CanaryOptions },
    signal: AbortSignal,
  ) => Promise<void>;
  /** The Message-ID of an intake that is a canary, and when it was received. */
  readonly read: (intakeId: string) => Promise<{ readonly messageId: string; readonly receivedAt: number } | null>;
  /** When a copy of it was received, as a canary or as mail like any other of this definition; null: none was. */
  readonly seek: (definitionId: string, sent: SentCanary) => Promise<number | null>;
  readonly note: (draft: EventDraft) => void;
  /** Something is otherwise than before. */
  readonly changed: (definitionId: string) => void;
  readonly clock: SchedulerLike;
  readonly log: Log;
}
