import { z } from 'zod';
import { choice, duration, flag, option, path, size, textOf } from './option.ts';

const credential = {
  test: (value: string): boolean => /^[A-Za-z0-9._-]+$/.test(value) && !/^\.+$/.test(value),
  wrong: 'is not the name of a credential',
  label: 'credential name',
  expected: 'a name as in LoadCredential=, such as daybook-master-key',
};
/** How mail is kept. */
export const storeSchema = z.strictObject({
  backend: option(
    choice(['embedded', 'cluster']).prefault('embedded'),
    'Everything below `cluster` is read only with `cluster`.',
  ),
  bytes: option(choice(['segments', 'leveldb']).prefault('segments'), 'Where the bytes of messages rest.'),
  segmentSize: option(size('1MB', '4GB').prefault('256MB'), 'Size at which a segment is sealed.'),
  minimumFree: option(size('0B', '1024TB').prefault('2GB'), 'Free disk space under which no mail is taken.'),
  encryption: option(
    z
      .strictObject({
        keyFile: option(path().optional(), 'File of the master key: 32 random bytes, raw, hex or base64; mode 0600.'),
        credential: option(textOf(255, credential).optional(), 'Or the systemd credential that holds it.'),
      })
      .meta({ label: 'map', expected: 'a map with either keyFile or credential' })
      .optional(),
    'Encrypt what is written to the commit log and the index (AES-256-GCM). A lost key is a lost archive.',
  ),
  scrubInterval: option(
    duration('1d', '365d').prefault('30d'),
    'All that is stored is read again and checked once in this time, in the background.',
  ),
});

/** What mail is found by. */
export const searchSchema = z.strictObject({
  text: option(
    flag().prefault(false),
    'Messages are found by words of their text too: an index of it is made in the background, in `dataDir/text-index`.',
  ),
});
