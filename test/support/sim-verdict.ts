import { isDeepStrictEqual } from 'node:util';
import type { OutcomeFacts } from '../../src/store/outcome-record.ts';
import { matchKeyOf } from '../../streams/match-keys.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { SimEngine } from './sim-engine.ts';
import { isEnd, ledgerAgrees, type MailboxPicture, mailboxOf, must, type Picture, pictureOf } from './sim-look.ts';
import type { SimPost } from './sim-mail.ts';
import type { Promised } from './sim-senders.ts';
import { sha256, value } from './store-fixture.ts';

/** What one message left in the archive, whatever the order in which its copies came. */
export interface Kept {
  readonly fate: string;
  readonly recipients: readonly string[];
  readonly representations: readonly string[];
  readonly flags: readonly string[];
}

/** The archive of a run at rest by the numbers of its messages; checks every invariant that holds only at rest. */
export async function judge(
  engine: SimEngine,
  picture: Picture,
  { post, promised }: { readonly post: SimPost; readonly promised: readonly Promised[] },
): Promise<readonly Kept[]> {
  ledgerAgrees(picture);
  const messageOf = new Map(
    promised.flatMap(({ mail, custodied }) => custodied.intakeIds.map((id) => [id, mail.message])),
  );
  const byHash = new Map(post.mails.map(({ sha256: hash, message }) => [hash, message]));
  const entryOf = new Map<number, ArchiveEntry>();
  const entries = new Map(picture.entries.map((entry) => [entry.id, entry]));
  const fates = new Map<number, Set<string>>();
  for (const record of picture.intake) {
    const { intakeId, state, entryId } = record;
    must(isEnd(state), () => `INV-2: ${intakeId} is still ${state}`);
    const message = messageOf.get(intakeId) ?? byHash.get(record.sha256);
    must(message !== undefined, () => `INV-6: ${intakeId} holds bytes that nobody sent`);
    const inArchive = state === 'archived' || state === 'matched';
    fates.set(message, (fates.get(message) ?? new Set()).add(inArchive ? 'archived' : state));
    if (!inArchive) continue;
    const entry = entries.get(entryId ?? '');
    must(entry !== undefined, () => `INV-2: ${intakeId} is ${state} in ${entryId}, which is not there`);
    const observed = entry.observations.some((each) => each.intakeId === intakeId);
    must(observed, () => `INV-2: ${intakeId} is ${state} in ${entryId}, which does not know of it`);
    const other = entryOf.get(message);
    must(
      other === undefined || other.id === entry.id,
      () => `INV-5: message ${message} has the entries ${other?.id} and ${entry.id}`,
    );
    entryOf.set(message, entry);
  }
  must(entryOf.size === entries.size, () => `INV-5: ${entries.size} entries for ${entryOf.size} messages`);
  await bytesAreReadable(engine, picture);
  await stoppedAreListed(engine, picture);
  await chainHolds(engine);
  return post.expected.map((expected, message) => {
    const seen = [...(fates.get(message) ?? [])];
    must(
      seen.length === 1 && seen[0] === expected.fate,
      () => `message ${message} should be ${expected.fate}, is ${seen.join()}`,
    );
    const kept = keptOf(expected.fate, entryOf.get(message));
    const wanted = [...expected.recipients].sort();
    must(
      isDeepStrictEqual([...new Set(kept.recipients.map(addressIn))].sort(), wanted),
      () => `INV-4: message ${message} has the recipients ${kept.recipients.join()}, not ${wanted.join()}`,
    );
    return kept;
  });
}

function keptOf(fate: string, entry: ArchiveEntry | undefined): Kept {
  const observations = entry?.observations ?? [];
  const said = observations.flatMap(({ recipients }) =>
    recipients.map(({ address, type, source }) => `${address} ${type} ${source}`),
  );
  const versions = observations.flatMap(({ representations }) => representations.map((each) => each.sha256));
  return { fate, recipients: unique(said), representations: unique(versions), flags: unique(entry?.flags ?? []) };
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)].sort();
const addressIn = (said: string): string => said.slice(0, said.indexOf(' '));

