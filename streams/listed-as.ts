/** How a mailbox listed an item that is in custody: should it still be there, its next listing tells that it is this one. */
export interface ListedAs {
  /** Under which the ledger of the mailbox has it. */
  readonly key: string;
  /** In bytes, as LIST gave it; null where it gave none. */
  readonly size: number | null;
  /** Lower-case hex SHA-256 of its header block. */
  readonly headerSha256: string;
}

/** Its entry in the ledger of the mailbox (journaling c.8). `rawSha256`: of the bytes in custody; `at`: epoch ms. */
export const fetchedEntry = ({ size, headerSha256 }: ListedAs, rawSha256: string, at: number) =>
  ({ state: 'fetched', listSize: size, headerSha256, rawSha256, failures: 0, reason: null, at }) as const;
