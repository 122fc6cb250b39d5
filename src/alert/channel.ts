import type { Alert } from '../../streams/alert.ts';

/** One way to reach people. */
export interface Channel {
  /** What comes within this time after the first is told together with it. */
  readonly gatherMs: number;
  /** From one message to the next, at least: a storm fills nobody's inbox. */
  readonly restMs: number;
  /** Alerts that one message takes. */
  readonly most: number;
  /** Resolves once the other side has taken it. @throws Error saying why it has not, without a secret */
  send(alerts: readonly Alert[], sending: Sending): Promise<void>;
  /** The same with a message that says that it is a test. */
  test(sending: Sending): Promise<void>;
}

export interface Sending {
  /** Gives it up. */
  readonly signal: AbortSignal;
}
