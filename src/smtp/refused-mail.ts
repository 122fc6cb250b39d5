import type { Incoming } from './incoming.ts';
import { announcedBytesOf, type Path, rawOf } from './path.ts';
import type { Refusal } from './reply.ts';
import type { Transaction } from './transaction.ts';
import type { RefusedMail } from './types.ts';

/** Of a message that was refused at MAIL, for the SIZE it announced; undefined from a peer that may send nothing anyhow. */
export function announcedMail(path: Path, maySend: boolean): RefusedMail | undefined {
  if (!maySend) return undefined;
  return { mailFrom: rawOf(path), bytes: announcedBytesOf(path) };
}

/** Of a message that was too large as it came; undefined of any other refusal. */
export function arrivedMail(
  { reason }: Refusal,
  { transaction, incoming }: { readonly transaction: Transaction; readonly incoming: Incoming | undefined },
): RefusedMail | undefined {
  if (reason !== 'too-large' || incoming === undefined) return undefined;
  return { mailFrom: transaction.mailFrom, bytes: incoming.size };
}
