import type { Subject } from 'rxjs';
import type { EngineActor } from '../../machines/follow.ts';
import { addressKey } from '../../streams/address-key.ts';
import { matchKeyOf } from '../../streams/match-keys.ts';
import { setBackMs } from '../../streams/schedule.ts';
import { ownReasons } from '../../streams/unwrap.ts';
import { sendCanary } from '../alert/canary-mail.ts';
import type { CanaryParts } from './canaries.types.ts';
import type { SentCanary } from './canary-book.ts';
import { definitionDuty, partOfDuty } from './duties.ts';
import { firstValue } from './first-value.ts';
import { listens } from './statuses.ts';
import { storedSubject } from './trial-subject.ts';
import type { Workshop } from './workshop.ts';

/** Copies under one Message-ID that are looked at in process; a canary has a few. */
const maxWaiting = 32;

const canaryOf = (definitionId: string): string => partOfDuty(definitionDuty(definitionId), 'canary');

/** What the canaries need of the running engine; `changed$` tells who looks at the status. */
export function canaryParts(workshop: Workshop, actor: EngineActor, changed$: Subject<string>): CanaryParts {
  const { options, book, clock, log, note, canaryMarks, duties } = workshop;
  return {
    dataDir: options.dataDir,
    definitions: () => book.all(),
    runs: (id) => {
      const duty = definitionDuty(id);
      // Before the others were heard, nobody knows what they have sent.
      if (duties.isMine(duty)) return duties.hasHeard ? 'this' : 'nobody';
      return duties.doerOf(duty) === null ? 'nobody' : 'another';
    },
    said: (id) => duties.said(canaryOf(id)),
    say: (id, state) => duties.say(new Map([[canaryOf(id), state]])),
    listens: (id) => listens(actor, id),
    send: ({ definition, messageId, options: { host, port, security, login, from, to } }, signal) => {
      const mark = canaryMarks.markOf({ messageId, to: addressKey(to) });
      const server = { host, port, security, login };
      return sendCanary({ ...server, from, to, definition, messageId, mark }, { signal, clock });
    },
    read: (intakeId) => readCanary(workshop, intakeId),
    seek: async (definitionId, sent) =>
      (await seek(workshop, definitionId, sent.messageId)) ?? (await seekSettled(workshop, definitionId, sent)),
    note,
    changed: (definitionId) => changed$.next(definitionId),
    clock,
    log,
  };
}

/** The record does not say which Message-ID it had: that is read again, once for each canary. */
async function readCanary({ store, setup }: Workshop, intakeId: string): ReturnType<CanaryParts['read']> {
  const record = await store.intake.get(intakeId);
  if (record === undefined || record.rawPurgedAt !== undefined) return null;
  const bytes = await firstValue(store.bodies.read(record.body, 'identity', record.sha256));
  const options = setup.optionsFor(storedSubject(record, store).item);
  const { unwrap, directory, trustedRecipientHeaders } = setup.ports;
  const isInternal = (address: string): boolean => directory.classify(address).internal;
  const { messageId } = unwrap(bytes, { ...options, insists: false, trustedRecipientHeaders, isInternal });
  return messageId === null ? null : { messageId, receivedAt: record.receivedAt };
}

async function seek({ store }: Workshop, definitionId: string, messageId: string): Promise<number | null> {
  const key = matchKeyOf(messageId, null);
  if (key === null) return null;
  const entries = (await firstValue(store.archive.lookup([key]))).flat();
  const stored = entries.flatMap(({ observations }) => observations);
  const copies = [...stored, ...(await store.waiting(key, maxWaiting))];
  const times = copies.filter((copy) => copy.definitionId === definitionId).map(({ receivedAt }) => receivedAt);
  return times.length === 0 ? null : Math.min(...times);
}

/** Skipped records that are looked through, the newest first: who loses this much between two canaries is told of it by other means. */
const [pages, recordsOfPage] = [8, 128];

/** One that was known as a canary, by whichever engine of a cluster. */
async function seekSettled(workshop: Workshop, definitionId: string, sent: SentCanary): Promise<number | null> {
  const { store, duties } = workshop;
  if (duties.worker === null) return null;
  let cursor: string | undefined;
  for (let page = 0; page < pages; page += 1) {
    const { items, next } = await store.intake.find({ state: 'skipped', limit: recordsOfPage, cursor });
    for (const item of items) {
      if (item.reason !== ownReasons.canary || item.definitionId !== definitionId) continue;
      const read = await readCanary(workshop, item.intakeId);
      if (read?.messageId === sent.messageId) return read.receivedAt;
    }
    const isBefore = (items.at(-1)?.receivedAt ?? 0) < sent.sentAt - setBackMs;
    if (next === null || isBefore) return null;
    cursor = next;
  }
  return null;
}
