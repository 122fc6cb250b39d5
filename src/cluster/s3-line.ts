import { createHash } from 'node:crypto';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { AwsV4Signer } from 'aws4fetch';
import type { SchedulerLike, Subscription } from 'rxjs';
import { lengthOf } from '../store/record.ts';
import { sha256Of } from './digest.ts';
import { refusalOf, S3Error } from './s3-answers.ts';

/** Where the bucket is, and as whom. */
export interface S3Place {
  /** `https://s3.north.example`, with a port where it has one. The bucket is asked for in the path, never in the host name. */
  readonly endpoint: string;
  /** Signed into each request; gateways that know no regions take `us-east-1`. */
  readonly region: string;
  readonly bucket: string;
  readonly accessKey: string;
  readonly secretKey: { reveal(): string };
  /** PEM. The only authority that is trusted then. */
  readonly ca?: string;
}

export interface S3Call {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
  /** What is read of an answer of 2xx; a longer one is an error. */
  readonly maxBytes?: number;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface UnderWay {
  /** Its answer is waited for no longer than what is begun now. */
  hurry(): void;
  end(): void;
}

/** A listing of 1,000 names has a third of a megabyte. */
const answerBytes = 4 * 1024 * 1024;
/** More than one worker has under way: packs, parts and reads. */
const maxSockets = 64;
const emptyDigest = createHash('sha256').digest('hex');
/** What a bucket may be called, and keys that no step on the way writes in another way (or as a step up): so nothing needs an escape. */
const bucketForm = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
export const keyForm = /^(?!\.\.?(?:\/|$))[\w.-]+(?:\/(?!\.\.?(?:\/|$))[\w.-]+)*$/;

/** Signed requests to one bucket. A request is tried once; patience is `S3Wire`'s. */
export class S3Line {
  readonly #place: S3Place;
  readonly #base: URL;
  readonly #clock: SchedulerLike;
  #answerWithinMs: number;
  readonly #agent: HttpAgent;
  /** Keys that requests of a day are signed with. */
  readonly #derived = new Map<string, ArrayBuffer>();
  /** Requests whose answer is waited for. */
  readonly #underWay = new Set<UnderWay>();
  #isClosed = false;

  /** @throws Error that says which option of the place cannot be */
  constructor(place: S3Place, answerWithinMs: number, clock: SchedulerLike) {
    const base = URL.canParse(place.endpoint) ? new URL(place.endpoint) : null;
    if (base === null || !/^https?:$/.test(base.protocol) || base.pathname !== '/' || base.search !== '') {
      throw new Error(`${place.endpoint} is no address of an object storage: https://host or https://host:port`);
    }
    if (!bucketForm.test(place.bucket)) throw new Error(`${place.bucket} is no name of a bucket`);
    this.#place = place;
    this.#base = base;
    this.#clock = clock;
    this.#answerWithinMs = answerWithinMs;
    const options = { keepAlive: true, maxSockets };
    const trust = place.ca === undefined ? {} : { ca: place.ca };
    this.#agent = base.protocol === 'https:' ? new HttpsAgent({ ...options, ...trust }) : new HttpAgent(options);
  }

