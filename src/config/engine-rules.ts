import { addressKey } from '../../streams/address-key.ts';
import { withoutBrackets } from './address.ts';
import { alertRules } from './alert-rules.ts';
import { anchorRules } from './anchor-rules.ts';
import { isLoopbackHost } from './cidr.ts';
import { clusterRules } from './cluster-rules.ts';
import { definitionRules, openRanges } from './definition-rules.ts';
import { type DocumentFault, type FaultPath, pathText } from './fault.ts';
import { valueAt } from './schema-walk.ts';

/**
 * Rules over the whole configuration (interface section 2). Like the definition's own they read the document as it
 * stands: a schema fault elsewhere does not silence them.
 */
export function engineRules(document: unknown): readonly DocumentFault[] {
  const definitions = itemsAt(document, ['definitions']);
  return [
    ...definitions.flatMap((definition, index) => definitionRules(definition, ['definitions', index])),
    ...uniqueRules(definitions),
    ...domainRules(document, definitions),
    ...accessRules(document),
    ...sourceRules(document, definitions),
    ...clusterRules(document),
    ...encryptionRules(document),
    ...listenerRules(document),
    ...namedRules(document, ['evidence', 'anchors'], anchorRules),
    ...namedRules(document, ['alerts', 'channels'], alertRules),
  ];
}

/** A list whose items have unique names, and rules of their own. */
function namedRules(document: unknown, base: FaultPath, rules: typeof anchorRules): DocumentFault[] {
  const items = itemsAt(document, base);
  return [
    ...items.flatMap((item, index) => rules(item, [...base, index])),
    ...repeated({ items, base, key: 'name', keyOf: (text) => text }),
  ];
}

function uniqueRules(definitions: readonly unknown[]): DocumentFault[] {
  const base: FaultPath = ['definitions'];
  return [
    ...repeated({ items: definitions, base, key: 'id', keyOf: (text) => text }),
    ...repeated({ items: definitions, base, key: 'description', keyOf: descriptionKey }),
    ...repeated({ items: definitions, base, key: 'serviceEmailAddress', keyOf: addressKey }),
  ];
}

/** The form in which descriptions are compared. */
export function descriptionKey(description: string): string {
  return description.normalize('NFC').toLowerCase();
}

interface Repeatable {
  readonly items: readonly unknown[];
  readonly base: FaultPath;
  readonly key: string;
  readonly keyOf: (text: string) => string;
}
function repeated({ items, base, key, keyOf }: Repeatable): DocumentFault[] {
  const first = new Map<string, FaultPath>();
  return items.flatMap((item, index): DocumentFault[] => {
    const text = valueAt(item, [key]);
    if (typeof text !== 'string' || text.trim() === '') return [];
    const path = [...base, index, key];
    const earlier = first.get(keyOf(text.trim()));
    if (earlier === undefined) first.set(keyOf(text.trim()), path);
    return earlier === undefined
      ? []
      : [{ path, at: 'value', text: `is the same as ${pathText(earlier)}; expected a unique one` }];
  });
}

function domainRules(document: unknown, definitions: readonly unknown[]): DocumentFault[] {
  const domains = valueAt(document, ['directory', 'internalDomains']);
  const empty = domains === undefined || (Array.isArray(domains) && domains.length === 0);
  if (!empty || definitions.every((each) => valueAt(each, ['suspended']) === true)) return [];
  const text = 'is empty; expected at least one domain, or every definition suspended';
  return [{ path: ['directory', 'internalDomains'], at: domains === undefined ? 'missing' : 'value', text }];
}

