import type { Sender } from '../config/first-config.ts';

/** What is answered on the command line; each is asked for where it is missing and somebody sits there. */
export interface InitOptions {
  readonly config?: string;
  readonly json: boolean;
  readonly yes: boolean;
  readonly force: boolean;
  readonly sender?: Sender;
  readonly domain: readonly string[];
  readonly serviceAddress?: string;
  readonly dataDir?: string;
  readonly smtpHost?: string;
  readonly smtpPort?: string;
  readonly source: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly httpHost?: string;
  readonly httpPort?: string;
  readonly withToken: boolean;
}

/** `journal@journal.north.example`, a domain below that nobody else receives mail for. */
export const serviceAddressOf = (domain: string): string => `journal@journal.${domain.replace(/^\*\./, '')}`;

/** The number that a text says, or undefined where it is no port. */
export const portIn = (text: string): number | undefined =>
  /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
