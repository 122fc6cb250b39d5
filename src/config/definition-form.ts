import { definitionJsonSchema } from './reference.ts';

/** A definition as a form: its schema, and its options in the order and under the headings of the guide. */
export interface DefinitionFormText {
  readonly schema: Record<string, unknown>;
  readonly sections: readonly { readonly title: string; readonly fields: readonly string[] }[];
}

/** Options of a transport are shown with that transport alone. Those that are ours stand where they belong. */
export function definitionForm(): DefinitionFormText {
  return {
    schema: definitionJsonSchema(),
    sections: [
      { title: 'Journal Service Properties', fields: ['id', 'description', 'transport', 'suspended'] },
      {
        title: 'Connection Properties',
        fields: [
          'serviceEmailAddress',
          'pop3.mailboxName',
          'pop3.password',
          'pop3.host',
          'pop3.port',
          'smtp.additionalSourceIpRanges',
          'smtp.useSmtpAuthentication',
          'smtp.password',
          'smtp.requireTls',
          'initialProcessDelay',
          'deliveryWaitAttempts',
          'deliveryWaitInterval',
          'periodOfInactivityAllowed',
          'journalType',
          'pop3.encrypted',
          'pop3.encryptionMode',
          'pop3.certificatePin',
          'removeJournalHeaders',
          'detailedLogging',
          'preferClearTextVersion',
          'extendedDeduplication',
          'journalNonInternalAddresses',
          'journalUnknownInternalAddresses',
          'retention',
        ],
      },
      {
        title: 'Canary',
        fields: [
          'canary.host',
          'canary.port',
          'canary.security',
          'canary.user',
          'canary.password',
          'canary.from',
          'canary.to',
          'canary.interval',
          'canary.limit',
        ],
      },
    ],
  };
}
