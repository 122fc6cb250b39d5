import { addressKey } from '../../streams/address-key.ts';
import type { DefinitionConfig } from '../config/definition.schema.ts';
import { descriptionKey } from '../config/engine-rules.ts';

/** The file's definitions and those made over the API do not go together. Nothing was changed. */
export class DefinitionConflict extends Error {
  constructor(conflicts: readonly string[]) {
    super(conflicts.join('; '));
    this.name = 'DefinitionConflict';
  }
}

/** What the file repeats of definitions that were made over the API; one of the same id is taken over instead. */
export function conflictsOf(
  configs: readonly DefinitionConfig[],
  made: readonly { readonly config: DefinitionConfig }[],
): readonly string[] {
  const given = new Set(configs.map(({ id }) => id));
  const others = made.filter(({ config }) => !given.has(config.id));
  const byDescription = new Map(others.map(({ config }) => [descriptionKey(config.description), config.id]));
  const byAddress = new Map(others.map(({ config }) => [addressKey(config.serviceEmailAddress), config.id]));
  return configs.flatMap(({ description, serviceEmailAddress }, at) => [
    ...said(`definitions[${at}].description`, byDescription.get(descriptionKey(description))),
    ...said(`definitions[${at}].serviceEmailAddress`, byAddress.get(addressKey(serviceEmailAddress))),
  ]);
}

const said = (path: string, other: string | undefined): readonly string[] =>
  other === undefined
    ? []
    : [`${path}: is the same as that of ${other}, which was made over the API; expected a unique one`];
