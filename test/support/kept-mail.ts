import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import type { SpoolItem, Verdict } from '../../streams/message.ts';
import { parsedItem, type StoreFixture, value } from './store-fixture.ts';
import { factsOf, observationOf, recipientOf } from './stream-shapes.ts';

export interface MailWords {
  readonly id?: string;
  readonly definitionId?: string;
  /** In the bytes, the subject, the Message-ID, the addresses and the envelope. */
  readonly word: string;
  /** How often the body says it; once by default. */
  readonly times?: number;
  /** Joins this entry instead of making one. */
  readonly into?: string;
  readonly learnt?: Readonly<Record<string, string>>;
}

/** Takes mail in whose every part holds its word, and settles all of it in one window, as one record of the log. */
export async function archiveMail(fixture: StoreFixture, mails: readonly MailWords[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const { word, id, definitionId = 'exchange', times = 1 } of mails) {
    const transport = { mailFrom: `${word}@from.example`, rcptTo: [`${word}@to.example`] };
    const text = `Subject: ${word}\r\n\r\n${`the body says ${word}\r\n`.repeat(times)}`;
    ids.push(await fixture.take(text, { definitionId, transport, ...(id === undefined ? {} : { id }) }));
  }
  const items = new Map<string, SpoolItem>();
  for (const definitionId of new Set(mails.map((mail) => mail.definitionId ?? 'exchange'))) {
    for (const item of await fixture.due(definitionId)) items.set(item.intakeId, item);
  }
  const keys = new Map<string, string>();
  for (const { into } of mails) {
    const entry = into === undefined ? undefined : await fixture.store.messages.get(into);
    if (entry !== undefined) keys.set(entry.id, entry.matchKey);
  }
  const requests = mails.map((mail, at) => {
    const item = items.get(ids[at] ?? '');
    if (item === undefined) throw new Error(`${ids[at]} is not due`);
    return requestOf(item, mail, keys.get(mail.into ?? '') ?? `mid:<${mail.word}@id.example>`);
  });
  await value(fixture.store.archive.settle(requests));
  return ids;
}

function requestOf(item: SpoolItem, { word, into, learnt = {} }: MailWords, key: string) {
  const facts = factsOf({ messageId: `<${word}@id.example>`, from: `${word}@north.example`, subject: `about ${word}` });
  const parsed = parsedItem(item, { messageId: facts.messageId ?? '', subject: facts.subject });
  const representations = parsed.parsed.representations.map((each) => ({ ...each, facts }));
  const observation = observationOf(item.intakeId, {
    definitionId: item.definitionId,
    receivedAt: item.receivedAt,
    sender: `${word}@north.example`,
    reportMessageId: facts.messageId,
    recipients: [recipientOf(`${word}.reader@north.example`)],
    representations,
  });
  const verdict: Verdict =
    into === undefined
      ? { kind: 'insert', observation, collidesWith: [] }
      : { kind: 'merge', entryId: into, case: 'M1', observation, noop: false, learnt };
  return { item: parsed, keys: [key], decide: () => verdict };
}

/** Names of the files of the data directory that hold the text, in any letter case. */
export async function filesWith({ dataDir }: Pick<StoreFixture, 'dataDir'>, text: string): Promise<readonly string[]> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) {
    const bytes = await readFile(join(parentPath, name));
    if (bytes.toString('latin1').toLowerCase().includes(text.toLowerCase())) found.push(name);
  }
  return found;
}

/** Every key of the index of a closed store with its value, but for what is no fold of the log. */
export async function indexOf(dataDir: string): Promise<ReadonlyMap<string, string>> {
  const database = new Level<string, string>(join(dataDir, 'index'));
  const found = new Map<string, string>();
  for await (const [key, text] of database.iterator()) {
    if (!key.startsWith('!uidl!') && !key.startsWith('!runtime!')) found.set(key, text);
  }
  await database.close();
  return found;
}

/** Deletes what is due; answers how many entries that was. */
export async function deleteDue({ store, clock }: StoreFixture): Promise<number> {
  let deleted = 0;
  for await (const some of store.retention.due(clock.at)) deleted += some;
  return deleted;
}
