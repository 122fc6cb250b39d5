import { isLoopbackHost } from './cidr.ts';
import type { DocumentFault, FaultPath } from './fault.ts';
import { clearUrlRules, kindRules } from './kind-rules.ts';
import { valueAt } from './schema-walk.ts';

/** Which options a kind of channel has beside those of all, and which of them it needs. */
const kinds = {
  webhook: { required: ['url', 'secret'], others: [] },
  mail: { required: ['host', 'from', 'to'], others: ['port', 'security', 'user', 'password'] },
} as const;

/** Rules on one channel as the document has it: each kind has its own options, and no secret travels in clear. */
export function alertRules(channel: unknown, base: FaultPath): readonly DocumentFault[] {
  const found = kindRules(channel, base, kinds);
  if (found === null) return [];
  const given = (key: string): unknown => valueAt(channel, [key]);
  return [...found.faults, ...(found.kind === 'webhook' ? clearUrlRules(channel, base) : mailRules(given, base))];
}

function mailRules(given: (key: string) => unknown, base: FaultPath): readonly DocumentFault[] {
  const to = given('to');
  const text = 'is empty; expected at least one address';
  const nobody: readonly DocumentFault[] =
    Array.isArray(to) && to.length === 0 ? [{ path: [...base, 'to'], at: 'value', text }] : [];
  return [...smtpLoginRules(given, base), ...nobody];
}

/** User and password go together, and never in clear over a network. */
export function smtpLoginRules(given: (key: string) => unknown, base: FaultPath): readonly DocumentFault[] {
  const faults: DocumentFault[] = [];
  const [user, password, host] = ['user', 'password', 'host'].map(given);
  if ((user === undefined) !== (password === undefined)) {
    const [lacking, there] = user === undefined ? ['user', 'password'] : ['password', 'user'];
    faults.push({ path: [...base, lacking], at: 'missing', text: `is missing; required with ${there}` });
  }
  const isNear = typeof host === 'string' && isLoopbackHost(host.trim());
  if (given('security') === 'none' && password !== undefined && !isNear) {
    const text = 'sends the password in clear; expected tls or starttls, or a loopback host';
    faults.push({ path: [...base, 'security'], at: 'value', text });
  }
  return faults;
}
