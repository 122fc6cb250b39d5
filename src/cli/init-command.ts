import { type Command, Option } from 'commander';
import { isLoopbackHost } from '../config/cidr.ts';
import { type FirstAnswers, firstDefinition, presetsOf, senders } from '../config/first-config.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import { type InitOptions, portIn, serviceAddressOf } from './init-options.ts';
import { configOption, jsonOption, type ProgramOptions } from './options.ts';
import { senderPage, senderSteps } from './sender-steps.ts';

const more = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** `daybook init`: a first configuration and the steps for the sending server. */
export function addInit(program: Command, options: ProgramOptions): void {
  program
    .command('init')
    .description('ask a few questions and write a commented configuration; print the steps for the sending server')
    .addOption(configOption())
    .addOption(jsonOption())
    .option('-y, --yes', 'ask nothing: what is not given has its default', false)
    .option('--force', 'overwrite a configuration that stands there', false)
    .addOption(new Option('--sender <kind>', 'what sends the mail (default: exchange-server)').choices(senders))
    .option('--domain <domain>', 'a domain of yours, or *.domain; may be repeated', more, [])
    .option('--service-address <address>', 'where journal copies are sent (default: journal@journal.DOMAIN)')
    .option('--data-dir <path>', 'where mail is kept (default: ./data)')
    .option('--smtp-host <host>', 'address to listen on for mail')
    .option('--smtp-port <port>', 'port to listen on for mail')
    .option('--source <cidr>', 'who may send, such as 10.0.0.0/8; may be repeated', more, [])
    .option('--tls-cert <file>', 'certificate chain for STARTTLS, PEM')
    .option('--tls-key <file>', 'its private key, PEM')
    .option('--http-host <host>', 'address of API and console (default: 127.0.0.1)')
    .option('--http-port <port>', 'port of API and console (default: 8025)')
    .option('--with-token', 'protect the API with a token, as it must be beyond loopback', false)
    .addHelpText(
      'after',
      `
Example:
  daybook init
  daybook init --yes --sender postfix --domain north.example --config daybook.yaml`,
    )
    .action(async (given: InitOptions) => init(given, options));
}

async function init(given: InitOptions, { actions, out, err, terminal }: ProgramOptions): Promise<void> {
  const asks = terminal.isInteractive && !given.yes && !given.json;
  const file = given.config ?? 'daybook.yaml';
  const { askMissing } = asks ? await import('./init-questions.ts') : { askMissing: undefined };
  const answers = answersOf(askMissing === undefined ? given : await askMissing(given), actions.newToken);
  const warnings = await actions.writeFirstConfig({ file, force: given.force, answers });
  const steps = senderSteps(answers);
  const { sender, token } = answers;
  if (given.json) {
    out.write(
      `${JSON.stringify({ file, sender, definition: firstDefinition(sender), hasToken: token !== null, warnings, steps })}\n`,
    );
    return;
  }
  for (const warning of warnings) err.write(`warning: ${warning}\n`);
  const secret = token === null ? '' : ' It holds a token: keep it to its owner.';
  out.write(`${file} written, mode 0600.${secret}\n\nAt the sending server:\n${numbered(steps)}`);
  const configOf = given.config === undefined ? '' : ` --config ${file}`;
  const then = [`daybook check${configOf}`, `daybook run${configOf}`, `daybook status${configOf} --watch`];
  out.write(`\nThen:\n${then.map((line) => `  ${line}\n`).join('')}\nMore: ${senderPage(sender)}\n`);
}

/** @throws CommandFailure `usage` where what cannot be guessed is missing, or what was given cannot be */
function answersOf(given: InitOptions, newToken: () => string): FirstAnswers {
  const sender = given.sender ?? 'exchange-server';
  const presets = presetsOf(sender);
  const [first] = given.domain;
  if (first === undefined) throw usage('say which domain is yours: --domain north.example');
  if ((given.tlsCert === undefined) !== (given.tlsKey === undefined))
    throw usage('--tls-cert and --tls-key go together');
  const httpHost = given.httpHost ?? presets.httpHost;
  const { tlsCert: cert, tlsKey: key } = given;
  return {
    sender,
    dataDir: given.dataDir ?? presets.dataDir,
    httpHost,
    httpPort: portOf('--http-port', given.httpPort) ?? presets.httpPort,
    token: given.withToken || !isLoopbackHost(httpHost) ? newToken() : null,
    smtpHost: given.smtpHost ?? presets.smtpHost,
    smtpPort: portOf('--smtp-port', given.smtpPort) ?? presets.smtpPort,
    sources: given.source,
    tls: cert === undefined || key === undefined ? null : { cert, key },
    internalDomains: given.domain,
    serviceAddress: given.serviceAddress ?? serviceAddressOf(first),
  };
}

function portOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = portIn(text);
  if (port === undefined) throw usage(`${name} is no port: expected 0 to 65535`);
  return port;
}

const usage = (text: string): CommandFailure => new CommandFailure(exitCodes.usage, text);

const numbered = (steps: readonly string[]): string => steps.map((step, at) => `  ${at + 1}. ${step}\n`).join('');
