import { readFile, stat } from 'node:fs/promises';
import { addressKey } from '../../streams/address-key.ts';
import { faultOfAddress } from './address.ts';
import { whyUnreadable } from './unreadable.ts';

/** Room for two million addresses; more is a mistake. */
const maxFileBytes = 128 * 1024 * 1024;
/** Faulty lines that are named; the rest is counted. */
const maxNamed = 5;

export type KnownAddresses =
  | { readonly ok: true; readonly addresses: ReadonlySet<string> }
  | { readonly ok: false; readonly text: string };

/** Reads a directory file: one address a line, `#` begins a comment, blank lines are skipped. */
export async function readKnownAddresses(file: string): Promise<KnownAddresses> {
  const expected = 'expected a text file with one address a line';
  try {
    const { size } = await stat(file);
    if (size > maxFileBytes) return { ok: false, text: `the file is larger than 128 MB; ${expected}` };
    return parseKnownAddresses(new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file)));
  } catch (cause) {
    return { ok: false, text: `the file ${whyUnreadable(cause)}; ${expected}` };
  }
}

/** The addresses of a directory file's text, in comparison form. */
export function parseKnownAddresses(text: string): KnownAddresses {
  const addresses = new Set<string>();
  const faulty: number[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const address = line.replace(/(^|\s)#.*$/, '').trim();
    if (address === '') continue;
    if (isDirectoryAddress(address)) addresses.add(addressKey(address));
    else faulty.push(index + 1);
  }
  if (faulty.length === 0) return { ok: true, addresses };
  const more = faulty.length > maxNamed ? ` and ${faulty.length - maxNamed} more` : '';
  const named = faulty.slice(0, maxNamed).join(', ');
  return {
    ok: false,
    text: `the file has no address in line ${named}${more}; expected one address a line, # for comments`,
  };
}

/** An addr-spec, or a directory name as `dn:/o=…` (journaling b.3). */
export function isDirectoryAddress(address: string): boolean {
  return /^dn:\/\S/i.test(address) || faultOfAddress(address) === undefined;
}
