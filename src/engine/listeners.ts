import type { Observable } from 'rxjs';
import type { ListenerInput, ListenerName, ListenerNews } from '../../machines/engine.events.ts';
import type { IngestPorts } from '../../streams/ingest.ts';
import type { NewId } from '../../streams/ports.ts';
import { buildBalancerRule } from '../config/cidr.ts';
import type { TlsFiles } from '../config/tls-files.ts';
import { loadTls } from '../config/tls-files.ts';
import type { SmtpListener } from '../smtp/types.ts';
import type { Capacity } from './capacity.ts';
import { expiryCheck } from './expiry-check.ts';
import { gatewayPorts } from './gateway.ts';
import { listenerNews } from './listener-slot.ts';
import { liveRule } from './live-rule.ts';
import { createRoutes } from './smtp-routes.ts';
import type { Workshop } from './workshop.ts';

/** The SMTP listeners of the engine: that of the definitions, and the gateway's. */
export interface Listeners {
  /** Fills the chart's `listener` slot. */
  news(input: ListenerInput): Observable<ListenerNews>;
  /** The one that is open now. */
  get(name: ListenerName): SmtpListener | undefined;
  /** For handshakes from now on, also of listeners that are opened later. */
  updateTls(pair: TlsFilePair): void;
}
export type TlsFilePair = Awaited<ReturnType<typeof tlsOf>>;

/** @throws Error when the certificate of the configuration cannot be used */
export async function createListeners(
  workshop: Workshop,
  { capacity, newId, closings }: { capacity: Capacity; newId: NewId; closings: Set<Promise<void>> },
): Promise<Listeners> {
  const { options, book, clock, log, rejections, accepted, passwords, certificates, detail } = workshop;
  const { smtp, matching } = options;
  const open = new Map<ListenerName, SmtpListener>();
  let tls = smtp.tls === null ? undefined : await tlsOf(smtp.tls);
  if (tls !== undefined) certificates.set('smtp.tls', tls.notAfterAt);
  const authorizedSources = (): readonly string[] => workshop.options.smtp.authorizedSources;
  const routes = createRoutes({ book, authorizedSources, passwords });
  const { custody, admit } = capacity;
  const { sockets } = workshop.shedding;
  const ports = { custody, admit, sockets, ...routes, rejected: rejections.note, dialogue: detail.smtp, log, clock };
  const balancers = liveRule(() => workshop.options.smtp.proxies, buildBalancerRule);
  const gateway = options.gateway ?? { host: smtp.host, port: 0 };
  const forGateway = gatewayPorts(() => workshop.options.gateway);
  return {
    news: (input) => {
      const opened = (listener: SmtpListener | null): void => {
        if (listener === null) open.delete(input.name);
        else open.set(input.name, listener);
      };
      const common = { clock, ingested: accepted.note, closings, opened };
      const listener = { ...smtp, tls, maxAgeMs: matching.maxAgeMs };
      if (input.name === 'gateway') {
        const { host, port } = gateway;
        const there = { ...listener, host, port, origin: 'gateway' as const };
        return listenerNews({ ...common, smtp: there, ports: { ...ports, ...forGateway }, ingest: { newId } }, input);
      }
      const ingest = { newId, ...expiryCheck(workshop, 'reject'), ...ownCheck(workshop) };
      const here = { ...listener, origin: 'journal' as const };
      return listenerNews({ ...common, smtp: here, ports: { ...ports, isBalancer: balancers }, ingest }, input);
    },
    get: (name) => open.get(name),
    updateTls: (pair) => {
      tls = pair;
      certificates.set('smtp.tls', pair.notAfterAt);
      for (const listener of open.values()) listener.updateTls(pair);
    },
  };
}

const ownCheck = ({ ownMail }: Pick<Workshop, 'ownMail'>): Pick<IngestPorts, 'isOwn' | 'seeksOwn'> => ({
  isOwn: ownMail.maybe,
  seeksOwn: ownMail.seeks,
});

/** A usable pair. @throws Error with what is wrong, nothing of the key in it */
export async function tlsOf(files: TlsFiles) {
  const loaded = await loadTls(files);
  if (!loaded.ok) throw new Error(loaded.faults.map(({ text }) => text).join('; '));
  return { cert: loaded.cert, key: loaded.key, notAfterAt: loaded.notAfterAt };
}