function accessRules(document: unknown): DocumentFault[] {
  const tokens = itemsAt(document, ['http', 'tokens']);
  const base: FaultPath = ['http', 'tokens'];
  const faults = [
    ...repeated({ items: tokens, base, key: 'name', keyOf: (text) => text }),
    ...repeated({ items: tokens, base, key: 'token', keyOf: (text) => text }),
  ];
  for (const [index, each] of tokens.entries()) {
    const token = valueAt(each, ['token']);
    if (typeof token === 'string' && token !== '' && !/^[!-~]+$/.test(token)) {
      faults.push({
        path: [...base, index, 'token'],
        at: 'value',
        text: 'cannot be sent in a header; expected printable ASCII without blanks',
      });
    }
  }
  const host = valueAt(document, ['http', 'host']);
  if (tokens.length === 0 && typeof host === 'string' && host.trim() !== '' && !isLoopbackHost(host.trim())) {
    const text = 'is not loopback, and there are no http.tokens; expected tokens, or a loopback host such as 127.0.0.1';
    faults.push({ path: ['http', 'host'], at: 'value', text });
  }
  return faults;
}

function sourceRules(document: unknown, definitions: readonly unknown[]): DocumentFault[] {
  const shared: FaultPath = ['smtp', 'authorizedSources'];
  const gateway: FaultPath = ['gateway', 'smtp', 'authorizedSources'];
  const withoutAuth = definitions.findIndex(
    (each) => valueAt(each, ['transport']) === 'smtp' && valueAt(each, ['smtp', 'useSmtpAuthentication']) !== true,
  );
  const open = withoutAuth < 0 ? [] : openRanges(valueAt(document, shared));
  return [
    ...open.map((index): DocumentFault => {
      const text = `admits every address; allowed only when every smtp definition has useSmtpAuthentication: true, and definitions[${withoutAuth}] has not`;
      return { path: [...shared, index], at: 'value', text };
    }),
    ...openRanges(valueAt(document, gateway)).map((index): DocumentFault => {
      return {
        path: [...gateway, index],
        at: 'value',
        text: 'admits every address; expected those of the gateway, for this listener has no authentication',
      };
    }),
    ...proxyRules(document),
  ];
}

/** Who speaks for others is believed whatever address he names. */
function proxyRules(document: unknown): DocumentFault[] {
  const paths: readonly FaultPath[] = [
    ['smtp', 'proxies'],
    ['gateway', 'smtp', 'proxies'],
  ];
  const text = 'would let anybody pass for any address; expected those of the balancers';
  return paths.flatMap((path) =>
    openRanges(valueAt(document, path)).map((index): DocumentFault => ({ path: [...path, index], at: 'value', text })),
  );
}

/** A key stands in one place: of two, nobody could say which one is meant. */
function encryptionRules(document: unknown): DocumentFault[] {
  const path: FaultPath = ['store', 'encryption'];
  const encryption = valueAt(document, path);
  if (typeof encryption !== 'object' || encryption === null) return [];
  const given = ['keyFile', 'credential'].filter((name) => valueAt(encryption, [name]) !== undefined);
  if (given.length === 1) return [];
  const text = given.length === 0 ? 'names no key; expected keyFile or credential' : 'names two keys; expected one';
  return [{ path, at: 'value', text }];
}

/** Two listeners cannot have one port; port 0 takes a free one each time. */
function listenerRules(document: unknown): DocumentFault[] {
  const listeners = [
    { path: ['http'] as FaultPath, port: 8025 },
    { path: ['smtp'] as FaultPath, port: 2525 },
    { path: ['gateway', 'smtp'] as FaultPath, port: undefined },
  ];
  const first = new Map<string, FaultPath>();
  return listeners.flatMap(({ path, port: preset }): DocumentFault[] => {
    const host = valueAt(document, [...path, 'host']) ?? '127.0.0.1';
    const port = valueAt(document, [...path, 'port']) ?? preset;
    if (typeof host !== 'string' || typeof port !== 'number' || port === 0) return [];
    const place = `${withoutBrackets(host.trim().toLowerCase())} ${port}`;
    const earlier = first.get(place);
    if (earlier === undefined) first.set(place, path);
    if (earlier === undefined) return [];
    return [
      { path: [...path, 'port'], at: 'value', text: `is the port of ${pathText(earlier)} too; expected another one` },
    ];
  });
}

function itemsAt(document: unknown, path: FaultPath): readonly unknown[] {
  const value = valueAt(document, path);
  return Array.isArray(value) ? value : [];
}
