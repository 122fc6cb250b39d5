import { dirname, resolve } from 'node:path';
import { addressKey, domainKey } from '../../streams/address-key.ts';
import type { JournalOptions, MatchingOptions } from '../../streams/message.ts';
import type { KeySource } from '../master-key.ts';
import { withoutBrackets } from './address.ts';
import { type SmtpClientOptions, smtpPorts, toChannelOptions } from './alert-options.ts';
import { buildSourceRule } from './cidr.ts';
import type { DefinitionConfig, Pop3DefinitionConfig, SmtpDefinitionConfig } from './definition.schema.ts';
import type { EngineConfig } from './engine.schema.ts';
import type { Secret } from './secret.ts';
import type { TlsFiles } from './tls-files.ts';
import { checkedDurationMs, checkedSizeBytes } from './units.ts';

/** Everything the engine needs of the file: paths absolute, durations in ms, sizes in bytes. Definitions are apart. */
export type EngineOptions = ReturnType<typeof toEngineOptions>;

export interface Surroundings {
  /** The configuration file; relative paths are relative to its folder. */
  readonly file: string;
  /** The machine's name, for what defaults to it. */
  readonly hostname: string;
}

/** Turns a checked configuration into options. Pure but for the working folder, when `file` is relative. */
export function toEngineOptions(config: EngineConfig, { file, hostname }: Surroundings) {
  const absolute = (path: string): string => resolve(dirname(resolve(file)), path);
  const { http, smtp, pop3, gateway, directory, store, cluster } = config;
  return {
    dataDir: absolute(config.dataDir),
    logLevel: config.logLevel,
    http: {
      host: withoutBrackets(http.host),
      port: http.port,
      tls: toTlsFiles(http.tls, absolute),
      tokens: http.tokens,
    },
    smtp: {
      host: withoutBrackets(smtp.host),
      port: smtp.port,
      hostname: smtp.hostname ?? hostname,
      tls: toTlsFiles(smtp.tls, absolute),
      maxMessageBytes: checkedSizeBytes(smtp.maxMessageSize),
      maxConnections: smtp.maxConnections,
      idleTimeoutMs: checkedDurationMs(smtp.idleTimeout),
      authorizedSources: smtp.authorizedSources,
      proxies: smtp.proxies,
    },
    gateway:
      gateway.smtp === undefined
        ? null
        : {
            ...gateway.smtp,
            host: withoutBrackets(gateway.smtp.host),
            retentionMs: retentionMsOf(gateway.smtp),
          },
    pop3: { pollIntervalMs: checkedDurationMs(pop3.pollInterval), timeoutMs: checkedDurationMs(pop3.timeout) },
    directory: {
      internalDomains: directory.internalDomains.map(domainKey),
      /** A set of comparison forms, or the file that holds them (`readKnownAddresses`). */
      addresses:
        typeof directory.addresses === 'string'
          ? { file: absolute(directory.addresses) }
          : new Set((directory.addresses ?? []).map(addressKey)),
      trustedRecipientHeaders: directory.trustedRecipientHeaders.map((name) => name.toLowerCase()),
    },
    matching: toMatchingOptions(config),
    limits: {
      queueMessages: config.limits.processingQueue.messages,
      queueBytes: checkedSizeBytes(config.limits.processingQueue.bytes),
    },
    store: {
      backend: store.backend,
      bytes: store.backend === 'cluster' ? ('database' as const) : store.bytes,
      segmentBytes: checkedSizeBytes(store.segmentSize),
      minimumFreeBytes: checkedSizeBytes(store.minimumFree),
      encryption: toKeySource(store.encryption, absolute),
      scrubIntervalMs: checkedDurationMs(store.scrubInterval),
    },
    search: { text: config.search.text },
    evidence: { anchors: config.evidence.anchors.map((anchor) => toAnchorOptions(anchor, absolute)) },
    alerts: { channels: config.alerts.channels.map(toChannelOptions) },
    cluster:
      cluster === undefined || store.backend !== 'cluster'
        ? null
        : { ...cluster, worker: cluster.worker ?? workerName(hostname) },
  };
}

/** One place for heads. `target` is the absolute path of a file, or a URL. */
export interface AnchorOptions {
  readonly name: string;
  readonly kind: 'file' | 'webhook' | 'rfc3161';
  readonly target: string;
  /** Of a webhook; null: none is sent. */
  readonly token: Secret | null;
  readonly intervalMs: number;
}

/** A line costs nothing; a time-stamp or a call is somebody else's work. */
const anchorIntervals = { file: '1h', webhook: '24h', rfc3161: '24h' } as const;

function toAnchorOptions(
  { name, kind, path, url, token, interval }: EngineConfig['evidence']['anchors'][number],
  absolute: (path: string) => string,
): AnchorOptions {
  const target = kind === 'file' ? absolute(path ?? '') : (url ?? '');
  return { name, kind, target, token: token ?? null, intervalMs: checkedDurationMs(interval ?? anchorIntervals[kind]) };
}

