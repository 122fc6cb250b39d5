import { EngineFailure } from '../../streams/failure.ts';
import type { Custodied } from '../../streams/message.ts';
import type { Delivery } from '../../streams/ports.ts';
import { below } from './prng.ts';
import type { SimTime } from './sim-clock.ts';
import type { SimEngine } from './sim-engine.ts';
import { box, type SimMail } from './sim-mail.ts';

/** A promise the engine made outward: a 250, whether or not it arrived. */
export interface Promised {
  readonly mail: SimMail;
  readonly custodied: Custodied;
  /** In which life. */
  readonly by: SimEngine;
}
export interface SenderPlan {
  /** Share of the answers that never arrive, and of the connections that break within the message. */
  readonly lossy: number;
  /** Longest wait before a mail is sent, and before it is sent again. */
  readonly restMs: number;
}

/** What a sender does with mail for a mailbox: it lays it there, and no more is asked of it. */
export interface MailboxSide {
  put(mail: SimMail): void;
}

/** The outside: each sender delivers its mails one after another, each again and again until a 250 has arrived. */
export class SimSenders {
  readonly promised: Promised[] = [];
  /** Mails that no sender has to deliver any more. */
  done = 0;
  sent = 0;
  plan: SenderPlan;
  readonly #reach: () => SimEngine | null;
  readonly #time: SimTime;
  readonly #random: () => number;
  readonly #mailbox: MailboxSide;

  /** `reach`: the engine that a connection comes to; null: to none. */
  constructor(
    time: SimTime,
    random: () => number,
    plan: SenderPlan,
    { mailbox, reach }: { readonly mailbox: MailboxSide; readonly reach: () => SimEngine | null },
  ) {
    this.#mailbox = mailbox;
    this.#reach = reach;
    this.#time = time;
    this.#random = random;
    this.plan = plan;
  }

  start(mails: readonly SimMail[], senders: number): void {
    for (let sender = 0; sender < senders; sender += 1) {
      this.#next(mails.filter((_, at) => at % senders === sender));
    }
  }

  #next([mail, ...rest]: readonly SimMail[]): void {
    if (mail === undefined) return;
    this.#after(below(this.#random, this.plan.restMs), () => {
      const done = (): void => {
        this.done += 1;
        this.#next(rest);
      };
      if (!mail.places.includes(box)) {
        this.#send(mail, done);
        return;
      }
      this.sent += 1;
      this.#mailbox.put(mail);
      done();
    });
  }

  /** One connection with one message; `done` once a 250 came back. */
  #send(mail: SimMail, done: () => void): void {
    const { plan } = this;
    const engine = this.#reach();
    const again = (): void => this.#after(100 + below(this.#random, plan.restMs), () => this.#send(mail, done));
    if (engine === null || engine.failed || !mail.places.every((place) => engine.takes(place))) {
      again();
      return;
    }
    this.sent += 1;
    let answered = false;
    const answer = (accepted: boolean): void => {
      if (answered) return;
      answered = true;
      if (accepted) done();
      else again();
    };
    // The far side waits ten minutes at least; this one is less patient, so that late answers are met.
    this.#after(3_000 + below(this.#random, 3_000), () => answer(false));
    this.#transfer(engine, mail, (accepted) => {
      if (this.#random() >= plan.lossy) this.#after(below(this.#random, 5), () => answer(accepted));
    }).catch(() => answer(false));
  }

  async #transfer(engine: SimEngine, mail: SimMail, answer: (accepted: boolean) => void): Promise<void> {
    const receipt = engine.store.custody.begin();
    const cut = below(this.#random, mail.bytes.length);
    const breaks = this.#random() < this.plan.lossy / 2;
    await receipt.write(mail.bytes.subarray(0, cut));
    if (breaks) {
      receipt.abort();
      throw new Error('the connection broke');
    }
    await receipt.write(mail.bytes.subarray(cut));
    if (engine.halted) throw new EngineFailure('stopping');
    const delivery: Delivery = {
      receipt,
      destinations: mail.places.map((definitionId) => ({ definitionId, definitionVersion: 1 })),
      origin: 'journal',
      transport: {
        kind: 'smtp',
        peer: '192.0.2.1',
        mailFrom: '',
        rcptTo: [],
        tls: null,
        authenticatedAs: null,
        uidl: null,
      },
      acknowledge: (custodied) => {
        this.promised.push({ mail, custodied, by: engine });
        answer(true);
      },
      refuse: () => answer(false),
    };
    engine.deliver(delivery);
  }

  #after(waitMs: number, work: () => void): void {
    this.#time.world.schedule(work, waitMs);
  }
}
