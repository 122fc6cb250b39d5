/** Keeps an object from being deleted or written over, by anybody (`COMPLIANCE`) or by all but the entitled (`GOVERNANCE`). */
export interface S3Retention {
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE';
  /** Epoch ms. */
  readonly until: number;
}

export interface S3Stored {
  readonly key: string;
  readonly size: number;
  /** By the clock of the object storage, epoch ms. */
  readonly modifiedAt: number;
}

export interface S3Upload {
  readonly key: string;
  readonly id: string;
  /** By the clock of the object storage, epoch ms. */
  readonly begunAt: number;
}

/** What an object is called when a bucket keeps the versions that were written over or deleted. */
export interface S3Version {
  readonly id: string;
  /** Says that the object was deleted; it has no bytes. */
  readonly isMarker: boolean;
}

/** One bucket of an object storage that speaks S3. All calls can be made twice; all but `get` of a missing key throw S3Error. */
export interface S3Client extends AsyncDisposable {
  /** A deletion leaves what was there, as a version. */
  isVersioned(): Promise<boolean>;
  /** Retentions and holds can be set. */
  hasObjectLock(): Promise<boolean>;
  /** Durable when it resolves. Written over where it is there already. */
  put(key: string, body: readonly Uint8Array[], retention?: S3Retention): Promise<void>;
  /** The same in parts (multipart upload), for what is too large for one request. */
  putLarge(key: string, body: readonly Uint8Array[], retention?: S3Retention): Promise<void>;
  /** Exactly these bytes of the object; null: there is no such object. Throws `range` where the object is shorter. */
  get(key: string, from: number, length: number): Promise<Buffer | null>;
  /** Size in bytes; null: there is no such object. */
  size(key: string): Promise<number | null>;
  /** Of a version, or of the object; what is not there is no error. */
  remove(key: string, version?: string): Promise<void>;
  /** Objects in the order of their keys, from behind that key on. */
  list(prefix: string, behind?: string): AsyncIterable<S3Stored>;
  versions(key: string): Promise<readonly S3Version[]>;
  /** Uploads in parts that were begun and not ended. */
  uploads(prefix: string): AsyncIterable<S3Upload>;
  /** Gives back the parts of one. What is not there is no error. */
  abort(upload: Pick<S3Upload, 'key' | 'id'>): Promise<void>;
  /** A retention can be made longer; nobody can make one of `COMPLIANCE` shorter. */
  retain(key: string, retention: S3Retention): Promise<void>;
  /** Until when a version can be removed by nobody, epoch ms (infinite: it is held); null: it can be now, by the storage's clock. */
  lockedUntil(key: string, version: string): Promise<number | null>;
  /** A legal hold keeps the object as a retention without an end, until it is lifted. */
  hold(key: string, isOn: boolean): Promise<void>;
  /** From now on nothing is tried again, and what is under way has 5 s: before a close, so that it ends soon. */
  hurry(): void;
}
