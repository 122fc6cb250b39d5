import type { DocumentPlace } from './document-text.ts';
import type { Statement } from './postgres.ts';

/** Whose documents they are, and by what right they are written: the token of the definition. */
export interface DocumentsPlace extends Pick<DocumentPlace, 'room' | 'owner'> {
  /** Number of the log. */
  readonly log: number;
  readonly token: string;
}

/** `texts`: by key, as they are stored. */
export const putDocuments = (
  { log, room, owner, token }: DocumentsPlace,
  texts: ReadonlyMap<string, string>,
): Statement => ({
  name: 'put-documents',
  text: `insert into daybook.document (log, room, owner, token, key, value)
             select $1, $2, $3, $4, key, value from unnest($5::text[], $6::text[]) as d (key, value)
             on conflict (log, room, owner, key) do update set token = excluded.token, value = excluded.value`,
  values: [log, room, owner, token, [...texts.keys()], [...texts.values()]],
});

export const takeDocuments = ({ log, room, owner, token }: DocumentsPlace, keys: readonly string[]): Statement => ({
  name: 'take-documents',
  text: 'delete from daybook.document where log = $1 and room = $2 and owner = $3 and token <= $4 and key = any($5)',
  values: [log, room, owner, token, keys],
});
