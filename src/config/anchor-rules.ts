import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { isPrivateUrl } from './anchor.schema.ts';
import type { DocumentFault, FaultPath } from './fault.ts';
import { valueAt } from './schema-walk.ts';
import { whyUnreadable } from './unreadable.ts';

/** Which options a kind of anchor has beside those of all. */
const optionsOf = { file: ['path'], webhook: ['url', 'token'], rfc3161: ['url'] } as const;
const required = { file: 'path', webhook: 'url', rfc3161: 'url' } as const;
const own = ['path', 'url', 'token'] as const;
type Kind = keyof typeof optionsOf;

/** Rules on one anchor as the document has it: each kind has its own options. */
export function anchorRules(anchor: unknown, base: FaultPath): readonly DocumentFault[] {
  const kind = valueAt(anchor, ['kind']);
  if (typeof kind !== 'string' || !Object.hasOwn(optionsOf, kind)) return [];
  const allowed: readonly string[] = optionsOf[kind as Kind];
  const faults = own
    .filter((key) => valueAt(anchor, [key]) !== undefined && !allowed.includes(key))
    .map((key): DocumentFault => ({ path: [...base, key], at: 'key', text: `is no option of the kind ${kind}` }));
  const needed = required[kind as Kind];
  if (valueAt(anchor, [needed]) === undefined) {
    faults.push({ path: [...base, needed], at: 'missing', text: `is missing; required with kind: ${kind}` });
  }
  const url = valueAt(anchor, ['url']);
  if (kind === 'webhook' && typeof url === 'string' && !isPrivateUrl(url.trim())) {
    faults.push({ path: [...base, 'url'], at: 'value', text: 'is sent in clear; expected https, or a loopback host' });
  }
  const token = valueAt(anchor, ['token']);
  if (typeof token === 'string' && token !== '' && !/^[!-~]+$/.test(token)) {
    const text = 'cannot be sent in a header; expected printable ASCII without blanks';
    faults.push({ path: [...base, 'token'], at: 'value', text });
  }
  return faults;
}

/** A line where it lies, links followed as far as there are files. `path`: absolute */
async function whereIs(path: string): Promise<string> {
  const found = await realpath(path).catch(() => undefined);
  if (found !== undefined) return found;
  return dirname(path) === path ? path : join(await whereIs(dirname(path)), basename(path));
}

/** The device of a file, or of the nearest folder above that is there. */
async function deviceOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined) return found.dev;
  return dirname(path) === path ? undefined : deviceOf(dirname(path));
}

/** What is wrong with the place of an anchor file, and what is suspicious; both paths absolute. */
export async function checkAnchorFile(
  file: string,
  dataDir: string,
): Promise<{ readonly fault: string } | { readonly warning: string } | null> {
  const [anchor, data] = [await whereIs(file), await whereIs(dataDir)];
  if (anchor === data || anchor.startsWith(data + sep)) {
    return {
      fault: 'lies in dataDir, and would be put back with it; expected a path elsewhere, best on another mount',
    };
  }
  // A mount that is missing must not keep mail out: the anchor fails, and says so, until it is there.
  const folder = await stat(dirname(file)).catch((cause: unknown) => cause);
  if (folder instanceof Error) return { warning: `is in a folder that ${whyUnreadable(folder)}` };
  if ((await deviceOf(file)) !== (await deviceOf(dataDir))) return null;
  return { warning: 'is on the same file system as dataDir: whoever puts that back puts this back too' };
}
