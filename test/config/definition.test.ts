import { describe, expect, test } from 'vitest';
import type { DefinitionConfig } from '../../src/config/definition.schema.ts';
import { canonicalJson, definitionDigest, definitionDocument, revealedDocument } from '../../src/config/document.ts';
import { type DefinitionSurroundings, parseDefinition } from '../../src/config/parse-definition.ts';
import { toEngineOptions, toJournalOptions, toPop3Options, toSmtpOptions } from '../../src/config/to-options.ts';
import { configFolder, pop3Definition, smtpDefinition } from './config-folder.ts';

const surroundings: DefinitionSurroundings = {
  others: [],
  previous: undefined,
  internalDomains: ['example.com'],
  authorizedSources: [],
};

function parsed(document: unknown, more: Partial<DefinitionSurroundings> = {}): DefinitionConfig {
  const result = parseDefinition(document, { ...surroundings, ...more });
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.definition;
}
function faultsOf(document: unknown, more: Partial<DefinitionSurroundings> = {}): string[] {
  const result = parseDefinition(document, { ...surroundings, ...more });
  return result.ok ? [] : result.faults.map((fault) => `${fault.path}: ${fault.text}`);
}

describe('a definition from the API', () => {
  test('gets the same defaults as one from the file', () => {
    expect(parsed(smtpDefinition())).toMatchObject({ periodOfInactivityAllowed: '180m', deliveryWaitAttempts: 3 });
  });

  test('keeps its secret when the mask or nothing is written back', () => {
    const previous = parsed(pop3Definition());
    for (const password of ['********', '']) {
      const shown = definitionDocument(previous) as { pop3: object };
      const next = parsed({ ...shown, pop3: { ...shown.pop3, password } }, { previous });
      expect(next.transport === 'pop3' && next.pop3.password.reveal()).toBe('mailbox password');
    }
    const smtp = parsed(smtpDefinition({ smtp: { useSmtpAuthentication: true, password: 'secret' } }));
    const again = parsed(definitionDocument(smtp), { previous: smtp });
    expect(again.transport === 'smtp' && again.smtp.password?.reveal()).toBe('secret');
  });

  test('takes a new secret', () => {
    const previous = parsed(pop3Definition());
    const next = parsed(pop3Definition({ pop3: { host: 'h', mailboxName: 'm', password: 'new' } }), { previous });
    expect(next.transport === 'pop3' && next.pop3.password.reveal()).toBe('new');
  });

  test('cannot keep a secret that it never had', () => {
    const pop3 = { host: 'h', mailboxName: 'm', password: '********' };
    expect(faultsOf(pop3Definition({ pop3 }))[0]).toContain('pop3.password: is the mask');
    const previous = parsed(smtpDefinition({ smtp: { useSmtpAuthentication: true, password: 'other transport' } }));
    expect(faultsOf(pop3Definition({ pop3 }), { previous })[0]).toContain('pop3.password: is the mask');
  });

  test('cannot read the files and the environment of the engine', () => {
    const pop3 = { host: 'h', mailboxName: 'm', password: `\${file:/etc/shadow}` };
    expect(faultsOf(pop3Definition({ pop3, description: `\${env:HOME}` }))).toEqual([
      'description: has a reference; expected the value itself, references are for the configuration file',
      'pop3.password: has a reference; expected the value itself, references are for the configuration file',
    ]);
  });

  test('must differ from the others', () => {
    const others = [parsed(smtpDefinition())];
    const document = pop3Definition({ id: 'one', description: 'ONE', serviceEmailAddress: 'ONE@journal.example' });
    expect(faultsOf(document, { others }).map((fault) => fault.split(':')[0])).toEqual([
      'id',
      'description',
      'serviceEmailAddress',
    ]);
  });

  test('must be suspended while there are no internal domains', () => {
    expect(faultsOf(smtpDefinition(), { internalDomains: [] })[0]).toContain('suspended: must be true');
    expect(faultsOf(smtpDefinition({ suspended: true }), { internalDomains: [] })).toEqual([]);
  });

  test('must authenticate where everybody may send', () => {
    expect(faultsOf(smtpDefinition(), { authorizedSources: ['0.0.0.0/0'] })[0]).toContain(
      'smtp.useSmtpAuthentication: must be true',
    );
  });

  test.each([[null], [[]], ['text'], [5], [undefined], [{}]])('that is %j is a fault, not a crash', (document) => {
    expect(faultsOf(document).length).toBeGreaterThan(0);
  });

  test('tells all its faults at once', () => {
    const paths = faultsOf({
      ...smtpDefinition(),
      id: 'A',
      deliveryWaitAttempts: 0,
      smtpp: 1,
      smtp: { useSmtpAuthentication: true },
    }).map((fault) => fault.split(':')[0]);
    expect(paths.toSorted()).toEqual(['deliveryWaitAttempts', 'id', 'smtp.password', 'smtpp']);
  });
});

