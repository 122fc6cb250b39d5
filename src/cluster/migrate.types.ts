import type { Frontier } from '../merkle.ts';
import type { LogPosition } from '../store/commit-log.types.ts';
import type { WholeRecord } from '../store/segment-records.ts';

/** A move that is not begun, or not gone on with: the reason is for people. Trying again changes nothing. */
export class MoveRefused extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'MoveRefused';
  }
}

/** Where records are read from. */
export interface MoveSource {
  /** @throws EngineFailure `damaged`, and what the place throws where it cannot be read */
  records(after: number, upTo: number): AsyncIterable<WholeRecord>;
}

/** Where they go. */
export interface MoveTarget {
  /** Where its log ends; all up to it is durable. */
  end(): Promise<LogPosition>;
  /**
   * Appends records as they are, durable when it resolves. @throws MoveRefused; anything else says nothing of whether it
   * was carried out: `end` knows
   */
  append(group: readonly WholeRecord[]): Promise<void>;
}

/** How far a copy has come. */
export interface MoveProgress {
  /** Number of the last record that is durable in the target. */
  readonly seq: number;
  /** The last one of this copy. */
  readonly of: number;
  /** Of payloads and heads, since it began. */
  readonly bytes: number;
}

/**
 * How a move stands, as the database has it. No row: the log has not been moved, and its workers may run.
 * `coming`: records are on their way in, or their way is not at its end: workers refuse to start. `here`: it was moved
 * in, workers run. `gone`: it was moved to files again, workers refuse.
 */
export interface MoveState {
  readonly state: 'coming' | 'here' | 'gone';
  /** The tree over the records up to where the move has come. */
  readonly tree: Frontier;
}
