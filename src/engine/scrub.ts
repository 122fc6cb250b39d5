import { join } from 'node:path';
import {
  concatMap,
  defer,
  firstValueFrom,
  merge,
  type Observable,
  repeat,
  Subject,
  type Subscription,
  timer,
} from 'rxjs';
import type { ScrubStatus, Status } from '../http/status.schema.ts';
import { readNoted, writeNoted } from '../noted-file.ts';
import { isoTime } from '../time-words.ts';
import { Damage, type DamageRow } from './damage.ts';
import type { FullyVerified } from './evidence.ts';
import { type ScrubPoint, type ScrubSource, scrubPass, storedBytes } from './scrub-pass.ts';
import type { Workshop } from './workshop.ts';

/** How far the pass is, and what stands of earlier ones. */
export const scrubState = 'scrub.state';

/** A start has other things to do first; and after trouble it is tried again then. */
const shortestRestMs = 60_000;
/** A timer holds no month. */
const longestRestMs = 86_400_000;
/** Read without a pause. */
const turnBytes = 1024 * 1024;
/** Slower, and a segment would not be through before the next restart; faster, and mail would feel it. Bytes a second. */
const slowest = 1024 * 1024;
const fastest = 32 * 1024 * 1024;

/** The scrub of the running engine (D-056). */
export interface Scrub extends AsyncDisposable {
  status(): ScrubStatus;
  warnings(): Status['warnings'];
}
export interface ScrubParts extends Pick<Workshop, 'clock' | 'log' | 'note'> {
  readonly source: Omit<ScrubSource, 'upTo'>;
  readonly intervalMs: number;
  /** How much of the log lies elsewhere than in the data directory. */
  readonly logBytes: () => Promise<number>;
  /** Of a log that several engines share, one of them reads it. */
  readonly isMine: () => boolean;
  /** What each verification of everything has found. */
  readonly verified$: Observable<FullyVerified>;
}

/** As the state file has it. */
interface Row {
  readonly completedAt: number | null;
  readonly pass: Pass | null;
  readonly damage: DamageRow | null;
}
interface Pass {
  readonly startedAt: number;
  readonly upTo: number;
  readonly bytes: number;
  readonly totalBytes: number;
  readonly point: ScrubPoint;
  readonly faults: number;
}

/**
 * Reads all that is stored once in `intervalMs`, at the rate that this takes, within bounds, and goes on where it was after
 * a restart. What it finds stays a warning until a pass or a verification finds nothing.
 */
export async function openScrub(parts: ScrubParts): Promise<Scrub> {
  const scrub = new Scrubbing(parts, await rowIn(parts));
  return {
    status: () => scrub.status(),
    warnings: () => scrub.damage.warnings(),
    [Symbol.asyncDispose]: () => scrub.close(),
  };
}

async function rowIn({ source: { dataDir }, log }: ScrubParts): Promise<Row> {
  const noted = await readNoted(join(dataDir, scrubState));
  if (noted.kind === 'value') return noted.value as Row;
  if (noted.kind === 'damaged') log('warn', 'how far the scrub was is damaged; it begins anew', {});
  return { completedAt: null, pass: null, damage: null };
}

class Scrubbing {
  readonly damage: Damage;
  readonly #parts: ScrubParts;
  readonly #looks: Subscription;
  readonly #end$ = new Subject<void>();
  #row: Row;
  #ending = false;
  #passing: Promise<void> = Promise.resolve();
  /** In this life. */
  #readBytes = 0;

