import { addressKey } from '../../streams/address-key.ts';
import type { Directory } from '../../streams/ports.ts';
import { createDirectory } from '../config/directory.ts';
import { readKnownAddresses } from '../config/known-addresses.ts';
import type { EngineOptions } from '../config/to-options.ts';
import type { DefinitionBook } from './definition-book.types.ts';

/** The directory in force: it follows the definitions' service addresses, and the configuration where that is read again. */
export interface LiveDirectory extends Directory {
  /** Takes other options. @throws Error when its address file cannot be read: then the last good one stays */
  reload(options: EngineOptions['directory']): Promise<void>;
}

/** The directory of the configuration. @throws Error when its address file cannot be read */
export async function openDirectory(
  options: EngineOptions['directory'],
  book: Pick<DefinitionBook, 'all' | 'revision'>,
): Promise<LiveDirectory> {
  let read = await readOptions(options);
  let revision = book.revision;
  let directory = directoryOf(read, book);
  return {
    classify: (address) => {
      if (revision !== book.revision) {
        revision = book.revision;
        directory = directoryOf(read, book);
      }
      return directory.classify(address);
    },
    reload: async (changed) => {
      read = await readOptions(changed);
      directory = directoryOf(read, book);
    },
  };
}

type ReadOptions = Awaited<ReturnType<typeof readOptions>>;

async function readOptions({ internalDomains, addresses }: EngineOptions['directory']) {
  if (!('file' in addresses)) return { internalDomains, knownAddresses: addresses };
  const known = await readKnownAddresses(addresses.file);
  if (!known.ok) throw new Error(`directory.addresses: ${known.text}`);
  return { internalDomains, knownAddresses: known.addresses };
}

function directoryOf(read: ReadOptions, book: Pick<DefinitionBook, 'all'>): Directory {
  const service = new Set(book.all().map(({ config }) => addressKey(config.serviceEmailAddress)));
  return createDirectory({ ...read, isServiceAddress: (key) => service.has(key) });
}
