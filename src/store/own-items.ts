/** An item by what its due key says. */
export interface DueItem {
  readonly intakeId: string;
  readonly dueAt: number;
}
interface Times {
  readonly dueAt: number;
  /** Worked on no longer. */
  readonly until: number;
}

/** Items of one definition that this engine has taken in and works on, those that are due apart from those that wait. */
export class OwnItems {
  /** In the order in which they came to be due, as far as that was seen. */
  readonly #due = new Map<string, Times>();
  readonly #waiting = new Map<string, Times>();
  /** No item that waits is due before it. */
  #nextDueAt = Number.POSITIVE_INFINITY;

  put(intakeId: string, times: Times, now: number): void {
    this.delete(intakeId);
    if (times.dueAt <= now) {
      this.#due.set(intakeId, times);
      return;
    }
    this.#waiting.set(intakeId, times);
    this.#nextDueAt = Math.min(this.#nextDueAt, times.dueAt);
  }

  delete(intakeId: string): void {
    if (!this.#due.delete(intakeId)) this.#waiting.delete(intakeId);
  }

  /** Items due by `now`, `limit` at most, and when the next one is; what is no longer worked on is forgotten. */
  due(now: number, limit: number): { readonly items: readonly DueItem[]; readonly nextDueAt: number | null } {
    if (this.#nextDueAt <= now) this.#wake(now);
    const items: DueItem[] = [];
    for (const [intakeId, { dueAt, until }] of this.#due) {
      if (items.length === limit) break;
      if (until > now) items.push({ intakeId, dueAt });
      else this.#due.delete(intakeId);
    }
    return { items, nextDueAt: Number.isFinite(this.#nextDueAt) ? this.#nextDueAt : null };
  }

  #wake(now: number): void {
    this.#nextDueAt = Number.POSITIVE_INFINITY;
    for (const [intakeId, times] of this.#waiting) {
      if (times.dueAt > now) {
        this.#nextDueAt = Math.min(this.#nextDueAt, times.dueAt);
        continue;
      }
      this.#waiting.delete(intakeId);
      this.#due.set(intakeId, times);
    }
  }
}