  constructor(parts: ScrubParts, row: Row) {
    this.#parts = parts;
    this.#row = row;
    this.damage = new Damage(parts, row.damage);
    const look = (): Promise<void> => {
      this.#passing = this.#passIfDue().catch((error: unknown) =>
        parts.log('error', 'the scrub could not go on', { error: String(error) }),
      );
      return this.#passing;
    };
    this.#looks = defer(() => timer(this.#restMs(), parts.clock))
      .pipe(concatMap(look), repeat())
      .subscribe();
    this.#looks.add(parts.verified$.subscribe((found) => this.#hear(found)));
  }

  status(): ScrubStatus {
    const { completedAt, pass } = this.#row;
    return {
      startedAt: pass === null ? null : isoTime(pass.startedAt),
      bytes: pass?.bytes ?? 0,
      totalBytes: pass?.totalBytes ?? 0,
      lastCompletedAt: completedAt === null ? null : isoTime(completedAt),
      readBytes: this.#readBytes,
    };
  }

  #hear({ startedAt, faults }: FullyVerified): void {
    if (faults.length === 0) this.damage.mended(startedAt);
    for (const fault of faults) this.damage.found(fault);
    void this.#save(this.#row);
  }

  async close(): Promise<void> {
    this.#ending = true;
    this.#looks.unsubscribe();
    this.#end$.next();
    await this.#passing;
  }

  /** Until the next pass begins, or goes on; 0 and less: it is due. */
  #untilDueMs(): number {
    const { completedAt, pass } = this.#row;
    if (pass !== null || completedAt === null) return 0;
    // A time in the future is that of a clock that was put back.
    const agoMs = this.#parts.clock.now() - completedAt;
    return agoMs < 0 ? 0 : this.#parts.intervalMs - agoMs;
  }

  #restMs(): number {
    return Math.min(longestRestMs, Math.max(shortestRestMs, this.#untilDueMs()));
  }

  async #passIfDue(): Promise<void> {
    const { source, clock, logBytes, isMine } = this.#parts;
    if (this.#untilDueMs() > 0 || !isMine()) return;
    if (this.#row.pass === null) {
      const now = clock.now();
      const upTo = source.store.log.head.seq;
      const totalBytes = (await storedBytes(source.dataDir)) + (await logBytes());
      await this.#save({ ...this.#row, pass: { startedAt: now, upTo, bytes: 0, totalBytes, point: null, faults: 0 } });
    }
    await this.#goOn();
  }

  /** From the last point to the end of the pass, or of the engine. */
  async #goOn(): Promise<void> {
    let pass = this.#row.pass;
    if (pass === null) return;
    const { source, clock } = this.#parts;
    let owed = 0;
    // Bytes behind the last point were counted, and are read again.
    for await (const step of scrubPass({ ...source, upTo: pass.upTo }, pass.point)) {
      if (this.#ending || !this.#parts.isMine()) return;
      if (step.kind === 'point') pass = { ...pass, point: step.point };
      else if (step.kind === 'fault') pass = { ...pass, faults: pass.faults + 1 };
      else pass = { ...pass, bytes: pass.bytes + step.bytes };
      this.#row = { ...this.#row, pass };
      if (step.kind === 'read') {
        this.#readBytes += step.bytes;
        owed += step.bytes;
        if (owed < turnBytes) continue;
        await firstValueFrom(merge(timer((owed / this.#rate(pass)) * 1_000, clock), this.#end$));
        owed = 0;
        continue;
      }
      if (step.kind === 'fault') this.damage.found(step.fault);
      await this.#save(this.#row);
    }
    if (pass.faults === 0) this.damage.mended(pass.startedAt);
    await this.#save({ ...this.#row, completedAt: clock.now(), pass: null });
  }

  /** Bytes a second. */
  #rate({ totalBytes }: Pass): number {
    return Math.min(fastest, Math.max(slowest, (totalBytes / this.#parts.intervalMs) * 1_000));
  }

  async #save(row: Row): Promise<void> {
    this.#row = { ...row, damage: this.damage.row };
    const { source, log } = this.#parts;
    await writeNoted(join(source.dataDir, scrubState), this.#row).catch((error: unknown) =>
      log('warn', 'how far the scrub is could not be kept', { error: String(error) }),
    );
  }
}
