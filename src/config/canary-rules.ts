import { addressKey } from '../../streams/address-key.ts';
import { smtpLoginRules } from './alert-rules.ts';
import type { DocumentFault, FaultPath } from './fault.ts';
import { valueAt } from './schema-walk.ts';
import { parseDurationMs } from './units.ts';

const required = ['host', 'from', 'to'] as const;

/** Rules on the canary of a definition as its document has it. */
export function canaryRules(definition: unknown, base: FaultPath): readonly DocumentFault[] {
  const canary = valueAt(definition, ['canary']);
  if (typeof canary !== 'object' || canary === null) return [];
  const path = [...base, 'canary'];
  const given = (key: string): unknown => valueAt(canary, [key]);
  const missing = required
    .filter((key) => given(key) === undefined)
    .map((key): DocumentFault => ({ path: [...path, key], at: 'missing', text: 'is missing; required in a canary' }));
  return [...missing, ...smtpLoginRules(given, path), ...limitRules(given, path), ...wayRules(definition, given, path)];
}

/** With one under way at a time each is judged before the next. */
function limitRules(given: (key: string) => unknown, path: FaultPath): readonly DocumentFault[] {
  const [limit, interval] = [given('limit') ?? '10m', given('interval') ?? '1h'].map((value) =>
    typeof value === 'string' ? parseDurationMs(value.trim()) : undefined,
  );
  if (limit === undefined || interval === undefined || limit <= interval) return [];
  const at = given('limit') === undefined ? 'interval' : 'limit';
  const text = at === 'limit' ? 'is longer than canary.interval' : 'is shorter than canary.limit, which is 10m';
  return [{ path: [...path, at], at: 'value', text }];
}

/** Sent to the journal address it would come back whether or not anything is journaled. */
function wayRules(definition: unknown, given: (key: string) => unknown, path: FaultPath): readonly DocumentFault[] {
  const [to, service] = [given('to'), valueAt(definition, ['serviceEmailAddress'])];
  if (typeof to !== 'string' || typeof service !== 'string') return [];
  if (addressKey(to.trim()) !== addressKey(service.trim())) return [];
  const text = 'is the serviceEmailAddress, where it comes without being journaled; expected a mailbox';
  return [{ path: [...path, 'to'], at: 'value', text }];
}
