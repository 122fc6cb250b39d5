import type { DefinitionView } from '../http/definition.schema.ts';
import type { Definition } from './definition-book.types.ts';

/** A definition as the API shows it, secrets masked. */
export const definitionView = ({ document, version, suspended, provisioned }: Definition): DefinitionView =>
  ({ ...document, version, suspended, provisioned }) as unknown as DefinitionView;
