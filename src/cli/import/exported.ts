import { createHash } from 'node:crypto';
import type { ImportEnvelope } from '../../import-name.ts';
import { companions, isSafeName, type ManifestLine, manifestLines } from '../manifest.ts';
import { type Found, type ReadingOptions, refused, skipped, tooLarge } from './found.types.ts';
import { openZip, type Zip, ZipFault } from './zip.ts';

/** Messages of an export, which its manifest tells more of than their bytes do. */

export function envelopeIn({ sender, recipients }: ManifestLine): ImportEnvelope | undefined {
  const rcptTo = recipients.map(({ address }) => address);
  return rcptTo.every((address) => typeof address === 'string') ? { mailFrom: sender, rcptTo } : undefined;
}

/** The message as the manifest has it; an mbox may have given its last line an end that it had not. */
export function exportedMessage(name: string, bytes: Uint8Array, line: ManifestLine, weight: number): Found {
  const whole = [bytes, bytes.subarray(0, line.size)].find((each) => sha256(each) === line.sha256);
  const envelope = envelopeIn(line);
  if (whole === undefined) return refused(name, 'it is not what the manifest says of it', weight);
  if (envelope === undefined) return refused(name, 'the manifest has no envelope for it', weight);
  return { kind: 'message', name, bytes: whole, envelope, weight };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The messages of a zip archive that an export made, or of one with .eml files in it. */
export async function* readExported(path: string, options: ReadingOptions): AsyncGenerator<Found, void> {
  try {
    await using zip = await openZip(path);
    const listed = new Set<string>();
    const manifest = zip.entries.get('manifest.jsonl');
    if (manifest !== undefined) {
      for await (const line of manifestLines(zip.stream(manifest))) {
        listed.add(line.file ?? '');
        yield await fromZip(zip, { path, line, name: line.file ?? '' }, options);
      }
    }
    for (const { name } of zip.entries.values()) {
      if (listed.has(name) || (manifest !== undefined && companions.has(name))) continue;
      if (name.toLowerCase().endsWith('.eml')) yield await fromZip(zip, { path, line: undefined, name }, options);
      else if (!name.endsWith('/')) yield skipped(`${path}: ${name}`, 'it is no .eml');
    }
  } catch (error) {
    if (!(error instanceof ZipFault)) throw error;
    yield refused(path, error.message);
  }
}

async function fromZip(
  zip: Zip,
  { path, line, name }: { readonly path: string; readonly line: ManifestLine | undefined; readonly name: string },
  { limitBytes }: ReadingOptions,
): Promise<Found> {
  const shown = `${path}: ${name}`;
  const entry = zip.entries.get(name);
  if (entry === undefined || (line !== undefined && !isSafeName(name))) {
    return refused(shown, 'the manifest names it, and it is not there');
  }
  const weight = entry.storedSize;
  if (entry.size > limitBytes) return tooLarge(shown, limitBytes, weight);
  if (entry.size === 0) return { ...skipped(shown, 'it is empty'), weight };
  const bytes = await zip.read(entry);
  if (line !== undefined) return exportedMessage(shown, bytes, line, weight);
  return { kind: 'message', name: shown, bytes, envelope: null, weight };
}
