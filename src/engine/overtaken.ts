import { EngineFailure } from '../../streams/failure.ts';
import type { DefinitionRow } from '../store/rows.ts';

/** Another engine of the cluster has changed the definitions since this one looked at them. Nothing was written. */
export class Overtaken extends Error {
  constructor() {
    super('another engine has changed the definitions meanwhile');
    this.name = 'Overtaken';
  }
}

/** The rows of the store that definitions in memory are made of. */
export class SeenRows {
  readonly #stamps = new Map<string, string>();

  see(row: DefinitionRow): void {
    this.#stamps.set(row.definitionId, stampOf(row));
  }

  /** Whether these are all of them, as they were seen. */
  are(rows: readonly DefinitionRow[]): boolean {
    return (
      rows.length === this.#stamps.size && rows.every((row) => this.#stamps.get(row.definitionId) === stampOf(row))
    );
  }
}

/** Another one after each change. */
const stampOf = ({ version, changedAt, suspension, removedAt = null }: DefinitionRow): string =>
  JSON.stringify([version, changedAt, suspension, removedAt]);

/** Changes are made by people, a few a day; who is overtaken so often is in a loop. */
const maxTries = 5;

/**
 * Makes a change on the definitions as they stand: begun anew, with what was changed elsewhere taken over, for as often as
 * another engine comes first. So a condition that the change was asked under is looked at on what it changes.
 * @throws EngineFailure `commit-timeout` where that does not end
 */
export async function onStanding<T>(change: () => Promise<T>, takeOver?: () => Promise<unknown>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error;
      if (tries === maxTries) throw new EngineFailure('commit-timeout', error.message, { cause: error });
      await takeOver?.();
    }
  }
}
