import type { S3Trouble } from '../../src/cluster/s3-wire.ts';
import { eventually } from './eventually.ts';
import { VirtualClock } from './virtual-time.ts';

/** Virtual time for requests over real sockets: it goes on only while a request waits for its next try. */
export class RetryClock extends VirtualClock {
  /** Every failed try that is made again. */
  readonly troubles: S3Trouble[] = [];
  #answered = 0;

  constructor() {
    // Requests are signed with it: a gateway takes no others.
    super(Date.now());
  }

  /** For the options of a wire. */
  readonly told = (trouble: S3Trouble): void => void this.troubles.push(trouble);

  /** Waits for the next failed try, then for as long as the wire wants to. */
  async nextTry(): Promise<S3Trouble> {
    const count = this.#answered + 1;
    const trouble = await eventually(async () => this.troubles[count - 1], { what: 'a failed try' });
    this.#answered = count;
    this.runUntil(this.now() + trouble.waitMs);
    return trouble;
  }

  /** Goes through tries until `asked` has an answer; gives it, or throws it. */
  async through<T>(asked: Promise<T>): Promise<T> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    asked.then(over, over);
    const moves = async (): Promise<boolean> => isOver || this.troubles.length > this.#answered;
    for (;;) {
      await eventually(moves, { what: 'an answer or a failed try' });
      if (isOver) return asked;
      await this.nextTry();
    }
  }
}
