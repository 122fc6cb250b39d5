import { createReadStream } from 'node:fs';
import { open, opendir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { companions, isSafeName, type ManifestLine, manifestIn } from '../manifest.ts';
import { NoMbox, splitMbox } from '../mbox.ts';
import { envelopeIn, exportedMessage, readExported } from './exported.ts';
import { type Found, type ReadingOptions, refused, skipped, tooLarge } from './found.types.ts';

/** Every message under the paths, in the order of the paths, one at a time. */
export async function* findMessages(paths: readonly string[], options: ReadingOptions): AsyncGenerator<Found, void> {
  for (const path of paths) {
    const found = await stat(path);
    if (found.isDirectory()) yield* inFolder(path, options);
    else yield* inFile(path, { ...options, isNamed: true });
  }
}

async function* inFolder(folder: string, options: ReadingOptions): AsyncGenerator<Found, void> {
  const listed = new Set<string>();
  if (await isExported(folder)) {
    for await (const line of manifestIn(join(folder, 'manifest.jsonl'))) {
      const { file = '' } = line;
      listed.add(file);
      yield isSafeName(file)
        ? await exportedFile(join(folder, file), line, options)
        : refused(join(folder, 'manifest.jsonl'), 'it names a file that is none');
    }
    for (const name of companions) listed.add(name);
  }
  const isMailbox = await isMaildir(folder);
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    if (listed.has(entry.name)) continue;
    if (entry.isDirectory()) {
      if (isMailbox && entry.name === 'tmp') continue;
      if (isMailbox && (entry.name === 'cur' || entry.name === 'new')) yield* inMaildir(path, options);
      else yield* inFolder(path, options);
    } else if (entry.isFile()) yield* inFile(path, { ...options, isNamed: false });
    else yield skipped(path, 'it is no file');
  }
}

/** Every file is a message, whatever its name (maildir(5)). */
async function* inMaildir(folder: string, options: ReadingOptions): AsyncGenerator<Found, void> {
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isFile() && !entry.name.startsWith('.')) yield await wholeFile(path, options);
    else yield skipped(path, 'it is no message of a Maildir');
  }
}

async function* inFile(
  path: string,
  options: ReadingOptions & { readonly isNamed: boolean },
): AsyncGenerator<Found, void> {
  const kind = await kindOf(path, options.isNamed).catch(unreadable);
  if (typeof kind === 'object') yield refused(path, kind.why);
  else if (kind === 'message') yield await wholeFile(path, options);
  else if (kind === 'mbox') yield* inMbox(path, options);
  else if (kind === 'zip') yield* readExported(path, options);
  else yield skipped(path, 'it is no .eml, mbox, Maildir or export');
}

/** By its name; a file without an ending, and one that was named, is also looked into. */
async function kindOf(path: string, isNamed: boolean): Promise<'message' | 'mbox' | 'zip' | 'other'> {
  const extension = extname(path).toLowerCase();
  if (extension === '.eml') return 'message';
  if (extension === '.mbox') return 'mbox';
  if (!isNamed && extension !== '') return 'other';
  const start = await firstBytes(path);
  if (start.startsWith('From ')) return 'mbox';
  if (!isNamed) return 'other';
  if (zipStarts.some((mark) => start.startsWith(mark))) return 'zip';
  return /^[!-9;-~]+:/.test(start) ? 'message' : 'other';
}

/** Of an archive with files in it, and of an empty one. */
const zipStarts = ['PK\u0003\u0004', 'PK\u0005\u0006'];

async function* inMbox(path: string, { quoting, limitBytes }: ReadingOptions): AsyncGenerator<Found, void> {
  const chunks = createReadStream(path, { highWaterMark: 1024 * 1024 });
  const manifest = await exportedBeside(path);
  let line = await manifest?.next();
  let count = 0;
  try {
    for await (const { at, end, bytes } of splitMbox(chunks, { quoting, limitBytes })) {
      count += 1;
      const name = `${path} (message ${count}, at ${at})`;
      const weight = end - at;
      while (line?.done === false && (line.value.offset ?? 0) < at) line = await manifest?.next();
      const told = line?.done === false && line.value.offset === at ? line.value : undefined;
      if (bytes === null) yield tooLarge(name, limitBytes, weight);
      else if (told !== undefined) yield exportedMessage(name, bytes, told, weight);
      else if (bytes.length === 0) yield { ...skipped(name, 'it is empty'), weight };
      else yield { kind: 'message', name, bytes, envelope: null, weight };
    }
  } catch (error) {
    if (!(error instanceof NoMbox)) throw error;
    yield refused(path, error.message);
  } finally {
    await manifest?.return();
  }
}

async function wholeFile(path: string, { limitBytes }: ReadingOptions): Promise<Found> {
  try {
    const { size } = await stat(path);
    if (size > limitBytes) return tooLarge(path, limitBytes, size);
    if (size === 0) return skipped(path, 'it is empty');
    return { kind: 'message', name: path, bytes: await readFile(path), envelope: null, weight: size };
  } catch (error) {
    return refused(path, unreadable(error).why);
  }
}

/** What the system says of a file. @throws anything else */
function unreadable(error: unknown): { readonly why: string } {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return { why: code === 'ENOENT' ? 'it is not there' : `it cannot be read: ${code}` };
}

async function exportedFile(path: string, line: ManifestLine, options: ReadingOptions): Promise<Found> {
  const found = await wholeFile(path, options);
  return found.kind === 'message' ? exportedMessage(path, found.bytes, line, found.weight) : found;
}

/** The manifest beside an mbox that was exported; an empty one, or one of something else, counts as none. */
async function exportedBeside(path: string): Promise<AsyncGenerator<ManifestLine, void> | undefined> {
  const manifest = `${path}.manifest.jsonl`;
  const found = await stat(manifest).catch(() => undefined);
  return found?.isFile() === true ? manifestIn(manifest) : undefined;
}

async function isExported(folder: string): Promise<boolean> {
  const path = join(folder, 'manifest.jsonl');
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return false;
  for await (const line of manifestIn(path)) return envelopeIn(line) !== undefined && line.file !== undefined;
  return false;
}

async function isMaildir(folder: string): Promise<boolean> {
  const parts = await Promise.all(['cur', 'new'].map((name) => stat(join(folder, name)).catch(() => undefined)));
  return parts.every((part) => part?.isDirectory() === true);
}

async function firstBytes(path: string): Promise<string> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
  return buffer.toString('latin1', 0, bytesRead);
}

/** Bytes under the paths, for the bar; what cannot be looked at is met again when it is read. */
export async function measure(paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() !== true) {
      bytes += found?.size ?? 0;
      continue;
    }
    for await (const entry of await opendir(path)) {
      if (entry.isDirectory() || entry.isFile()) bytes += await measure([join(path, basename(entry.name))]);
    }
  }
  return bytes;
}
