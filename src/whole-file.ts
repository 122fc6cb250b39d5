import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file that is there whole or not at all, whenever the power goes: aside, synced, renamed, the folder synced. */
export async function writeWhole(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const draft = `${path}.new`;
  await writeAndSync(draft, content, mode);
  await rename(draft, path);
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}

async function writeAndSync(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await using file = await open(path, 'w', mode);
  await file.writeFile(content);
  await file.chmod(mode);
  await file.sync();
}
