import type { Custody, Receipt } from '../../streams/ports.ts';
import { roomIn } from '../store/free-space.ts';
import type { Store } from '../store/open-store.ts';

export type Admission = 'ok' | 'full' | 'failed' | 'stopping';
export interface CapacityOptions {
  readonly dataDir: string;
  readonly minimumFreeBytes: number;
  readonly queueMessages: number;
  readonly queueBytes: number;
  readonly definitionIds: () => readonly (string | null)[];
  readonly stopping: () => boolean;
  /** Called once, when the store has failed: nothing more is promised until it is opened anew. */
  readonly failed: (detail: string) => void;
}

/** Whether one more message can be taken, and custody that counts what is on its way (interface `limits`, `store.minimumFree`). */
export interface Capacity {
  /** Asked for each message; `sizeHintBytes` is what the sender announced. */
  admit(sizeHintBytes: number | null): Admission;
  readonly custody: Custody;
}

export function createCapacity(store: Store, options: CapacityOptions): Capacity {
  const inFlight = new Set<Receipt>();
  let failed = false;
  const admit = (sizeHintBytes: number | null): Admission => {
    if (options.stopping()) return 'stopping';
    if (failed) return 'failed';
    let flying = sizeHintBytes ?? 0;
    for (const { size } of inFlight) flying += size;
    const figures = options.definitionIds().map((definitionId) => store.figuresOf(definitionId));
    const messages = figures.reduce((sum, { queueMessages }) => sum + queueMessages, inFlight.size);
    const bytes = figures.reduce((sum, { queueBytes }) => sum + queueBytes, flying);
    if (messages >= options.queueMessages || bytes >= options.queueBytes) return 'full';
    return roomIn(options.dataDir, options.minimumFreeBytes, flying) > 0 ? 'ok' : 'full';
  };
  const counted = (receipt: Receipt): Receipt => {
    inFlight.add(receipt);
    return {
      get size() {
        return receipt.size;
      },
      write: (chunk) => receipt.write(chunk),
      preview: () => receipt.preview(),
      commit: async (received) => {
        try {
          return await receipt.commit(received);
        } catch (error) {
          // After an I/O error the log promises nothing more until it is opened anew (store section 3).
          if (!failed && (error as { code?: string }).code === 'store-failed') {
            failed = true;
            options.failed(String(error));
          }
          throw error;
        } finally {
          inFlight.delete(receipt);
        }
      },
      abort: () => {
        inFlight.delete(receipt);
        receipt.abort();
      },
    };
  };
  return { admit, custody: { begin: () => counted(store.custody.begin()) } };
}
