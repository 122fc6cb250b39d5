import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { interval, Subject } from 'rxjs';
import type { SMTPServerOptions } from 'smtp-server';
import { EngineFailure } from '../../streams/failure.ts';
import type { Delivery } from '../../streams/ports.ts';
import { openGiveBack } from '../give-back.ts';
import { hasRoomFor, refuseConnection, socketsOf, takesSocket } from './admission.ts';
import type { Connection } from './connection.ts';
import { framingFits } from './data-parser.ts';
import type { Declined, Host } from './host.ts';
import { Incoming, storeFailure } from './incoming.ts';
import { type SmtpLimits, smtpLimits } from './limits.ts';
import { masked } from './mask.ts';
import { overdue } from './overdue.ts';
import { arrivedMail } from './refused-mail.ts';
import { acknowledgement, refusal as refusalOf, refusals, replyCode } from './reply.ts';
import { Seats } from './seats.ts';
import { Server } from './server.ts';
import { checkTlsPair, minVersion } from './tls.ts';
import type { Transaction } from './transaction.ts';
import type { SmtpListener, SmtpOptions, SmtpPorts, TlsPair } from './types.ts';

const thirtyDaysMs = 30 * 86_400_000;

/**
 * Opens the one listener that all `smtp` definitions share (or the gateway's). What it answers is the table of
 * journaling c.7; a message is acknowledged only by its delivery.
 * @throws Error when the port cannot be bound or the TLS pair is not usable
 */
