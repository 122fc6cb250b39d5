/** Shared with others, or held alone. */
export type LockMode = 'share' | 'update';

interface Waiter {
  readonly owner: object;
  readonly mode: LockMode;
  readonly granted: () => void;
  readonly refused: (error: Error) => void;
}
interface Lock {
  readonly holders: Map<object, LockMode>;
  waiting: Waiter[];
}

/** Locks of rows by name, each given in the order in which it was asked for, and held until its owner releases all it has. */
export class RowLocks {
  readonly #locks = new Map<string, Lock>();

  /** Resolves when it is held. What is held already is held on, alone where that is asked for. */
  take(owner: object, name: string, mode: LockMode): Promise<void> | undefined {
    const lock: Lock = this.#locks.get(name) ?? { holders: new Map(), waiting: [] };
    this.#locks.set(name, lock);
    const held = lock.holders.get(owner);
    if (held === 'update' || held === mode) return undefined;
    if (lock.waiting.length === 0 && isFree(lock, owner, mode)) {
      lock.holders.set(owner, mode);
      return undefined;
    }
    return new Promise((granted, refused) => {
      const waiter = { owner, mode, granted, refused };
      // Who holds it in part goes first: those who wait, wait for him.
      if (held === undefined) lock.waiting.push(waiter);
      else lock.waiting.unshift(waiter);
      grant(lock);
    });
  }

  isWaiting(owner: object): boolean {
    return [...this.#locks.values()].some(({ waiting }) => waiting.some((waiter) => waiter.owner === owner));
  }

  /** Ends a wait with an error. What is held is held on. */
  refuse(owner: object, error: Error): void {
    for (const lock of this.#locks.values()) {
      const refused = lock.waiting.filter((waiter) => waiter.owner === owner);
      if (refused.length === 0) continue;
      lock.waiting = lock.waiting.filter((waiter) => waiter.owner !== owner);
      for (const waiter of refused) waiter.refused(error);
      grant(lock);
    }
  }

  release(owner: object): void {
    for (const [name, lock] of this.#locks) {
      lock.waiting = lock.waiting.filter((waiter) => waiter.owner !== owner);
      lock.holders.delete(owner);
      grant(lock);
      if (lock.holders.size === 0 && lock.waiting.length === 0) this.#locks.delete(name);
    }
  }
}

const isFree = ({ holders }: Lock, owner: object, mode: LockMode): boolean =>
  [...holders].every(([other, held]) => other === owner || (mode === 'share' && held === 'share'));

function grant(lock: Lock): void {
  for (let next = lock.waiting[0]; next !== undefined && isFree(lock, next.owner, next.mode); next = lock.waiting[0]) {
    lock.waiting.shift();
    lock.holders.set(next.owner, next.mode);
    next.granted();
  }
}