/** How long mail is kept; null: for ever. */
export const retentionMsOf = ({ retention }: { readonly retention?: string | undefined }): number | null =>
  retention === undefined ? null : checkedDurationMs(retention);

function toMatchingOptions({ matching }: EngineConfig): MatchingOptions {
  return {
    extendedWaitMs: checkedDurationMs(matching.extendedWait),
    maxAgeMs: checkedDurationMs(matching.maxAge),
    expiredAction: matching.expiredAction,
    expiryClock: matching.expiryClock,
    matchOnContent: matching.matchOnContent,
    continuityEvent: matching.continuityEvent,
  };
}

/** What matching needs of one definition at one version. The service address is in comparison form. */
export function toJournalOptions(definition: DefinitionConfig, version: number): JournalOptions {
  return {
    definitionId: definition.id,
    definitionVersion: version,
    serviceEmailAddress: addressKey(definition.serviceEmailAddress),
    journalType: definition.journalType,
    initialProcessDelayMs: checkedDurationMs(definition.initialProcessDelay),
    deliveryWaitAttempts: definition.deliveryWaitAttempts,
    deliveryWaitIntervalMs: checkedDurationMs(definition.deliveryWaitInterval),
    removeJournalHeaders: definition.removeJournalHeaders,
    preferClearTextVersion: definition.preferClearTextVersion,
    extendedDeduplication: definition.extendedDeduplication,
    journalNonInternalAddresses: definition.journalNonInternalAddresses,
    journalUnknownInternalAddresses: definition.journalUnknownInternalAddresses,
  };
}

/** What is sent as a canary, where, and when it is expected back. */
export interface CanaryOptions extends SmtpClientOptions {
  readonly from: string;
  readonly to: string;
  readonly intervalMs: number;
  readonly limitMs: number;
}
/** Null without a canary. @throws Error for one that the rules of the document would have refused */
export function toCanaryOptions({ id, canary }: DefinitionConfig): CanaryOptions | null {
  if (canary === undefined) return null;
  const { host, from, to, security = 'starttls', port, user, password, interval, limit } = canary;
  if (host === undefined || from === undefined || to === undefined) throw new Error(`the canary of ${id} is not whole`);
  return {
    host: withoutBrackets(host),
    port: port ?? smtpPorts[security],
    security,
    login: user === undefined || password === undefined ? null : { user, password },
    from,
    to,
    intervalMs: checkedDurationMs(interval),
    limitMs: checkedDurationMs(limit),
  };
}

/** The connection of an `smtp` definition. `authorizedSources` are the listener's, for every definition. */
export interface SmtpTransportOptions {
  readonly serviceEmailAddress: string;
  readonly sourceAllowed: (peer: string) => boolean;
  readonly requireTls: boolean;
  /** The password that AUTH must give; null where there is no authentication. */
  readonly password: Secret | null;
  readonly inactivityAllowedMs: number;
}
export function toSmtpOptions(
  definition: SmtpDefinitionConfig,
  authorizedSources: readonly string[],
): SmtpTransportOptions {
  const { smtp } = definition;
  return {
    serviceEmailAddress: addressKey(definition.serviceEmailAddress),
    sourceAllowed: buildSourceRule([...authorizedSources, ...smtp.additionalSourceIpRanges]),
    requireTls: smtp.requireTls,
    password: smtp.useSmtpAuthentication ? (smtp.password ?? null) : null,
    inactivityAllowedMs: checkedDurationMs(definition.periodOfInactivityAllowed),
  };
}

/** The connection of a `pop3` definition. */
export interface Pop3TransportOptions {
  readonly host: string;
  readonly port: number;
  readonly mailboxName: string;
  readonly password: Secret;
  readonly encrypted: boolean;
  readonly encryptionMode: 'strict' | 'relaxed';
  /** Lower-case hex without colons; null where any trusted certificate will do. */
  readonly certificatePin: string | null;
}
export function toPop3Options({ pop3 }: Pop3DefinitionConfig): Pop3TransportOptions {
  return {
    host: withoutBrackets(pop3.host),
    port: pop3.port,
    mailboxName: pop3.mailboxName,
    password: pop3.password,
    encrypted: pop3.encrypted,
    encryptionMode: pop3.encryptionMode,
    certificatePin: pop3.certificatePin?.replaceAll(':', '').toLowerCase() ?? null,
  };
}

/** Where the master key stands; null: nothing is encrypted. */
function toKeySource(
  encryption: EngineConfig['store']['encryption'],
  absolute: (path: string) => string,
): KeySource | null {
  if (encryption?.keyFile !== undefined) return { file: absolute(encryption.keyFile) };
  return encryption?.credential === undefined ? null : { credential: encryption.credential };
}

function toTlsFiles(
  tls: { cert: string; key: string } | undefined,
  absolute: (path: string) => string,
): TlsFiles | null {
  return tls === undefined ? null : { certFile: absolute(tls.cert), keyFile: absolute(tls.key) };
}

/** The host's name as `cluster.worker` may be written. */
function workerName(hostname: string): string {
  const name = hostname
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 64);
  return name === '' ? 'worker' : name;
}