export async function openSmtpListener(options: SmtpOptions, ports: SmtpPorts): Promise<SmtpListener> {
  if (options.tls !== undefined) checkTlsPair(options.tls);
  const limits = { ...smtpLimits, ...options.limits };
  const delivery$ = new Subject<Delivery>();
  const state = { stopping: false, startTls: options.tls !== undefined };
  const ownFraming = options.stockFraming !== true && framingFits();
  if (!ownFraming) ports.log('warn', 'DATA framing of smtp-server in use: it is not byte-exact', {});

  const seats = new Seats(options.maxConnections, limits);
  const host = createHost({ options, ports, limits, seats, delivery$, state, ownFraming, live: () => server.live });
  const server = new Server(serverOptions(options), host, ports);
  server.on('error', (error) => ports.log('debug', 'SMTP connection failed', { error: error.message }));
  server.server.maxConnections = socketsOf(options) + options.maxConnections;

  const port = await listen(server, options);
  const sweeping = interval(limits.sweepMs, ports.clock).subscribe(() => {
    sweep(server.live, ports.clock.now(), limits);
    server.introductions.sweep(ports.clock.now());
  });
  const close = async (): Promise<void> => {
    state.stopping = true;
    await drain(server, limits.graceMs, ports);
    sweeping.unsubscribe();
    delivery$.complete();
  };
  let closing: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => {
    closing ??= close();
    return closing;
  };
  return {
    port,
    delivery$,
    connections: () => server.connections.size,
    updateTls: (pair: TlsPair) => {
      checkTlsPair(pair);
      server.updateSecureContext({ cert: pair.cert, key: pair.key });
      state.startTls = true;
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}

interface HostParts {
  readonly options: SmtpOptions;
  readonly ports: SmtpPorts;
  readonly limits: SmtpLimits;
  readonly seats: Seats;
  readonly delivery$: Subject<Delivery>;
  readonly state: { readonly stopping: boolean; readonly startTls: boolean };
  readonly ownFraming: boolean;
  live(): Set<Connection>;
}

function createHost(parts: HostParts): Host {
  const { options, ports, limits, state } = parts;
  const now = (): number => ports.clock.now();
  // The library's own framing keeps a hold of what it has handed on.
  const giveBack = parts.ownFraming ? openGiveBack() : undefined;
  return {
    limits,
    ownFraming: parts.ownFraming,
    get stopping() {
      return state.stopping;
    },
    get startTls() {
      return state.startTls;
    },
    get dialogue() {
      return ports.dialogue?.wanted() === true ? ports.dialogue : undefined;
    },
    now,
    isBalancer: ports.isBalancer,
    takesSocket: () => takesSocket(ports.sockets),
    hasRoomFor: (peer) => hasRoomFor(peer, parts),
    socketGone: () => ports.sockets.gone(),
    refuseConnection: (connection) => refuseConnection(connection, parts),
    openMessage: (transaction) => {
      const late = suspendedSince(transaction, ports);
      if (late !== undefined) return late;
      const bounds = { limitBytes: options.maxMessageBytes, overrunBytes: limits.overrunBytes, startedAt: now() };
      try {
        return new Incoming(ports.custody.begin(giveBack, transaction.announcedBytes), bounds);
      } catch (error) {
        const refusal = refusalOf(storeFailure(error), options.maxAgeMs ?? thirtyDaysMs);
        return { refusal, definitionId: null };
      }
    },
    deliver: (connection, incoming) => deliver(connection, incoming, parts),
    rejected: (refusal, peer, definitionId, mail) => {
      const told = { definitionId, reason: refusal.reason, reply: replyCode(refusal), peer };
      ports.rejected(mail === undefined ? told : { ...told, mail });
    },
    notIntroduced: (peer, fault) => {
      const { reason } = refusals.notIntroduced;
      ports.rejected({ definitionId: null, reason, reply: replyCode(refusals.notIntroduced), peer });
      ports.log('debug', 'no session without a PROXY header', { peer, fault });
    },
    malformed: (peer, command, wary) => {
      const text = command.slice(0, 512);
      ports.log('warn', 'SMTP command refused', { peer, command: wary ? masked(text, wary) : text });
    },
    closed: (connection) => {
      if (parts.live().delete(connection)) ports.sockets.gone();
    },
  };
}

/** A definition may be suspended, or removed, after its RCPT: only what is in DATA by then completes (journaling d.4). */
function suspendedSince({ keys }: Transaction, ports: SmtpPorts): Declined | undefined {
  for (const key of keys) {
    const route = ports.findRoute(key);
    if (route?.suspended !== false) return { refusal: refusals.suspended, definitionId: route?.definitionId ?? null };
  }
  return undefined;
}

function deliver(connection: Connection, incoming: Incoming, parts: HostParts): void {
  const { options, delivery$ } = parts;
  const destinations = [...connection.transaction.destinations.values()];
  // One for each definition: each counts what it was refused.
  const refused = destinations.length === 0 ? [null] : new Set(destinations.map((each) => each.definitionId));
  const answerOnce = (reply: Parameters<Connection['answer']>[0]): void => {
    if (connection.incoming === incoming) connection.answer(reply);
  };
  const refuse = (failure: EngineFailure): void => {
    const reply = refusalOf(failure, options.maxAgeMs ?? thirtyDaysMs);
    const mail = arrivedMail(reply, { transaction: connection.transaction, incoming });
    for (const each of refused) connection.host.rejected(reply, connection.peer, each, mail);
    answerOnce(reply);
  };
  const receipt = incoming.end();
  if (receipt instanceof EngineFailure) {
    refuse(receipt);
    return;
  }
  if (!delivery$.observed) {
    receipt.abort();
    refuse(new EngineFailure('stopping'));
    return;
  }
  delivery$.next({
    receipt,
    destinations,
    origin: options.origin,
    transport: connection.transport(),
    acknowledge: (custodied) => {
      parts.seats.delivered(connection.peer);
      answerOnce(acknowledgement(custodied));
    },
    refuse,
  });
}

/** Cuts whoever is over a deadline, and destroys sockets whose client does not go after our last answer. */
function sweep(live: Set<Connection>, now: number, limits: SmtpLimits): void {
  for (const connection of live) {
    if (connection.closedAt !== undefined) {
      if (now - connection.closedAt > limits.lingerMs) connection.destroy();
      continue;
    }
    const refusal = overdue(connection, now, limits);
    if (refusal !== undefined) connection.cut(refusal);
  }
}

/** Resolves when no socket is left. */
async function drain(server: Server, graceMs: number, { clock }: SmtpPorts): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.server.close(() => resolve());
  });
  for (const connection of server.live) connection.stop();
  server.introductions.destroyAll();
  const destroyAll = (): void => {
    for (const connection of server.live) connection.destroy();
  };
  const grace = clock.schedule(destroyAll, graceMs);
  await closed;
  grace.unsubscribe();
  // Node closes the server a moment before its last sockets say so: their receipts must not outlive it.
  destroyAll();
}

async function listen(server: Server, options: SmtpOptions): Promise<number> {
  server.listen(options.port, options.host);
  await once(server.server, 'listening');
  return (server.server.address() as AddressInfo).port;
}

function serverOptions(options: SmtpOptions): SMTPServerOptions {
  return {
    ...(options.hostname === undefined ? {} : { name: options.hostname }),
    ...(options.tls === undefined ? {} : { cert: options.tls.cert, key: options.tls.key }),
    minVersion,
    logger: false,
    size: options.maxMessageBytes,
    socketTimeout: options.idleTimeoutMs,
    heloResponse: '%s greets %s',
    authOptional: true,
    authMethods: ['PLAIN', 'LOGIN'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    // Dots at odd places and long paths are the sender's business: only RCPT chooses, and by look-up.
    lenientAddressParsing: true,
  };
}
