import { EngineFailure } from '../../streams/failure.ts';
import type { IntakeQuery, IntakeRecord } from '../../streams/ports.ts';
import type { Explaining } from './explain.ts';

/** A person waits; what is not done by then is told as not done. */
const runForMs = 20_000;
const pageSize = 100;

/** Looks at the newest records that fit, `last` at most, one after another, until the time is up. */
export async function overRecords(
  query: Omit<IntakeQuery, 'limit' | 'cursor'> & { readonly cursor?: string | undefined },
  { workshop, last }: { readonly workshop: Pick<Explaining, 'store' | 'clock'>; readonly last: number },
  look: (record: IntakeRecord) => Promise<void>,
) {
  const until = workshop.clock.now() + runForMs;
  let [looked, skipped] = [0, 0];
  let cursor = query.cursor;
  while (looked + skipped < last) {
    const limit = Math.min(pageSize, last - looked - skipped);
    const page = await workshop.store.intake.find({ ...query, limit, cursor });
    for (const record of page.items) {
      if (workshop.clock.now() > until) return { looked, skipped, complete: false, next: cursor ?? null };
      if (await couldLook(record, look)) looked += 1;
      else skipped += 1;
      cursor = record.intakeId;
    }
    if (page.next === null) return { looked, skipped, complete: true, next: null };
    cursor = page.next;
  }
  return { looked, skipped, complete: true, next: cursor ?? null };
}

/** False where its bytes are gone or damaged: that is told elsewhere, and keeps nobody from looking at the others. */
async function couldLook(record: IntakeRecord, look: (record: IntakeRecord) => Promise<void>): Promise<boolean> {
  try {
    await look(record);
    return true;
  } catch (error) {
    if (error instanceof EngineFailure && (error.code === 'missing' || error.code === 'damaged')) return false;
    throw error;
  }
}
