import type { ImportedAs } from '../../streams/message.ts';
import type { ImportEnvelope } from '../import-name.ts';

/** Takes messages into custody that no transport brought (interface section 1, `daybook import`). */
export interface ImportApi {
  /** The largest message that is taken. */
  readonly maxMessageBytes: number;
  /** Which of these (import-name.ts) were imported before and still have their bytes. Undefined: no such definition. */
  known(definitionId: string, names: readonly string[]): Promise<readonly boolean[] | undefined>;
  /**
   * Resolves once the message is in custody; one that was imported before is not taken again. Undefined: no such
   * definition.
   * @throws EngineFailure `too-large`, `store-full`, `store-failed`, `stopping`
   */
  take(wanted: WantedImport, bytes: AsyncIterable<Uint8Array>): Promise<TakenImport | undefined>;
}
export interface WantedImport {
  readonly definitionId: string;
  readonly as: ImportedAs;
  /** Of the gateway's own copies, where it is known from elsewhere than their headers. */
  readonly envelope: ImportEnvelope;
  /** The token's name, and where it came from. */
  readonly actor: string;
  readonly peer: string;
  /** What the message is said to have. */
  readonly sizeHintBytes: number | null;
}
export interface TakenImport {
  readonly intakeId: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** It was imported before: that is its intake. */
  readonly known: boolean;
}
