import type { Status } from '../http/status.schema.ts';
import type { FileFault } from '../store/leveldb-check.ts';
import { isoTime } from '../time-words.ts';
import { engineEvent } from './definition-events.ts';
import type { Workshop } from './workshop.ts';

/** Places that are named, and remembered so that none is told twice; a whole disk gone bad needs no longer list. */
const maxPlaces = 100;

export interface DamageRow {
  /** Epoch ms. */
  readonly since: number;
  /** When it was last come upon. */
  readonly lastAt: number;
  /** The first places. */
  readonly places: readonly FileFault[];
  /** Places found, those that are not named among them. */
  readonly count: number;
}

/** What is known to be damaged: told once each, and a warning until nothing is found any more. */
export class Damage {
  readonly #parts: Pick<Workshop, 'clock' | 'log' | 'note'>;
  #row: DamageRow | null;

  constructor(parts: Pick<Workshop, 'clock' | 'log' | 'note'>, row: DamageRow | null) {
    this.#parts = parts;
    this.#row = row;
  }

  get row(): DamageRow | null {
    return this.#row;
  }

  found(fault: FileFault): void {
    const { clock, log, note } = this.#parts;
    const lastAt = clock.now();
    const { since = lastAt, places = [], count = 0 } = this.#row ?? {};
    if (places.some(({ file, text }) => file === fault.file && text === fault.text)) {
      this.#row = { since, lastAt, places, count };
      return;
    }
    const isNamed = places.length < maxPlaces;
    this.#row = { since, lastAt, places: isNamed ? [...places, fault] : places, count: count + 1 };
    if (!isNamed) return;
    const { file, offset = null, text } = fault;
    note({ ...engineEvent('store.damaged', { file, offset, text }), severity: 'error' });
    log('error', 'stored bytes are damaged', { file, offset, text });
  }

  /** Everything was read from `startedAt` on, and nothing found. */
  mended(startedAt: number): void {
    if (this.#row === null || this.#row.lastAt >= startedAt) return;
    const { since, count } = this.#row;
    this.#row = null;
    this.#parts.note(engineEvent('store.mended', { since: isoTime(since), places: count }));
  }

  warnings(): Status['warnings'] {
    const [first] = this.#row?.places ?? [];
    if (this.#row === null || first === undefined) return [];
    const { count, since } = this.#row;
    const more = count === 1 ? '' : ` (and ${count - 1} places more)`;
    const text = `${first.file}: ${first.text}${more}; stop the engine and run \`daybook repair --plan\``;
    return [{ code: 'damage-found', text, since: isoTime(since) }];
  }
}
