import { masked } from './mask.ts';
import type { Reply } from './reply.ts';

/** One line of a session, as the detailed log has it. */
export interface DialogueLine {
  readonly at: number;
  readonly session: string;
  readonly peer: string;
  /** `>` said by the client, `<` by us, `-` by neither: what was left out. */
  readonly said: '>' | '<' | '-';
  readonly text: string;
}

/** Where the dialogue of sessions goes. Content never enters it, nor what a password may be part of. */
export interface DialogueSink {
  /** Asked at each command: where nobody listens, nothing is kept of the session. */
  wanted(): boolean;
  line(definitionId: string, line: DialogueLine): void;
}

/**
 * Lines kept for a definition that a later RCPT names: the session's opening up to its login, and the latest, in which
 * that RCPT is. A relay's session goes on for hundreds of messages.
 */
const maxOpening = 24;
const maxLatest = 40;
const maxText = 512;
/** As it is shown. Where DATA was refused, a client that does not look sends the mail all the same. */
const mayBringContent = /^(?:DATA\b|\*\*\*$)/i;

/** The dialogue of one session, for the definitions that its recipients choose (journaling a.2, Detailed Logging). */
export class Dialogue {
  readonly #sink: DialogueSink;
  readonly #session: Pick<DialogueLine, 'session' | 'peer'>;
  readonly #chosen = new Set<string>();
  readonly #opening: DialogueLine[] = [];
  readonly #latest: DialogueLine[] = [];
  #left = 0;
  /** Content may come where commands should: after a DATA that was refused, and after what is no command. */
  #wary = false;

  constructor(sink: DialogueSink, session: Pick<DialogueLine, 'session' | 'peer'>) {
    this.#sink = sink;
    this.#session = session;
  }

  /** `secret`: the line answers a challenge of AUTH. */
  heard(at: number, command: Buffer, secret: boolean): void {
    const shown = secret ? '***' : masked(command.toString('utf8', 0, maxText), this.#wary);
    this.#add(at, '>', shown);
    if (!secret && mayBringContent.test(shown)) this.#wary = true;
  }

  said(at: number, { code, text }: Reply): void {
    this.#add(at, '<', `${code} ${text}`.slice(0, maxText));
  }

  /** A recipient named this definition: it gets the session from its beginning. */
  choose(definitionId: string): void {
    if (this.#chosen.has(definitionId)) return;
    this.#chosen.add(definitionId);
    for (const line of [...this.#opening, ...this.#gap(), ...this.#latest]) this.#sink.line(definitionId, line);
  }

  #gap(): readonly DialogueLine[] {
    const [next] = this.#latest;
    return next === undefined || this.#left === 0
      ? []
      : [{ at: next.at, ...this.#session, said: '-', text: `${this.#left} lines left out` }];
  }

  #add(at: number, said: DialogueLine['said'], text: string): void {
    const line: DialogueLine = { at, ...this.#session, said, text };
    if (this.#opening.length < maxOpening) this.#opening.push(line);
    else this.#latest.push(line);
    if (this.#latest.length > maxLatest) {
      this.#latest.shift();
      this.#left += 1;
    }
    for (const definitionId of this.#chosen) this.#sink.line(definitionId, line);
  }
}
