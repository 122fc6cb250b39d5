import type { IndexDb } from './index-db.ts';
import { importedKey } from './keys.ts';

/** What was imported before, by its name (import-name.ts). */
export interface Imports {
  /**
   * The intake of each, in the order of the names. Undefined for those that never came, and for those whose bytes were
   * deleted since: whoever imports them again wants them back.
   */
  find(definitionId: string, names: readonly string[]): Promise<readonly (string | undefined)[]>;
}

export function createImports(index: IndexDb): Imports {
  return {
    find: async (definitionId, names) => {
      const keys = names.map((name) => importedKey(definitionId, index.blind(name)));
      const ids = (await index.imported.getMany(keys)).map((imported) => imported?.intakeId);
      const rows = await index.intake.getMany(ids.filter((id) => id !== undefined));
      const whole = new Set(rows.filter((row) => row?.rawPurgedAt === undefined).map((row) => row?.intakeId));
      return ids.map((id) => (id !== undefined && whole.has(id) ? id : undefined));
    },
  };
}
