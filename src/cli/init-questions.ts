import * as prompts from '@clack/prompts';
import { faultOfAddress, isDomain } from '../config/address.ts';
import { isLoopbackHost } from '../config/cidr.ts';
import { presetsOf, type Sender } from '../config/first-config.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import { type InitOptions, portIn, serviceAddressOf } from './init-options.ts';

const kinds: readonly { readonly value: Sender; readonly label: string }[] = [
  { value: 'exchange-server', label: 'Exchange Server' },
  { value: 'exchange-online', label: 'Exchange Online (Microsoft 365)' },
  { value: 'google-workspace', label: 'Google Workspace' },
  { value: 'postfix', label: 'Postfix' },
];

/** Asks a person for what the command line does not say. @throws CommandFailure where they leave */
export async function askMissing(given: InitOptions): Promise<InitOptions> {
  prompts.intro('Daybook: a first configuration');
  const sender =
    given.sender ?? (await answered(prompts.select({ message: 'What sends the mail?', options: [...kinds] })));
  const domain = given.domain.length > 0 ? given.domain : await askDomains();
  const serviceAddress =
    given.serviceAddress ??
    (await ask('Service address, to which the journal copies are sent', serviceAddressOf(domain[0] ?? ''), (text) => {
      const fault = faultOfAddress(text);
      return fault === undefined ? undefined : `It ${fault}`;
    }));
  const presets = presetsOf(sender);
  const smtpHost = given.smtpHost ?? (await ask('Address to listen on for mail', presets.smtpHost));
  const smtpPort = given.smtpPort ?? (await ask('Port to listen on for mail', String(presets.smtpPort), faultOfPort));
  const source = given.source.length > 0 ? given.source : await askSources();
  const httpHost = given.httpHost ?? (await ask('Address of API and console', presets.httpHost));
  const withToken =
    given.withToken ||
    (isLoopbackHost(httpHost) &&
      (await answered(prompts.confirm({ message: 'Protect the API with a token?', initialValue: false }))));
  const dataDir = given.dataDir ?? (await ask('Folder for the mail', presets.dataDir));
  prompts.outro('That is all.');
  return { ...given, sender, domain, serviceAddress, smtpHost, smtpPort, source, httpHost, withToken, dataDir };
}

const listed = (text: string): readonly string[] => text.split(/[\s,]+/).filter((part) => part !== '');

async function askDomains(): Promise<readonly string[]> {
  const text = await ask('Your mail domains, apart by blanks', '', (answer) => {
    const wrong = listed(answer).find((domain) => !isDomain(domain.replace(/^\*\./, '')));
    if (wrong !== undefined) return `${wrong} is no domain`;
    return listed(answer).length === 0 ? 'Daybook keeps mail of your domains alone: at least one is needed' : undefined;
  });
  return listed(text);
}

/** What is wrong with them is said by the check, which knows every form. */
const askSources = async (): Promise<readonly string[]> =>
  listed(await ask('Who may send? Addresses or ranges such as 10.0.0.0/8; nothing: this machine alone', ''));

const faultOfPort = (text: string): string | undefined =>
  portIn(text) === undefined ? 'A port is 0 to 65535' : undefined;

function ask(
  message: string,
  preset: string,
  fault: (text: string) => string | undefined = () => undefined,
): Promise<string> {
  const validate = (text: string | undefined): string | undefined => fault(text?.trim() || preset);
  return answered(prompts.text({ message, placeholder: preset, defaultValue: preset, validate }));
}

async function answered<T>(asked: Promise<T | typeof prompts.CANCEL_SYMBOL>): Promise<T> {
  const answer = await asked;
  if (!prompts.isCancel(answer)) return answer as T;
  prompts.cancel('Nothing was written.');
  throw new CommandFailure(exitCodes.failed, 'left before the end');
}
