import { archiveContract } from './archive.contract.ts';
import { spoolContract } from './spool.contract.ts';
import { openEncryptedHome, openLevelHome, openMemoryHome } from './store-home.ts';

for (const [name, open] of [
  ['memory', openMemoryHome],
  ['LevelDB', openLevelHome],
  ['encrypted LevelDB', openEncryptedHome],
] as const) {
  spoolContract(name, open);
  archiveContract(name, open);
}
