import { EngineFailure } from '../../streams/failure.ts';
import type { LogSeal } from './log-seal.ts';

/** In front of what is sealed; neither JSON nor base64 begins so. */
const mark = 'sealed:';

/** Where a document stands, by the columns of its key. */
export interface DocumentPlace {
  readonly room: string;
  readonly owner: string;
  readonly key: string;
}

/** The text of documents of a log as the database keeps it (D-134). */
export interface DocumentText {
  seal(place: DocumentPlace, text: string): string;
  /** What was written before the log was encrypted is in clear. @throws EngineFailure `key-unusable`, `damaged` */
  open(place: DocumentPlace, stored: string): string;
  /** Whether it is encrypted as it is stored. */
  isSealed(stored: string): boolean;
}

/** `seal`: null where the log is in clear. */
export const documentText = (seal: LogSeal | null): DocumentText => ({
  seal: (place, text) => (seal === null ? text : mark + seal.sealDocument(columnsOf(place), text)),
  open: (place, stored) => {
    if (!isSealed(stored)) return stored;
    if (seal !== null) return seal.openDocument(columnsOf(place), stored.slice(mark.length));
    throw new EngineFailure('key-unusable', 'documents of the log are encrypted, and store.encryption names no key');
  },
  isSealed,
});

const isSealed = (stored: string): boolean => stored.startsWith(mark);

const columnsOf = ({ room, owner, key }: DocumentPlace): readonly string[] => [room, owner, key];
