import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import type { DocumentFault, FaultPath } from './fault.ts';
import { clearUrlRules, kindRules } from './kind-rules.ts';
import { valueAt } from './schema-walk.ts';
import { whyUnreadable } from './unreadable.ts';

/** Which options a kind of anchor has beside those of all. */
const kinds = {
  file: { required: ['path'], others: [] },
  webhook: { required: ['url'], others: ['token'] },
  rfc3161: { required: ['url'], others: [] },
} as const;

/** Rules on one anchor as the document has it: each kind has its own options. */
export function anchorRules(anchor: unknown, base: FaultPath): readonly DocumentFault[] {
  const found = kindRules(anchor, base, kinds);
  if (found === null) return [];
  const clear = found.kind === 'webhook' ? clearUrlRules(anchor, base) : [];
  return [...found.faults, ...clear, ...tokenRules(valueAt(anchor, ['token']), base)];
}

function tokenRules(token: unknown, base: FaultPath): readonly DocumentFault[] {
  if (typeof token !== 'string' || token === '' || /^[!-~]+$/.test(token)) return [];
  const text = 'cannot be sent in a header; expected printable ASCII without blanks';
  return [{ path: [...base, 'token'], at: 'value', text }];
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
