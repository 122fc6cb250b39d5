import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type DocumentFault, type FaultPath, pathText } from './fault.ts';
import { whyUnreadable } from './unreadable.ts';

/** A document whose `${env:…}` and `${file:…}` have become what they stand for. */
export interface Resolved {
  readonly document: unknown;
  /** Paths (as text) of values that came from elsewhere: their content may be a secret wherever they stand. */
  readonly referenced: ReadonlySet<string>;
  /** Paths (as text) whose reference failed; their values mean nothing. */
  readonly failed: ReadonlySet<string>;
  readonly faults: readonly DocumentFault[];
}
export interface ReferenceSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths are relative to. */
  readonly baseDir: string;
}

/** A value kept in a file is a password or an address, never a document. */
const maxFileBytes = 64 * 1024;
const reference = /\$\{(env|file):([^}]*)\}/g;

/** True when text holds a reference. */
export function hasReference(text: string): boolean {
  return text.search(reference) >= 0;
}

/** Replaces every reference in every string of a document (interface section 2). Reads the files they name. */
export async function resolveReferences(document: unknown, sources: ReferenceSources): Promise<Resolved> {
  const referenced = new Set<string>();
  const failed = new Set<string>();
  const faults: DocumentFault[] = [];
  const visit = async (value: unknown, path: FaultPath): Promise<unknown> => {
    if (typeof value === 'string') return hasReference(value) ? replace(value, path) : value;
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const [index, item] of value.entries()) items.push(await visit(item, [...path, index]));
      return items;
    }
    if (typeof value !== 'object' || value === null) return value;
    const pairs: [string, unknown][] = [];
    for (const [key, item] of Object.entries(value)) pairs.push([key, await visit(item, [...path, key])]);
    return Object.fromEntries(pairs);
  };
  const replace = async (text: string, path: FaultPath): Promise<string> => {
    referenced.add(pathText(path));
    let out = '';
    let end = 0;
    for (const match of text.matchAll(reference)) {
      const found = await lookUp(match[1] === 'env' ? 'env' : 'file', match[2] ?? '', sources);
      if (!found.ok) {
        failed.add(pathText(path));
        faults.push({ path, at: 'value', text: found.fault });
      }
      out += text.slice(end, match.index) + (found.ok ? found.value : '');
      end = match.index + match[0].length;
    }
    return out + text.slice(end);
  };
  return { document: await visit(document, []), referenced, failed, faults };
}

type Found = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly fault: string };

async function lookUp(source: 'env' | 'file', name: string, { env, baseDir }: ReferenceSources): Promise<Found> {
  if (name === '')
    return { ok: false, fault: `names no ${source === 'env' ? 'variable' : 'file'}; expected \${${source}:NAME}` };
  if (source === 'file') return readValue(resolve(baseDir, name), name);
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined)
    return { ok: false, fault: `the environment variable ${name} is not set; expected it to be` };
  return { ok: true, value };
}

async function readValue(file: string, name: string): Promise<Found> {
  const expected = 'expected a readable text file of at most 64 KB';
  try {
    const { size } = await stat(file);
    if (size > maxFileBytes) return { ok: false, fault: `the file ${name} is too large; ${expected}` };
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
    return { ok: true, value: text.replace(/\r?\n$/, '') };
  } catch (cause) {
    return { ok: false, fault: `the file ${name} ${whyUnreadable(cause)}; ${expected}` };
  }
}
