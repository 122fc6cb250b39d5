import { isPrivateUrl } from './anchor.schema.ts';
import { isLoopbackHost } from './cidr.ts';
import type { DocumentFault, FaultPath } from './fault.ts';
import { valueAt } from './schema-walk.ts';

/** Which options a kind of channel has beside those of all, and which of them it needs. */
const optionsOf = {
  webhook: { required: ['url', 'secret'], others: [] },
  mail: { required: ['host', 'from', 'to'], others: ['port', 'security', 'user', 'password'] },
} as const;
type Kind = keyof typeof optionsOf;
const own: readonly string[] = Object.values(optionsOf).flatMap(({ required, others }) => [...required, ...others]);

/** Rules on one channel as the document has it: each kind has its own options, and no secret travels in clear. */
export function alertRules(channel: unknown, base: FaultPath): readonly DocumentFault[] {
  const kind = valueAt(channel, ['kind']);
  if (typeof kind !== 'string' || !Object.hasOwn(optionsOf, kind)) return [];
  const { required, others } = optionsOf[kind as Kind];
  const allowed: readonly string[] = [...required, ...others];
  const given = (key: string): unknown => valueAt(channel, [key]);
  const foreign = own.filter((key) => given(key) !== undefined && !allowed.includes(key));
  const missing = required.filter((key) => given(key) === undefined);
  return [
    ...foreign.map(
      (key): DocumentFault => ({ path: [...base, key], at: 'key', text: `is no option of the kind ${kind}` }),
    ),
    ...missing.map(
      (key): DocumentFault => ({
        path: [...base, key],
        at: 'missing',
        text: `is missing; required with kind: ${kind}`,
      }),
    ),
    ...(kind === 'webhook' ? webhookRules(given('url'), base) : mailRules(given, base)),
  ];
}

function webhookRules(url: unknown, base: FaultPath): readonly DocumentFault[] {
  if (typeof url !== 'string' || isPrivateUrl(url.trim())) return [];
  return [{ path: [...base, 'url'], at: 'value', text: 'is sent in clear; expected https, or a loopback host' }];
}

function mailRules(given: (key: string) => unknown, base: FaultPath): readonly DocumentFault[] {
  const faults: DocumentFault[] = [];
  const [user, password, host, to] = ['user', 'password', 'host', 'to'].map(given);
  if ((user === undefined) !== (password === undefined)) {
    const [lacking, there] = user === undefined ? ['user', 'password'] : ['password', 'user'];
    faults.push({ path: [...base, lacking], at: 'missing', text: `is missing; required with ${there}` });
  }
  const isNear = typeof host === 'string' && isLoopbackHost(host.trim());
  if (given('security') === 'none' && password !== undefined && !isNear) {
    const text = 'sends the password in clear; expected tls or starttls, or a loopback host';
    faults.push({ path: [...base, 'security'], at: 'value', text });
  }
  if (Array.isArray(to) && to.length === 0) {
    faults.push({ path: [...base, 'to'], at: 'value', text: 'is empty; expected at least one address' });
  }
  return faults;
}
