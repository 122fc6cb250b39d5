import { from, lastValueFrom, mergeMap, reduce } from 'rxjs';
import type { IntakeReader, IntakeRecord } from '../../streams/ports.ts';
import type { BulkQuery, BulkRelease, IntakeChange } from '../http/api.types.ts';

/** Releases under way at once: they share the syncs of the commit log. */
const releasesAtOnce = 50;
/** Records read at once. */
const pageItems = 500;
/** `remaining` is counted up to here: a call must not read a million records to say how many there are. */
export const countedAtMost = 10_000;

/** Releases the newest records that fit, `wanted.limit` of them at most, each by a command and an event of its own. */
export async function releaseAll(
  intake: Pick<IntakeReader, 'find'>,
  wanted: BulkQuery,
  release: (intakeId: string) => Promise<IntakeChange>,
): Promise<BulkRelease> {
  const chosen: string[] = [];
  let remaining = 0;
  for await (const { intakeId } of releasable(intake, wanted)) {
    if (chosen.length < wanted.limit) chosen.push(intakeId);
    else remaining += 1;
    if (remaining === countedAtMost) break;
  }
  const released$ = from(chosen).pipe(
    mergeMap(release, releasesAtOnce),
    reduce((sum, { kind }) => sum + (kind === 'done' ? 1 : 0), 0),
  );
  return { released: await lastValueFrom(released$), remaining };
}

/** Records that fit and still have their bytes, newest first. */
async function* releasable(
  { find }: Pick<IntakeReader, 'find'>,
  wanted: BulkQuery,
): AsyncGenerator<IntakeRecord, void> {
  let cursor: string | undefined;
  do {
    const page = await find({ ...wanted, limit: pageItems, cursor });
    yield* page.items.filter(({ rawPurgedAt }) => rawPurgedAt === undefined);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}
