import type { Reply } from './reply.ts';

/** One line of a session, as the detailed log has it. */
export interface DialogueLine {
  readonly at: number;
  readonly session: string;
  readonly peer: string;
  /** `>` said by the client, `<` by us. */
  readonly said: '>' | '<';
  readonly text: string;
}

/** Where the dialogue of sessions goes. Content never enters it, nor what a password may be part of. */
export interface DialogueSink {
  /** Asked when a client connects: where nobody listens, nothing is kept of it. */
  wanted(): boolean;
  line(definitionId: string, line: DialogueLine): void;
}

/** Lines before the first RCPT, whose definition is not known yet. An honest session has a dozen. */
const maxHeld = 64;
const maxText = 512;
/** Commands whose arguments are addresses and parameters. Of any other a client may have sent a password. */
const plainVerbs = new Set(['EHLO', 'HELO', 'MAIL', 'RCPT', 'DATA', 'RSET', 'NOOP', 'QUIT', 'STARTTLS']);

/** The dialogue of one session, for the definitions that its recipients choose (journaling a.2, Detailed Logging). */
export class Dialogue {
  readonly #sink: DialogueSink;
  readonly #session: Pick<DialogueLine, 'session' | 'peer'>;
  readonly #chosen = new Set<string>();
  #held: DialogueLine[] = [];

  constructor(sink: DialogueSink, session: Pick<DialogueLine, 'session' | 'peer'>) {
    this.#sink = sink;
    this.#session = session;
  }

  /** `secret`: the line answers a challenge of AUTH. */
  heard(at: number, command: Buffer, secret: boolean): void {
    this.#add(at, '>', secret ? '***' : masked(command.toString('utf8', 0, maxText)));
  }

  said(at: number, { code, text }: Reply): void {
    this.#add(at, '<', `${code} ${text}`.slice(0, maxText));
  }

  /** A recipient named this definition: it gets the session from its beginning. */
  choose(definitionId: string): void {
    if (this.#chosen.has(definitionId)) return;
    this.#chosen.add(definitionId);
    for (const line of this.#held) this.#sink.line(definitionId, line);
  }

  #add(at: number, said: DialogueLine['said'], text: string): void {
    const line: DialogueLine = { at, ...this.#session, said, text };
    if (this.#held.length < maxHeld) this.#held.push(line);
    for (const definitionId of this.#chosen) this.#sink.line(definitionId, line);
  }
}

function masked(line: string): string {
  const text = line.trimEnd();
  const [verb = ''] = text.split(/[ :]/, 1);
  if (plainVerbs.has(verb.toUpperCase())) return text;
  const [auth = '', mechanism] = text.split(' ', 2);
  return auth.toUpperCase() === 'AUTH' && mechanism !== undefined ? `AUTH ${mechanism.slice(0, 20)} ***` : '***';
}
