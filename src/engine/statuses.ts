import { type EngineActor, journalOf } from '../../machines/follow.ts';
import type { Status } from '../http/status.schema.ts';
import type { Workshop } from './workshop.ts';

/** The status of every definition that runs, as it is now. */
export const statusesOf = ({ book, statusOf }: Pick<Workshop, 'book' | 'statusOf'>, actor: EngineActor): Status[] =>
  book
    .all()
    .map((definition) => statusOf(definition, journalOf(actor, definition.id)))
    .filter((status) => status !== undefined);
