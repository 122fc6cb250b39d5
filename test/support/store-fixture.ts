import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, from, type ObservableInput } from 'rxjs';
import type { MasterKey } from '../../src/master-key.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/open-store.ts';
import type { HeaderFacts, ParsedMail, SpoolItem, TransportFacts } from '../../streams/message.ts';
import { masterKey } from './master-keys.ts';

/** A store in a temporary folder, with the few steps of a message's life that tests take by hand. */
export interface StoreFixture extends AsyncDisposable {
  readonly store: Store;
  readonly dataDir: string;
  /** The store's clock: it stands still until a test sets it. */
  readonly clock: { at: number };
  /** Closes and opens again, on the same folder. */
  reopen(options?: { readonly rebuild?: boolean }): Promise<void>;
  /** The same under another master key, or none; after a refusal, open under one that is right. */
  reopenWith(master: MasterKey | null, options?: { readonly rebuild?: boolean }): Promise<void>;
  /** Takes one message in; resolves with its intake id. */
  take(
    text: string,
    options?: {
      readonly id?: string;
      readonly definitionId?: string;
      readonly at?: number;
      /** Further definitions of the same transaction, each with an intake of its own. */
      readonly alsoFor?: readonly string[];
      readonly transport?: Partial<TransportFacts>;
    },
  ): Promise<string>;
  due(definitionId?: string, now?: number): Promise<readonly SpoolItem[]>;
}

/** Every kind of store that mail may rest in. */
export const storeKinds = ['segments', 'leveldb', 'encrypted segments', 'encrypted leveldb'] as const;
export type StoreKind = (typeof storeKinds)[number];
export const isEncrypted = (kind: StoreKind): boolean => kind.startsWith('encrypted');

export const value = <T>(answer: ObservableInput<T>): Promise<T> => firstValueFrom(from(answer));
export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export async function openStoreFixture(
  kind: StoreKind = 'segments',
  { readLarge }: Pick<StoreOptions, 'readLarge'> = {},
): Promise<StoreFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-store-'));
  const dataDir = join(folder, 'data');
  const now = { at: Date.parse('2026-11-23T12:00:00Z') };
  let master = isEncrypted(kind) ? masterKey() : null;
  const open = (rebuild: boolean): Promise<Store> =>
    openStore({
      dataDir,
      bytes: kind.endsWith('leveldb') ? 'leveldb' : 'segments',
      master,
      segmentBytes: 1_048_576,
      now: () => now.at,
      journalTypeOf: () => 'eej',
      readLarge,
      ...(rebuild ? { rebuild: { folded: () => undefined } } : {}),
    });
  let store = await open(false);
  let count = 0;
  return {
    get store() {
      return store;
    },
    dataDir,
    clock: now,
    reopen: async ({ rebuild = false } = {}) => {
      await store[Symbol.asyncDispose]();
      store = await open(rebuild);
    },
    reopenWith: async (other, { rebuild = false } = {}) => {
      await store[Symbol.asyncDispose]();
      master = other;
      store = await open(rebuild);
    },
    take: async (text, { id, definitionId = 'exchange', at = now.at, alsoFor = [], transport: more } = {}) => {
      count += 1;
      const intakeId = id ?? `intake-${String(count).padStart(4, '0')}`;
      const receipt = store.custody.begin();
      const bytes = Buffer.from(text, 'latin1');
      for (let from = 0; from < bytes.length; from += 65_536) await receipt.write(bytes.subarray(from, from + 65_536));
      const transport = {
        kind: 'smtp',
        peer: '127.0.0.1',
        mailFrom: '',
        rcptTo: [],
        tls: null,
        authenticatedAs: null,
        uidl: null,
        ...more,
      } as const;
      const others = alsoFor.map((other) => ({ intakeId: `${intakeId}-${other}`, definitionId: other }));
      const targets = [{ intakeId, definitionId }, ...others].map((each) => ({ ...each, definitionVersion: 1 }));
      await value(from(receipt.commit({ targets, origin: 'journal', receivedAt: at, transport })));
      return intakeId;
    },
    due: async (definitionId = 'exchange', at = now.at) => (await value(store.spool.due(definitionId, at, 100))).items,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The item as parsing would leave it: one original, the whole of its bytes. */
export function parsedItem(
  item: SpoolItem,
  mail: Partial<ParsedMail> & { readonly messageId: string },
): SpoolItem & { parsed: ParsedMail } {
  const facts: HeaderFacts = {
    messageId: mail.messageId,
    from: 'ada@north.example',
    subject: mail.subject ?? 'Lunch',
    dateAt: 1_000,
  };
  const { sha256: hash, size, body } = item;
  const parsed: ParsedMail = {
    class: 'envelope',
    family: 'ms2007',
    level: 'L0',
    flags: [],
    quarantineReason: null,
    sender: 'ada@north.example',
    onBehalfOf: null,
    subject: 'Lunch',
    reportMessageId: mail.messageId,
    recipients: [],
    originals: [],
    primary: 0,
    extra: {},
    unparsed: [],
    times: { date: 1_000, reportSent: null, oldestReceived: null, newestReceived: null, outerDate: null },
    representations: [
      {
        sha256: hash,
        size,
        body,
        decoding: 'identity',
        contentHash: null,
        protected: false,
        clearText: false,
        stub: false,
        primary: true,
        facts,
      },
    ],
    observed: [{ address: 'bo@north.example', type: 'to', via: [], source: 'envelope', internal: true, known: true }],
    internal: true,
    matchKey: `mid:${mail.messageId}`,
    ...mail,
  };
  return { ...item, state: 'parsed', parsed };
}
