import type { Connection } from './connection.ts';
import { type Refusal, refusals } from './reply.ts';
import type { Seats } from './seats.ts';
import type { SmtpOptions, SmtpPorts, Sockets } from './types.ts';

/** What is looked at to let a connection in. */
export interface AdmissionParts {
  readonly options: Pick<SmtpOptions, 'maxConnections'>;
  readonly ports: Pick<SmtpPorts, 'sockets' | 'sourceKnown' | 'clock'>;
  readonly seats: Seats;
  live(): Set<Connection>;
}

/** Above the connections that are answered there is room for as many that are being told 421. */
export const socketsOf = ({ maxConnections }: AdmissionParts['options']): number => 2 * maxConnections + 100;

/** False when the process can have no more. */
export function takesSocket(sockets: Sockets): boolean {
  if (sockets.left() === 'none') {
    sockets.refused();
    return false;
  }
  sockets.taken();
  return true;
}

/** False when there is not even room to refuse it; who has delivered before is always answered. */
export const hasRoomFor = (peer: string, { options, seats, live }: AdmissionParts): boolean =>
  live().size < socketsOf(options) || seats.hasDelivered(peer);

/** Why this connection may not stay, or undefined; another may have to go for it. */
export function refuseConnection(connection: Connection, parts: AdmissionParts): Refusal | undefined {
  const { ports, seats } = parts;
  connection.maySend = ports.sourceKnown(connection.peer);
  const open = [...parts.live()].filter((other) => other.closedAt === undefined);
  const isFull = ports.sockets.left() !== 'enough';
  const seat = seats.for(connection, open, { now: ports.clock.now(), isFull });
  if (seat === 'free') return undefined;
  const refusal = isFull ? refusals.tooBusy : refusals.tooManyConnections;
  if (isFull) ports.sockets.refused();
  if (seat === 'none') return refusal;
  seat.of.cut(refusal);
  return undefined;
}
