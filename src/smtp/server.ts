import type { Socket } from 'node:net';
import {
  SMTPServer,
  type SMTPServerAddress,
  type SMTPServerAuthentication,
  type SMTPServerAuthenticationResponse,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server';
import { judgeRecipient } from './access.ts';
import { lookupAddress, peerAddress } from './address.ts';
import { AuthFailures, type AuthPorts, authenticate } from './auth.ts';
import { Connection } from './connection.ts';
import type { Host } from './host.ts';
import { Introductions } from './introductions.ts';
import { announcedBytesOf, rawOf } from './path.ts';
import { type Refusal, type Reply, refusals, replies } from './reply.ts';
import type { SmtpPorts } from './types.ts';

type SocketOptions = ConstructorParameters<typeof Connection>[3];
type Done = (error?: Error | null) => void;

/** smtp-server with our connections, and the rules for AUTH, MAIL and RCPT. */
export class Server extends SMTPServer {
  readonly live = new Set<Connection>();
  readonly introductions: Introductions;
  readonly #bySession = new WeakMap<SMTPServerSession, Connection>();
  readonly #host: Host;
  readonly #ports: SmtpPorts;
  readonly #auth: AuthPorts;

  constructor(options: SMTPServerOptions, host: Host, ports: SmtpPorts) {
    super(options);
    this.#host = host;
    this.#ports = ports;
    this.introductions = new Introductions(host);
    this.#auth = {
      failures: new AuthFailures(host.limits),
      limits: host.limits,
      findRoute: (address) => ports.findRoute(address),
      checkDecoy: (address, password) => ports.checkDecoy(address, password),
      pause: (ms) => new Promise((resolve) => ports.clock.schedule(() => resolve(), ms)),
    };
  }

  override connect(socket: Socket, socketOptions?: SocketOptions): void {
    const peer = peerAddress(socket.remoteAddress ?? '');
    if (!this.#host.takesSocket()) {
      socket.destroy();
    } else if (this.#host.isBalancer(peer)) {
      this.introductions.wait(socket, peer, (client) => {
        const told = client === null ? {} : { remoteAddress: client.address, remotePort: client.port };
        this.#begin(socket, client?.address ?? peer, { ...socketOptions, ...told });
      });
    } else this.#begin(socket, peer, socketOptions);
  }

  #begin(socket: Socket, peer: string, socketOptions: SocketOptions): void {
    if (!this.#host.hasRoomFor(peer)) {
      this.#host.socketGone();
      socket.destroy();
      return;
    }
    const connection = new Connection(this.#host, this, socket, socketOptions);
    this.connections.add(connection);
    this.live.add(connection);
    this.#bySession.set(connection.session, connection);
    connection.on('error', (error: Error) => this._onError(error));
    connection.init();
  }

  override onConnect(_session: SMTPServerSession, done: Done): void {
    done();
  }

  override onSecure(_socket: Socket, _session: SMTPServerSession, done: Done): void {
    done();
  }

  override onAuth(
    auth: SMTPServerAuthentication,
    session: SMTPServerSession,
    done: (error: Error | null | undefined, response?: SMTPServerAuthenticationResponse) => void,
  ): void {
    const connection = this.#of(session);
    // RFC 4954, section 4: a sender is who it is before its mail begins.
    if (session.envelope.mailFrom) {
      done(asError(replies.authInMail));
      return;
    }
    const { username = '', password, authzid = '' } = auth;
    // Acting for someone else (RFC 4616 authzid) is not offered: such a try gets a password that cannot be right.
    const foreign = authzid !== '' && authzid !== username;
    const attempt = {
      username: foreign ? '' : username,
      password: password ?? '',
      peer: connection.peer,
      triesBefore: connection.authTries++,
      now: this.#host.now(),
    };
    connection.loggingIn = true;
    void authenticate(attempt, this.#auth).then((result) => {
      connection.loggingIn = false;
      if (result.ok) {
        connection.secretId = result.route.secretId;
        done(null, { user: result.identity });
        return;
      }
      if ('reason' in result.reply) this.#host.rejected(result.reply as Refusal, connection.peer, result.definitionId);
      done(asError(result.reply));
    });
  }

  override onMailFrom(address: SMTPServerAddress, session: SMTPServerSession, done: Done): void {
    const connection = this.#of(session);
    if (connection.identity !== null && this.#secretChanged(connection)) {
      done(this.#refused(refusals.authChanged, connection, null));
      return;
    }
    const announcedBytes = announcedBytesOf(address);
    const verdict = this.#ports.admit(announcedBytes);
    if (verdict !== 'ok') {
      done(this.#refused(refusals[verdict], connection, null));
      return;
    }
    connection.transaction.mailFrom = rawOf(address);
    connection.transaction.announcedBytes = announcedBytes;
    done();
  }

  override onRcptTo(address: SMTPServerAddress, session: SMTPServerSession, done: Done): void {
    const connection = this.#of(session);
    const { transaction, peer } = connection;
    if (++transaction.tried > this.#host.limits.recipients) {
      done(this.#refused(refusals.tooManyRecipients, connection, null));
      return;
    }
    const lookup = lookupAddress(address.address);
    const key = lookup.toLowerCase();
    const route = this.#ports.findRoute(lookup);
    if (route?.definitionId != null) connection.dialogue?.choose(route.definitionId);
    const facts = { peer, secure: connection.secure, identity: connection.identity, address: key };
    const refusal = judgeRecipient(route, facts);
    if (route === undefined || refusal !== undefined) {
      done(this.#refused(refusal ?? refusals.unknownAddress, connection, route?.definitionId ?? null));
      return;
    }
    const { definitionId, definitionVersion } = route;
    transaction.add(key, rawOf(address), { definitionId, definitionVersion });
    done();
  }

  #secretChanged(connection: Connection): boolean {
    return this.#ports.findRoute(connection.identity ?? '')?.secretId !== connection.secretId;
  }

  #refused(refusal: Refusal, connection: Connection, definitionId: string | null): Error {
    this.#host.rejected(refusal, connection.peer, definitionId);
    return asError(refusal);
  }

  #of(session: SMTPServerSession): Connection {
    const connection = this.#bySession.get(session);
    if (connection === undefined) throw new Error('a session without a connection');
    return connection;
  }
}

/** smtp-server takes answers as errors with a code. */
function asError(reply: Reply): Error {
  return Object.assign(new Error(reply.text), { responseCode: reply.code });
}
