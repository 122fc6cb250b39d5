import { type Observable, throwError } from 'rxjs';

/** Stands in an actor slot until the engine provides the real one; fails at its first start, under its name. */
export function unprovided(name: string): () => Observable<never> {
  return () => throwError(() => new Error(`the actor "${name}" was not provided`));
}
