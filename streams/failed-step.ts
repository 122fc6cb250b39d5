import { EngineFailure } from './failure.ts';
import type { SpoolItem, Step, Verdict } from './message.ts';
import type { SettleRequest } from './ports.ts';

/** Waits after a failed step or a failed port (journaling c.2). */
const retryAfterMs = [1_000, 10_000, 60_000] as const;
/** An item is put back this often before it is quarantined. */
export const maxFailures = retryAfterMs.length;

export const waitAfter = (failures: number): number =>
  retryAfterMs[Math.min(failures, retryAfterMs.length - 1)] ?? 60_000;

/**
 * What becomes of an item whose step failed: put back three times, then quarantined as `parser-crash`, or as
 * `storage-poison` where its bytes are not those that were recorded. Trouble of the store never quarantines mail.
 */
export function afterFailure(
  item: SpoolItem,
  error: unknown,
  at: number,
): Extract<Verdict, { kind: 'defer' }> | Extract<Verdict, { kind: 'end' }> {
  const isDamaged = error instanceof EngineFailure && (error.code === 'damaged' || error.code === 'missing');
  if (item.failures >= maxFailures && !isTrouble(error)) {
    return { kind: 'end', outcome: 'quarantined', reason: isDamaged ? 'storage-poison' : 'parser-crash' };
  }
  const failures = item.failures + 1;
  return { kind: 'defer', item: { ...failedStep(item, error, at), failures, dueAt: at + waitAfter(item.failures) } };
}

/** Settles, or puts back, an item whose step failed; no look at the archive. */
export function failedRequest(item: SpoolItem, error: unknown, at: number): SettleRequest {
  const verdict = afterFailure(item, error, at);
  return { item: failedStep(item, error, at), keys: [], decide: () => verdict };
}

/** Gives up an item with which the process has died too often: its bytes stay, and an operator may try it again. */
export function poisonRequest(item: SpoolItem, at: number): SettleRequest {
  const detail = 'the process died each time it was worked on';
  const verdict = { kind: 'end', outcome: 'quarantined', reason: 'poison' } as const;
  return { item: stepped(item, { at, step: 'failed', detail }), keys: [], decide: () => verdict };
}

/** Trouble of the machine, not of the message: tried again for as long as it takes. */
export const isTrouble = (error: unknown): boolean =>
  error instanceof EngineFailure && error.retryable && error.code !== 'parser-crash';

/** A plain error: what the system and the libraries fail with has a code, and is trouble of the machine. */
export const isBug = (error: unknown): boolean =>
  !(error instanceof EngineFailure) && !(typeof error === 'object' && error !== null && 'code' in error);

/** The item with one more step. */
export const stepped = (item: SpoolItem, { at, step, detail }: Step): SpoolItem => ({
  ...item,
  steps: [...item.steps, { at, step, detail }],
});

/** Trouble that lasts is told once in a row, so that the record stays small. */
function failedStep(item: SpoolItem, error: unknown, at: number): SpoolItem {
  const detail = detailOf(error);
  const last = item.steps.at(-1);
  return last?.step === 'failed' && last.detail === detail ? item : stepped(item, { at, step: 'failed', detail });
}

/** A parser may quote the whole mail; a record is kept for ever. */
const maxDetail = 500;

export const detailOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, maxDetail);
