import type { Directory } from '../../streams/ports.ts';
import { addressKey } from '../config/address.ts';
import type { DefinitionConfig } from '../config/definition.schema.ts';
import { createDirectory } from '../config/directory.ts';
import { readKnownAddresses } from '../config/known-addresses.ts';
import type { EngineOptions } from '../config/to-options.ts';

/** The directory of the configuration. @throws Error when its address file cannot be read */
export async function openDirectory(
  { internalDomains, addresses }: EngineOptions['directory'],
  definitions: readonly DefinitionConfig[],
): Promise<Directory> {
  const service = new Set(definitions.map(({ serviceEmailAddress }) => addressKey(serviceEmailAddress)));
  const known = 'file' in addresses ? await readKnownAddresses(addresses.file) : { ok: true as const, addresses };
  if (!known.ok) throw new Error(`directory.addresses: ${known.text}`);
  return createDirectory({
    internalDomains,
    knownAddresses: known.addresses,
    isServiceAddress: (key) => service.has(key),
  });
}
