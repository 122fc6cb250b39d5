export const recipient = 'journal@journal.north.example';

interface Changes {
  /** Further options of the definition. */
  readonly definition?: string;
  /** Keys of `store`, as they stand between the braces of the file. */
  readonly store?: string;
  /** Further lines of the file. */
  readonly engine?: string;
}

/** The configuration of an engine with one definition, `bench`, which takes mail by SMTP. */
export const oneDefinition = ({ definition = 'deliveryWaitAttempts: 1', store = '', engine = '' }: Changes = {}) => `
logLevel: warn
store: { minimumFree: 1MB${store === '' ? '' : `, ${store}`} }
directory: { internalDomains: [north.example] }
definitions:
  - { id: bench, description: Bench, transport: smtp, serviceEmailAddress: ${recipient}, ${definition} }
${engine}
`;
