import type { Decoding, Parsed } from '../../streams/message.ts';
import type { Version } from '../../streams/open-mail.ts';
import type { UnwrapOptions } from '../../streams/ports.ts';

/** What the thread for large mail is asked. `bytes` are its own until it answers. */
export type LargeJob =
  | {
      readonly kind: 'open';
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly sha256: string;
      readonly unwrapOptions: Omit<UnwrapOptions, 'isInternal'>;
      readonly matchOnContent: boolean;
    }
  | {
      readonly kind: 'read';
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly decoding: Decoding;
      readonly sha256: string;
      readonly where: string;
    };
export type LargeAnswer =
  | {
      readonly kind: 'open';
      /** As it reads where one of `senders` is internal. */
      readonly parsed: Parsed;
      /** As it reads where none is; null where nobody was asked for. */
      readonly outside: Parsed | null;
      readonly senders: readonly string[];
      readonly versions: readonly Version[];
      readonly contentHash: string | null;
      readonly named: readonly string[];
      /** Given back for the next message. */
      readonly place: ArrayBuffer;
    }
  | { readonly kind: 'read'; readonly bytes: Uint8Array<ArrayBuffer> };
