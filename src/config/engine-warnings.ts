import { addressKey, domainOf } from '../../streams/address-key.ts';
import { isLoopbackHost } from './cidr.ts';
import type { DefinitionConfig } from './definition.schema.ts';
import { isInternalDomain } from './directory.ts';
import type { EngineConfig } from './engine.schema.ts';
import type { DocumentFault, FaultPath } from './fault.ts';
import { checkedDurationMs } from './units.ts';

/** What a valid configuration may still be a mistake in. Nothing here stops the engine. */
export function configWarnings(config: EngineConfig): readonly DocumentFault[] {
  const warnings = config.definitions.flatMap((definition, index) =>
    definitionWarnings(definition, config, ['definitions', index]),
  );
  const { http, cluster, store } = config;
  if (http.tokens.length > 0 && http.tls === undefined && !isLoopbackHost(http.host)) {
    warnings.push({
      path: ['http', 'host'],
      at: 'value',
      text: 'tokens and mail travel in clear; http.tls would encrypt them',
    });
  }
  if (cluster !== undefined && store.backend !== 'cluster') {
    warnings.push({
      path: ['cluster'],
      at: 'key',
      text: 'is read by `daybook migrate` alone while store.backend is embedded',
    });
  }
  return [...warnings, ...lockWarnings(config)];
}

/** Who keeps mail for a year because he must not keep it longer would keep it for as long as the lock has. */
function lockWarnings({ cluster, definitions, gateway }: EngineConfig): readonly DocumentFault[] {
  const { lock } = cluster?.s3 ?? {};
  const kept = [...definitions.map(({ retention }) => retention), gateway.smtp?.retention].filter(
    (each) => each !== undefined,
  );
  if (lock === undefined || !kept.some((each) => checkedDurationMs(each) < checkedDurationMs(lock.for))) return [];
  const text = 'is longer than some mail is kept: its bytes stay in the bucket until the lock ends';
  return [{ path: ['cluster', 's3', 'lock', 'for'], at: 'value', text }];
}

/** What one definition may be mistaken in; paths begin with `base`. */
export function definitionWarnings(
  definition: DefinitionConfig,
  config: Pick<EngineConfig, 'directory' | 'smtp' | 'matching'>,
  base: FaultPath,
): DocumentFault[] {
  const warnings: DocumentFault[] = [];
  const warn = (key: readonly string[], text: string): void => {
    warnings.push({ path: [...base, ...key], at: 'value', text });
  };
  const domain = domainOf(addressKey(definition.serviceEmailAddress));
  if (config.directory.internalDomains.length > 0 && !belongs(domain, config.directory.internalDomains)) {
    warn(['serviceEmailAddress'], 'is in no internal domain, nor below one');
  }
  const { initialProcessDelay, extendedDeduplication } = definition;
  if (
    extendedDeduplication &&
    checkedDurationMs(initialProcessDelay) > checkedDurationMs(config.matching.extendedWait)
  ) {
    warn(['initialProcessDelay'], 'is longer than matching.extendedWait, so Extended De-Duplication adds nothing');
  }
  if (definition.transport === 'smtp' && config.smtp.tls === undefined) {
    const { useSmtpAuthentication, requireTls } = definition.smtp;
    if (requireTls) warn(['smtp', 'requireTls'], 'there is no smtp.tls, so nobody can send');
    else if (useSmtpAuthentication)
      warn(['smtp', 'useSmtpAuthentication'], 'there is no smtp.tls, so only loopback clients can authenticate');
  }
  if (definition.transport === 'pop3') {
    const { encrypted, encryptionMode, port } = definition.pop3;
    if (!encrypted && port === 995)
      warn(['pop3', 'port'], 'is the port for encrypted connections, and encrypted is false');
    if (encrypted && encryptionMode === 'relaxed')
      warn(['pop3', 'encryptionMode'], 'trusts any certificate; certificatePin is better');
  }
  return warnings;
}

function belongs(domain: string, internalDomains: readonly string[]): boolean {
  const orBelow = internalDomains.flatMap((each) => [each, each.startsWith('*.') ? each.slice(2) : `*.${each}`]);
  return isInternalDomain(domain, orBelow);
}
