import { isPrivateUrl } from './anchor.schema.ts';
import type { DocumentFault, FaultPath } from './fault.ts';
import { valueAt } from './schema-walk.ts';

/** The options that a kind has beside those of all kinds, and which of them it needs. */
interface KindOptions {
  readonly required: readonly string[];
  readonly others: readonly string[];
}

/**
 * Rules on a part of the document whose `kind` says which options it has: no other kind's, and each that it needs. Null
 * where the kind is none of these, which the schema tells.
 */
export function kindRules<Kind extends string>(
  part: unknown,
  base: FaultPath,
  kinds: Readonly<Record<Kind, KindOptions>>,
): { readonly kind: Kind; readonly faults: readonly DocumentFault[] } | null {
  const kind = valueAt(part, ['kind']);
  if (!isKind(kind, kinds)) return null;
  const { required, others } = kinds[kind];
  const all = Object.values<KindOptions>(kinds).flatMap((each) => [...each.required, ...each.others]);
  const foreign = [...new Set(all)].filter((key) => ![...required, ...others].includes(key));
  const isGiven = (key: string): boolean => valueAt(part, [key]) !== undefined;
  const faults: DocumentFault[] = [];
  for (const key of foreign.filter(isGiven))
    faults.push({ path: [...base, key], at: 'key', text: `is no option of the kind ${kind}` });
  for (const key of required.filter((each) => !isGiven(each)))
    faults.push({ path: [...base, key], at: 'missing', text: `is missing; required with kind: ${kind}` });
  return { kind, faults };
}

const isKind = <Kind extends string>(kind: unknown, kinds: Readonly<Record<Kind, KindOptions>>): kind is Kind =>
  typeof kind === 'string' && Object.hasOwn(kinds, kind);

/** Of a webhook: what it is told would stand on the line for all to read. */
export function clearUrlRules(part: unknown, base: FaultPath): readonly DocumentFault[] {
  const url = valueAt(part, ['url']);
  if (typeof url !== 'string' || isPrivateUrl(url.trim())) return [];
  return [{ path: [...base, 'url'], at: 'value', text: 'is sent in clear; expected https, or a loopback host' }];
}