  /** An answer of 2xx. @throws S3Error */
  async send(call: S3Call): Promise<S3Answer> {
    const what = `${call.method} ${call.key ?? this.#place.bucket}`;
    const { url, headers } = await this.#signed(call);
    if (this.#isClosed) throw new S3Error(`${what}: given up`, { isPassing: true });
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = start(url, { method: call.method, headers, agent: this.#agent });
    const answer = await this.#answered(request, call, what);
    if (answer.status < 200 || answer.status > 299) throw refusalOf(what, answer.status, answer.body);
    return answer;
  }

  /** From now on no answer is waited for longer than this, nor are those that are under way. */
  hurry(withinMs: number): void {
    this.#answerWithinMs = Math.min(this.#answerWithinMs, withinMs);
    for (const { hurry } of this.#underWay) hurry();
  }

  /** Gives up what is under way. */
  close(): void {
    this.#isClosed = true;
    for (const { end } of this.#underWay) end();
    this.#agent.destroy();
  }

  async #signed({ method, key, query = {}, headers = {}, body = [] }: S3Call) {
    const { bucket, region, accessKey, secretKey } = this.#place;
    if (key !== undefined && !keyForm.test(key)) throw new Error(`${key} is no key of an object`);
    const url = new URL(key === undefined ? `/${bucket}` : `/${bucket}/${key}`, this.#base);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const length = lengthOf(body);
    const digest = length === 0 ? emptyDigest : (await sha256Of(body)).toString('hex');
    // A day has a key of its own; those of days gone by are of no use.
    if (this.#derived.size > 2) this.#derived.clear();
    const signer = new AwsV4Signer({
      url: url.href,
      method,
      headers: { ...headers, 'x-amz-content-sha256': digest },
      accessKeyId: accessKey,
      secretAccessKey: secretKey.reveal(),
      service: 's3',
      region,
      datetime: new Date(this.#clock.now()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
      cache: this.#derived,
      allHeaders: true,
    });
    const signed = await signer.sign();
    const hasBody = method === 'PUT' || method === 'POST';
    const sent = { ...Object.fromEntries(signed.headers), ...(hasBody ? { 'content-length': String(length) } : {}) };
    return { url: signed.url, headers: sent };
  }

  #answered(request: ClientRequest, call: S3Call, what: string): Promise<S3Answer> {
    const { promise, resolve, reject } = deferred<S3Answer>();
    const giveUp = (reason: string, cause?: unknown, isPassing = true): void => {
      reject(new S3Error(`${what}: ${reason}`, { isPassing }, { cause }));
      request.destroy();
    };
    const limit = (): Subscription => {
      const withinMs = this.#answerWithinMs;
      return this.#clock.schedule(() => giveUp(`no answer within ${withinMs / 1_000} s`), withinMs);
    };
    const limits = limit();
    const underWay = { hurry: () => limits.add(limit()), end: () => giveUp('given up') };
    this.#underWay.add(underWay);
    request.on('error', (error: NodeJS.ErrnoException) => giveUp(wordsOf(error), error, !isOfTrust(error)));
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      const { statusCode: status = 0 } = response;
      // A refusal says why.
      const maxBytes = status < 300 ? (call.maxBytes ?? answerBytes) : answerBytes;
      let length = 0;
      response.on('error', (error: NodeJS.ErrnoException) =>
        giveUp(`the answer ended early (${wordsOf(error)})`, error),
      );
      response.on('data', (piece: Buffer) => {
        length += piece.length;
        if (length > maxBytes) giveUp(`answered with more than ${maxBytes} bytes`, undefined, false);
        else pieces.push(piece);
      });
      response.on('end', () => {
        resolve({ status, headers: response.headers, body: Buffer.concat(pieces) });
        // Refused before all of it was sent: the rest would be taken for the next request.
        if (!request.writableFinished) request.destroy();
      });
    });
    for (const piece of call.body ?? []) request.write(piece);
    request.end();
    return promise.finally(() => {
      limits.unsubscribe();
      this.#underWay.delete(underWay);
    });
  }
}

/** A certificate that is not trusted will not be in a minute either. */
const isOfTrust = ({ code = '' }: NodeJS.ErrnoException): boolean => /CERT|SIGNATURE|VERIFY/.test(code);

/** An error of several addresses has no words of its own. */
const wordsOf = ({ message, code }: NodeJS.ErrnoException): string =>
  message === '' ? (code ?? 'no reason') : message;

/** Node 20 has no `Promise.withResolvers`. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((good, bad) => {
    resolve = good;
    reject = bad;
  });
  return { promise, resolve, reject };
}
