/** What sends the mail; the steps on its side differ, and a few presets here. */
export const senders = ['exchange-server', 'exchange-online', 'google-workspace', 'postfix'] as const;
export type Sender = (typeof senders)[number];

/** What a first configuration needs to know. */
export interface FirstAnswers {
  readonly sender: Sender;
  readonly dataDir: string;
  readonly httpHost: string;
  readonly httpPort: number;
  /** Of an admin; null: no token is asked for, which needs a loopback host. */
  readonly token: string | null;
  readonly smtpHost: string;
  readonly smtpPort: number;
  /** CIDR; none: this machine alone. */
  readonly sources: readonly string[];
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly internalDomains: readonly string[];
  readonly serviceAddress: string;
}

/** Presets of the sender: what the internet reaches listens everywhere, a machine of the house where it is told. */
export const presetsOf = (sender: Sender) =>
  ({
    dataDir: './data',
    httpHost: '127.0.0.1',
    httpPort: 8025,
    smtpHost: sender === 'postfix' ? '127.0.0.1' : '0.0.0.0',
    smtpPort: sender === 'postfix' ? 2525 : 25,
  }) as const;

const definitions: Readonly<Record<Sender, readonly [id: string, description: string]>> = {
  'exchange-server': ['exchange', 'Exchange Server'],
  'exchange-online': ['exchange', 'Exchange Online'],
  'google-workspace': ['google', 'Google Workspace'],
  postfix: ['postfix', 'Postfix'],
};

/** The id of the definition in it. */
export const firstDefinition = (sender: Sender): string => definitions[sender][0];

/**
 * A commented configuration for these answers, which the check accepts as it stands where the answers are sound.
 * `schemaFile` is where an editor finds the JSON Schema.
 */
export function firstConfig(answers: FirstAnswers, schemaFile: string): string {
  const { dataDir, httpHost, httpPort, smtpHost, smtpPort, internalDomains, serviceAddress, sender } = answers;
  const [id, description] = definitions[sender];
  return `# yaml-language-server: $schema=${schemaFile}
# Daybook. Durations: 250ms, 30s, 10m, 2h, 30d. Sizes: 64KB, 150MB, 2GB.
# \${env:NAME} and \${file:PATH} stand for a value; paths are relative to this file.

dataDir: ${quoted(dataDir)}

http:                    # API, console and metrics
  host: ${quoted(httpHost)}
  port: ${httpPort}
${tokenLines(answers)}
smtp:
  host: ${quoted(smtpHost)}
  port: ${smtpPort}
${tlsLines(answers)}${sourceLines(answers)}
directory:
  internalDomains:       # whose mail is kept
${internalDomains.map((domain) => `    - ${quoted(domain)}`).join('\n')}

definitions:
  - id: ${id}
    description: ${quoted(description)}
    transport: smtp
    serviceEmailAddress: ${quoted(serviceAddress)}   # the journal copies are sent to it
    journalType: ${journalTypeOf(sender)}
`;
}

/** Postfix and Gmail send plain copies; a report would be wrapped in them all the same, and is unwrapped where it is one. */
const journalTypeOf = (sender: Sender): string =>
  sender === 'postfix' || sender === 'google-workspace'
    ? 'standard        # plain copies, not reports'
    : 'eej             # journal reports, which are unwrapped';

function tokenLines({ token }: FirstAnswers): string {
  if (token === null) return '  # tokens: []           # anything but a loopback host needs some\n';
  return `  tokens:                # keep this file to its owner: who has a token has its role
    - name: admin
      role: admin
      token: ${quoted(token)}
`;
}

function tlsLines({ tls }: FirstAnswers): string {
  if (tls === null) return '  # tls: { cert: daybook.crt, key: daybook.key }   # offers STARTTLS\n';
  return `  tls:                   # offers STARTTLS; read again on SIGHUP
    cert: ${quoted(tls.cert)}
    key: ${quoted(tls.key)}
`;
}

function sourceLines({ sources }: FirstAnswers): string {
  if (sources.length === 0) return '  authorizedSources: []  # who may send; with none, this machine alone\n';
  return `  authorizedSources:     # who may send\n${sources.map((source) => `    - ${quoted(source)}\n`).join('')}`;
}

/** JSON is YAML: text that could be taken for something else, or end the line, stands in quotes. */
const quoted = (text: string): string =>
  /^[A-Za-z./][\w./@-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off)$/i.test(text)
    ? text
    : JSON.stringify(text);
