import type { Statement } from '../../src/cluster/postgres.ts';
import { type SimRow, type SimTransaction, StatementError } from './sim-database.ts';
import { documentStatements } from './sim-statements-of-documents.ts';
import { dropStatements } from './sim-statements-of-drop.ts';
import { logStatements } from './sim-statements-of-log.ts';
import { tenureStatements } from './sim-statements-of-tenures.ts';

/** What PostgreSQL does for one statement, with its parameters from `$1` on. It waits for nothing but locks of rows. */
export type Carry = (transaction: SimTransaction, values: readonly unknown[]) => Promise<readonly SimRow[]>;
/** By the text of the statement. */
export type Statements = Readonly<Record<string, Carry>>;

/** Of parameters alone, so there are no parentheses within. */
const rowLists = /(insert into daybook\.(?:body|record) \([^)]*\) values) \([^)]*\)(?:, \([^)]*\))*/;
const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').trim().replace(rowLists, '$1 …');

/** Tables stand from the beginning, in the shape that the statements here know. */
const schemaStatements: Statements = {
  'select pg_advisory_xact_lock($1)': async () => [],
  "select to_regclass('daybook.migration') is not null as stands": async () => [{ stands: true }],
  'select coalesce(max(number), 0)::integer as done from daybook.migration': async () => [
    { done: Number.MAX_SAFE_INTEGER },
  ],
};

/** By text without its line breaks: a statement that was changed in any word is not known any more, and has to be looked at here. */
const statements: ReadonlyMap<string, Carry> = new Map(
  [schemaStatements, logStatements, tenureStatements, documentStatements, dropStatements].flatMap((some) =>
    Object.entries(some).map(([text, carry]): [string, Carry] => [plain(text), carry]),
  ),
);

/** @throws StatementError as the server does; `0A000` for what the simulation does not know */
export function carry(transaction: SimTransaction, { text, values = [] }: Statement): Promise<readonly SimRow[]> {
  const known = statements.get(plain(text));
  if (known === undefined) throw new StatementError('0A000', `the simulated database does not know: ${plain(text)}`);
  return known(transaction, values);
}
