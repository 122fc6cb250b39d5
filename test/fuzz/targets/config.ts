import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { faultOfAddress, isDomain, isHost } from '../../../src/config/address.ts';
import { checkDocument, describeIssues } from '../../../src/config/check-document.ts';
import { buildSourceRule, canonicalPeer, parseCidr } from '../../../src/config/cidr.ts';
import { engineSchema } from '../../../src/config/engine.schema.ts';
import { engineRules } from '../../../src/config/engine-rules.ts';
import { parseDefinition } from '../../../src/config/parse-definition.ts';
import { readYaml } from '../../../src/config/yaml-source.ts';
import { isLoopback, lookupAddress, peerAddress, peerGroup } from '../../../src/smtp/address.ts';
import { addressKey, domainKey, domainOf } from '../../../streams/address-key.ts';
import type { Target } from '../fuzzer.ts';

const secret = 'fuzz-canary-password';
const whole = `
dataDir: ./data
logLevel: info
http: { host: 127.0.0.1, port: 8025, tokens: [{ name: a, role: admin, token: ${secret} }] }
smtp: { port: 2525, maxMessageSize: 150MB, idleTimeout: 5m, authorizedSources: [10.0.0.0/8, "2001:db8::/32"] }
directory: { internalDomains: [north.example, "*.north.example"] }
definitions:
  - &one
    id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    smtp: { useSmtpAuthentication: true, password: ${secret} }
  - { id: mailbox, description: M, transport: pop3, serviceEmailAddress: m@j.example, pop3: { host: h, mailboxName: b, password: ${secret} } }
`;
const surroundings = { others: [], previous: undefined, internalDomains: ['north.example'], authorizedSources: [] };

/** The configuration file, and the same text as a definition that came over the API: faults or a value, no secret in a fault. */
export const config: Target = {
  name: 'config',
  sources: ['/src/config/'],
  share: 20,
  words: [
    ...[
      '- ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      '*one',
      '!!',
      '|',
      '>',
      '#',
      "'",
      '---\n',
      '\t',
      '<<: *one',
      'true',
    ],
    ...[
      'null',
      '~',
      '0x10',
      '1e999',
      '.nan',
      '150MB',
      '5m',
      '-1s',
      '${',
      'env:',
      '}',
      '2001:db8::/32',
      '0.0.0.0/0',
      secret,
    ],
  ],
  seeds: () => [Buffer.from(whole), Buffer.from(JSON.stringify(readYaml(whole).document))],
  run: (input) => {
    const text = input.toString('utf8');
    const source = readYaml(text);
    const document = source.document ?? {};
    const checked = checkDocument(engineSchema, document);
    const faults = [
      ...source.faults,
      ...describeIssues(engineSchema, document, checked.issues),
      ...(source.broken ? [] : engineRules(document)),
    ];
    assert.ok(checked.ok || faults.length > 0 || source.broken, 'what is refused has a reason');
    for (const fault of faults) {
      assert.ok(fault.text.length > 0 && fault.text.length < 2_000, 'a fault of a readable length');
      const { line, column } = source.position(fault);
      assert.ok(line >= 1 && column >= 1, `the place ${line}:${column}`);
    }
    const definition = parseDefinition(document, surroundings);
    assert.ok(definition.ok || definition.faults.length > 0);
    // Only where it stands where a secret does: as a name or an address it is none.
    const isElsewhere = /fuzz-canary-password(?!["'\s,}\]])|(?<!(?:password|token)"?: ?["']?)fuzz-canary/.test(text);
    if (!isElsewhere) for (const { text: said } of faults) assert.ok(!said.includes(secret), `a secret in: ${said}`);
  },
};

/** Ranges and peers, against Node's own list; nobody is admitted by another way of writing his address. */
export const sources: Target = {
  name: 'sources',
  sources: ['/src/config/cidr', '/src/config/address', '/src/smtp/address', '/streams/address-key'],
  share: 60,
  words: [
    '::',
    'ffff',
    ':',
    '.',
    '/',
    '%eth0',
    '10',
    '255',
    '0',
    '0a00',
    '::ffff:',
    '64:ff9b::',
    '@',
    '[',
    ']',
    'xn--',
    'ß',
    '。',
  ],
  seeds: () =>
    [
      '10.0.0.0/8',
      '::ffff:10.0.0.1',
      '2001:db8::/32',
      'fe80::1%eth0',
      '::ffff:0a00:0001',
      'a@b.example',
      '0:0:0:0:0:ffff:10.0.0.1',
    ].map((text) => Buffer.from(text)),
  run: (input) => {
    const text = input.toString('utf8').slice(0, 300);
    const parsed = parseCidr(text);
    if (parsed.ok) {
      const { network, prefix, family } = parsed.range;
      const list = new BlockList();
      list.addSubnet(network, prefix, family);
      assert.ok(list.check(network, family), 'a range has its own network');
      assert.ok(buildSourceRule([text])(network), 'and admits it');
    }
    const rule = buildSourceRule(['10.0.0.0/8']);
    const peer = canonicalPeer(text);
    assert.equal(rule(text), peer?.family === 'ipv4' && peer.text.startsWith('10.'), 'admitted by what it is');
    if (peer !== undefined) assert.deepEqual(canonicalPeer(peer.text), peer, 'canonical is canonical');
    const mapped = peerAddress(text);
    if (isLoopback(mapped)) assert.ok(buildSourceRule([])(text), 'loopback is loopback for both');
    assert.equal(typeof peerGroup(mapped), 'string');
    for (const said of [lookupAddress(text), addressKey(text), domainKey(text), domainOf(text)]) {
      assert.equal(typeof said, 'string');
    }
    assert.equal(addressKey(addressKey(text)), addressKey(text), 'a key is its own key');
    if (/[/?#]/.test(text)) assert.equal(domainKey(text), text.toLowerCase(), 'what is no domain is not cut to one');
    const isAddress = faultOfAddress(text) === undefined;
    if (isAddress) assert.doesNotMatch(text, /[\r\n\0]/, 'an address of one line');
    if (isHost(text) || isDomain(text)) assert.doesNotMatch(text, /[\0-\x20/@?#]/, 'a host is no more than a host');
  },
};
