import { createReadStream } from 'node:fs';
import { linesOf, manifestLineBytes } from '../lines.ts';

/** What an export says of one message, a line of JSON. */
export interface ManifestLine {
  readonly id: string;
  readonly messageId: string | null;
  /** Of the bytes as they were archived, lower-case hex. */
  readonly sha256: string;
  readonly size: number;
  /** In a folder or zip: its file. */
  readonly file?: string;
  /** In an mbox: where its From_ line begins, and how much it takes with its empty line. */
  readonly offset?: number;
  readonly length?: number;
  readonly archivedAt: string;
  /** The cursor of the export behind it. */
  readonly next: string;
  /** Of the envelope. */
  readonly sender: string | null;
  readonly recipients: readonly { readonly address: string; readonly type: string }[];
}

/** What an export writes beside its messages. */
export const companions: ReadonlySet<string> = new Set([
  'manifest.jsonl',
  'manifest.txt',
  'manifest.sig',
  'manifest.pem',
]);

/** Names of exported files: nothing in them that a file system reads as a place. */
export const isSafeName = (name: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9._~-]{0,150}\.eml$/.test(name);

/** The line as it is meant, or undefined where it is none. */
export function parseManifestLine(text: string): ManifestLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return isManifestLine(line) ? line : undefined;
  } catch {
    return undefined;
  }
}

export function isManifestLine(value: unknown): value is ManifestLine & Readonly<Record<string, unknown>> {
  const { id, sha256, size, sender, recipients, archivedAt, next } = (value ?? {}) as Partial<ManifestLine>;
  const isLine = typeof id === 'string' && Number.isSafeInteger(size) && /^[0-9a-f]{64}$/.test(sha256 ?? '');
  const isTold = (typeof sender === 'string' || sender === null) && Array.isArray(recipients);
  return isLine && isTold && typeof next === 'string' && !Number.isNaN(Date.parse(archivedAt ?? ''));
}

/** The lines of a manifest up to the first that is none, in their order. */
export async function* manifestLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ManifestLine, void> {
  for await (const { text, isWhole } of linesOf(chunks, manifestLineBytes)) {
    const line = isWhole ? parseManifestLine(text) : undefined;
    if (line === undefined) return;
    yield line;
  }
}

export const manifestIn = (path: string): AsyncGenerator<ManifestLine, void> => manifestLines(createReadStream(path));