/** INV-6: every record's bytes, and every representation's, have the hash that was recorded. */
async function bytesAreReadable({ store }: SimEngine, { intake, entries }: Picture): Promise<void> {
  for (const { intakeId, body, sha256: hash } of intake) {
    const bytes = await value(store.bodies.read(body, 'identity', hash));
    must(sha256(bytes) === hash, () => `INV-6: the bytes of ${intakeId} are not those received`);
  }
  for (const { id, matchKey, observations } of entries) {
    for (const { representations } of observations) {
      for (const { body, decoding, sha256: hash, facts, stub } of representations) {
        const bytes = await value(store.bodies.read(body, decoding, hash));
        must(sha256(bytes) === hash, () => `INV-6: the bytes of entry ${id} are not those recorded`);
        const key = matchKeyOf(facts.messageId, null);
        must(stub || key === null || key === matchKey, () => `INV-5: entry ${id} under ${matchKey} holds ${key}`);
      }
    }
  }
}

/** INV-8: whatever did not go into the archive is in the list of its state. */
async function stoppedAreListed({ store }: SimEngine, { intake }: Picture): Promise<void> {
  for (const state of ['held', 'skipped', 'quarantined'] as const) {
    const { items } = await store.intake.find({ limit: 1_000, cursor: undefined, state });
    const listed = items.map(({ intakeId }) => intakeId).sort();
    const all = intake
      .filter((record) => record.state === state)
      .map(({ intakeId }) => intakeId)
      .sort();
    must(isDeepStrictEqual(listed, all), () => `INV-8: ${state} lists ${listed.join()}, there are ${all.join()}`);
  }
}

/** The commit log from its first record to its head, each continuing the one before, nothing damaged, no end twice. */
async function chainHolds({ store }: SimEngine): Promise<void> {
  const { damaged } = store.recovery;
  must(damaged.length === 0, () => `store: the log is damaged: ${damaged.map(({ text }) => text).join()}`);
  let seq = 0;
  const ended = new Set<string>();
  for await (const { kind, facts, seq: at } of store.log.records(0)) {
    seq = at;
    if (kind !== 'outcome') continue;
    for (const { intakeId } of (facts as OutcomeFacts).outcomes) {
      must(!ended.has(intakeId), () => `INV-2: record ${at} ends ${intakeId} a second time`);
      ended.add(intakeId);
    }
  }
  must(seq === store.log.head.seq, () => `store: the log ends at ${seq}, its head is ${store.log.head.seq}`);
}

/** INV-7, of the index: made anew from the log it is the index that was, as readers see it. */
export async function sameAnew(picture: Picture, anew: SimEngine): Promise<void> {
  const made = await pictureOf(anew);
  for (const part of ['intake', 'entries', 'events', 'figures', 'ledger', 'definitions'] as const) {
    must(
      isDeepStrictEqual(made[part], picture[part]),
      () => `rebuild: ${part} differ\n${difference(made[part], picture[part])}`,
    );
  }
}

/** The same of the ledger of the mailbox, unless a session was at its QUIT, and noted its end after the look. */
export async function sameMailbox(mailbox: MailboxPicture, anew: SimEngine): Promise<void> {
  const made = await mailboxOf(anew);
  must(
    made.records !== mailbox.records || isDeepStrictEqual(made.items, mailbox.items),
    () => `rebuild: the ledger of the mailbox differs\n${difference(made.items, mailbox.items)}`,
  );
}

/** INV-7: the archive is the one of the run without a crash. */
export function sameArchive(kept: readonly Kept[], calm: readonly Kept[]): void {
  must(
    isDeepStrictEqual(kept, calm),
    () => `INV-7: the archive differs from that of a calm run\n${difference(kept, calm)}`,
  );
}

function difference(one: readonly unknown[], other: readonly unknown[]): string {
  const at = one.findIndex((each, place) => !isDeepStrictEqual(each, other[place]));
  return `${at}: ${JSON.stringify(one[at])}\n   ${JSON.stringify(other[at])}`;
}
