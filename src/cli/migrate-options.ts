/** How far it has come, in records. */
export type MoveTold = (progress: { readonly seq: number; readonly of: number; readonly bytes: number }) => void;

/** The work of `daybook migrate`. */
export interface MigrateActions {
  /** What a move into the cluster would be; writes nothing. */
  movePlan(config: string | undefined): Promise<MovePlanAnswer>;
  /** Copies what the cluster does not have yet, while the engine runs on its files. */
  moveCopy(options: MoveOptions, told: MoveTold): Promise<MovedAnswer>;
  /** The rest, the engine stopped; null where the archive lies in the cluster already. */
  moveFinish(config: string | undefined, told: MoveTold): Promise<FinishedAnswer | null>;
  /** Checks every byte in the cluster. */
  moveVerify(options: MoveVerifyOptions, told: MoveTold): Promise<MoveReportAnswer>;
  /** Copies what the files do not have yet, while the workers run; with `finish` the rest, the workers stopped. */
  moveBack(options: MoveOptions & { readonly finish: boolean }, told: MoveTold): Promise<MovedAnswer>;
}
/** Where the running engine is, as for other commands. */
export interface MoveOptions {
  readonly config: string | undefined;
  readonly token: string | undefined;
}
export interface MoveVerifyOptions {
  readonly config: string | undefined;
  /** Bytes read in a second, at most. */
  readonly bytesPerSecond: number;
}
export interface MovePlanAnswer {
  readonly source: {
    readonly records: number;
    readonly bytes: number;
    readonly segments: number;
    readonly head: string;
  };
  readonly target: {
    readonly version: string;
    readonly synchronous: string;
    readonly standbys: number | null;
    readonly records: number;
    readonly head: string;
    readonly state: string;
    readonly workers: readonly string[];
  } | null;
  readonly left: { readonly records: number; readonly bytes: number; readonly seconds: number };
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
}
export interface MovedAnswer {
  /** Records in the target. */
  readonly records: number;
  /** Hash of the last one. */
  readonly head: string;
  /** Root of the tree over all of them; null before the end. */
  readonly root: string | null;
}
export interface FinishedAnswer extends MovedAnswer {
  readonly waiting: number;
  readonly documents: number;
}
export interface MoveReportAnswer {
  readonly records: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly head: string;
  readonly root: string;
  readonly compared: number | null;
  readonly faults: readonly string[];
}
