import type { DefinitionView } from '../http/definition.schema.ts';
import type { Definition } from './definition-book.types.ts';

/** A definition as the API shows it, secrets masked. */
/** As the API lists them; those of one moment in the opposite order. */
export const newestFirst = (definitions: readonly Definition[]): readonly Definition[] =>
  definitions.toReversed().toSorted((one, other) => other.createdAt - one.createdAt);

export const definitionView = ({ document, version, suspended, provisioned }: Definition): DefinitionView =>
  ({ ...document, version, suspended, provisioned }) as unknown as DefinitionView;
