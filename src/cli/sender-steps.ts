import type { FirstAnswers, Sender } from '../config/first-config.ts';

/** What a step needs to know of what was answered. */
type Known = Pick<FirstAnswers, 'sender' | 'serviceAddress' | 'smtpPort' | 'tls'>;

/** What is to be done at the sending server, in its own words; one step an item, commands as they are typed. */
export function senderSteps(known: Known): readonly string[] {
  return steps[known.sender](known);
}

/** The page of the documentation that says it at length. */
export const senderPage = (sender: Sender): string => `docs/${sender}.md`;

/** The machine that runs Daybook, as the sending server names it: only the person knows. */
const host = 'DAYBOOK-HOST';
const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);
const tlsFirst = ({ tls }: Known, who: string): readonly string[] =>
  tls === null ? [`Give Daybook a certificate (smtp.tls in the file), for ${who} sends over the internet`] : [];

const steps: Readonly<Record<Sender, (known: Known) => readonly string[]>> = {
  'exchange-server': ({ serviceAddress, smtpPort }) => [
    `A contact for the service address: New-MailContact -Name Daybook -ExternalEmailAddress ${serviceAddress}`,
    `A send connector for its domain: New-SendConnector -Name Daybook -Usage Custom -AddressSpaces "SMTP:${domainOf(serviceAddress)};1" -SmartHosts ${host} -SmartHostAuthMechanism None -DNSRoutingEnabled $false -Port ${smtpPort}`,
    `A journal rule: New-JournalRule -Name Daybook -JournalEmailAddress ${serviceAddress} -Scope Global -Enabled $true`,
    'A mailbox for what could not be delivered: Set-TransportConfig -JournalingReportNdrTo alternate-journal@YOUR-DOMAIN',
  ],
  'exchange-online': (known) => [
    ...tlsFirst(known, 'Microsoft'),
    'Put the ranges of Exchange Online (Microsoft 365 endpoints, id 10) into smtp.authorizedSources',
    `An outbound connector, from Office 365 to your organization's email server, for ${domainOf(known.serviceAddress)}: smart host ${host}, TLS required. Exchange Online sends to port 25 alone`,
    'In Microsoft Purview, Exchange (legacy), Journal rules: an address for undeliverable reports',
    `There a rule: send journal reports to ${known.serviceAddress}, all messages`,
  ],
  'google-workspace': (known) => [
    ...tlsFirst(known, 'Google'),
    'Put the ranges of _netblocks.google.com, _netblocks2 and _netblocks3 (dig txt) into smtp.authorizedSources',
    `In the Admin console, Apps, Google Workspace, Gmail, Hosts: a route with the host ${host}, port ${known.smtpPort}, TLS and certificate required`,
    `Gmail, Routing, Third-party email archiving: ${known.serviceAddress}. Without that edition: Routing, also deliver to ${known.serviceAddress}, for inbound, outbound and both internal kinds`,
  ],
  postfix: ({ serviceAddress, smtpPort }) => [
    `In main.cf: always_bcc = ${serviceAddress}`,
    `In the transport map: ${domainOf(serviceAddress)}  smtp:[${host}]:${smtpPort}`,
    'postmap /etc/postfix/transport && postfix reload',
  ],
};