describe('the document of a definition', () => {
  const key = Buffer.from('key');

  test('masks its secrets, and reads back to the same definition', () => {
    const definition = parsed(pop3Definition());
    expect(definitionDocument(definition)).toMatchObject({ pop3: { password: '********', port: 995 } });
    expect(JSON.stringify(definition)).toBe(JSON.stringify(definitionDocument(definition)));
    expect(parsed(revealedDocument(definition))).toEqual(definition);
    expect(parsed(definitionDocument(definition), { previous: definition })).toEqual(definition);
  });

  test('has a digest that tells every change, the secret included, and not the order of keys', () => {
    const digest = (document: unknown, by: Uint8Array = key): string => definitionDigest(parsed(document), by);
    const base = digest(pop3Definition());
    const reversed = Object.fromEntries(Object.entries(pop3Definition()).toReversed());
    expect(digest(reversed)).toBe(base);
    expect(digest(pop3Definition({ deliveryWaitAttempts: 3 }))).toBe(base);
    expect(digest(pop3Definition({ deliveryWaitAttempts: 4 }))).not.toBe(base);
    const pop3 = { host: 'mail.example', mailboxName: 'journal', password: 'another password' };
    expect(digest(pop3Definition({ pop3 }))).not.toBe(base);
    expect(digest(pop3Definition(), Buffer.from('other'))).not.toBe(base);
    expect(base).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is canonical JSON in the digest', () => {
    expect(canonicalJson({ b: [1, 'x', null, true], a: { d: undefined, c: 'é"' } })).toBe(
      '{"a":{"c":"é\\""},"b":[1,"x",null,true]}',
    );
  });
});

describe('options', () => {
  test('of a definition are in milliseconds', () => {
    const definition = parsed(
      smtpDefinition({
        serviceEmailAddress: 'One@Bücher.example',
        initialProcessDelay: '2m',
        deliveryWaitInterval: '250ms',
      }),
    );
    expect(toJournalOptions(definition, 7)).toEqual({
      definitionId: 'one',
      definitionVersion: 7,
      serviceEmailAddress: 'one@xn--bcher-kva.example',
      journalType: 'eej',
      initialProcessDelayMs: 120_000,
      deliveryWaitAttempts: 3,
      deliveryWaitIntervalMs: 250,
      removeJournalHeaders: false,
      preferClearTextVersion: false,
      extendedDeduplication: false,
      journalNonInternalAddresses: false,
      journalUnknownInternalAddresses: false,
    });
  });

  test('of an smtp definition admit its own and the shared sources', () => {
    const definition = parsed(
      smtpDefinition({ smtp: { additionalSourceIpRanges: ['192.0.2.0/24'], password: 'unused' } }),
    );
    if (definition.transport !== 'smtp') throw new Error('not smtp');
    const { sourceAllowed, password, inactivityAllowedMs } = toSmtpOptions(definition, ['10.0.0.0/8']);
    expect(['192.0.2.1', '10.1.1.1', '127.0.0.1'].map(sourceAllowed)).toEqual([true, true, false]);
    expect(password).toBeNull();
    expect(inactivityAllowedMs).toBe(10_800_000);
  });

  test('of a pop3 definition have a bare host and a plain pin', () => {
    const pop3 = { host: '[2001:db8::1]', mailboxName: 'm', password: 'p', certificatePin: `${'AB:'.repeat(31)}AB` };
    const definition = parsed(pop3Definition({ pop3 }));
    if (definition.transport !== 'pop3') throw new Error('not pop3');
    expect(toPop3Options(definition)).toMatchObject({
      host: '2001:db8::1',
      port: 995,
      certificatePin: 'ab'.repeat(32),
    });
  });

  test('of the engine have absolute paths, milliseconds and bytes', async () => {
    await using folder = await configFolder();
    const loaded = await folder.load(
      'directory: {addresses: [Ann@Example.com], trustedRecipientHeaders: [X-Envelope-To]}\ngateway: {smtp: {port: 1}}',
    );
    if (!loaded.ok) throw new Error('faulty');
    const options = toEngineOptions(loaded.config, { file: folder.file, hostname: 'Mail_Host.example' });
    expect(options).toMatchObject({
      dataDir: `${folder.dir}/data`,
      smtp: { hostname: 'Mail_Host.example', maxMessageBytes: 157_286_400, idleTimeoutMs: 300_000, tls: null },
      gateway: { host: '127.0.0.1', port: 1, authorizedSources: [] },
      pop3: { pollIntervalMs: 60_000, timeoutMs: 60_000 },
      directory: { addresses: new Set(['ann@example.com']), trustedRecipientHeaders: ['x-envelope-to'] },
      matching: { extendedWaitMs: 600_000, maxAgeMs: 2_592_000_000, expiredAction: 'hold' },
      limits: { queueMessages: 1_000_000, queueBytes: 214_748_364_800 },
      store: { segmentBytes: 268_435_456, minimumFreeBytes: 2_147_483_648 },
      cluster: null,
    });
    const other = await folder.load('directory: {addresses: known.txt}\nhttp: {tls: {cert: a, key: /b}}');
    expect(other.ok).toBe(false);
  });

  test('of a cluster name the worker after the host', async () => {
    await using folder = await configFolder();
    const loaded = await folder.load(
      'store: {backend: cluster}\ncluster: {postgres: "postgres://db/daybook", bodies: postgres}',
    );
    if (!loaded.ok) throw new Error('faulty');
    const { cluster } = toEngineOptions(loaded.config, { file: folder.file, hostname: 'Mail_Host.example' });
    expect(cluster?.worker).toBe('mail-host-example');
  });
});
