import type { AlertAnswer, AlertTest } from './alerts.schema.ts';

/** What is wrong, who looks after it, and who is told. */
export interface AlertsApi {
  /** Every alert that is kept, the newest first; 1,200 at most. */
  all(): readonly AlertAnswer[];
  /** Durable when it resolves. `ended`: it is over already. */
  acknowledge(
    id: string,
    by: { readonly actor: string; readonly note: string | null },
  ): Promise<AlertAnswer | 'unknown' | 'ended'>;
  /** Sends a test through one channel, or all of them; undefined where none has this name. */
  test(channel: string | undefined): Promise<readonly AlertTest[] | undefined>;
  /** How each channel does: messages sent and failed since the start. */
  channels(): readonly { readonly name: string; readonly sent: number; readonly failed: number }[];
}
