/** Which limit of journaling b.2 a report broke. */
export type Limit = 'parts' | 'depth' | 'text' | 'lines' | 'header' | 'boundary';

/** How much of a report is read. */
export interface Limits {
  /** Parts in all, containers among them. */
  readonly parts: number;
  /** Containers in each other. */
  readonly depth: number;
  readonly boundaryBytes: number;
  /** Of each header block, also the outer one. */
  readonly headerBytes: number;
  /** Envelope text, decoded. */
  readonly textBytes: number;
  /** Of the envelope text. */
  readonly lines: number;
}

/** Those of journaling b.2: no mail server writes a report that comes near them. */
export const reportLimits: Limits = {
  parts: 200,
  depth: 5,
  boundaryBytes: 200,
  headerBytes: 128 * 1024,
  textBytes: 1024 * 1024,
  lines: 20_000,
};

/**
 * For a report that somebody has looked at and wants tried again. Still bounds: each level of containers is read once
 * more, each line may become a recipient that is looked up and stored, and a header block ends at what is scanned of it.
 */
export const raisedLimits: Limits = {
  parts: 20_000,
  depth: 50,
  boundaryBytes: 4000,
  headerBytes: 4 * 1024 * 1024 - 1,
  textBytes: 16 * 1024 * 1024,
  lines: 200_000,
};
