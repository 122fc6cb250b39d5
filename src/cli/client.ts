import { CommandFailure, type ExitCode, exitCodes } from './exit-codes.ts';
import { fetchTrusting } from './own-certificate.ts';

/** Where the running engine answers, and as whom. */
export interface Endpoint {
  readonly url: string;
  readonly token: string | undefined;
  /** The certificate that the configuration has the engine show, PEM: it is trusted as it stands. */
  readonly certificate?: string;
}

/** The engine's API as the commands use it: JSON in and out, faults as one line and an exit code. */
export interface Client {
  /**
   * @throws CommandFailure 69 unreachable, 75 for 429 and 503, 2 for what the engine cannot make sense of, 78 for a
   * definition with a fault, 1 for any other fault
   */
  get<T>(path: string, query?: Query): Promise<T>;
  post<T>(path: string, body?: Uint8Array): Promise<T>;
  postJson<T>(path: string, body: object): Promise<T>;
  /** The answer with its ETag, or undefined for 404. */
  find<T>(path: string): Promise<{ readonly answer: T; readonly etag: string | undefined } | undefined>;
  /** `etag`: of the version that is changed; undefined makes a new one. */
  put<T>(path: string, document: unknown, etag: string | undefined): Promise<T>;
  delete(path: string, query?: Query): Promise<void>;
  raw(path: string): Promise<Uint8Array>;
  /** Any answer as it comes, its body unread; null: however long that takes. @throws CommandFailure 69 */
  ask(path: string, init: RequestInit, withinMs?: number | null): Promise<Response>;
  /** What a fault that was answered means for a command. */
  failureOf(answer: Response): Promise<CommandFailure>;
}
export type Query = Readonly<Record<string, string | undefined>>;

/** The longest an answer may take; a status is answered in milliseconds, a dry run of a large message in seconds. */
const answerWithinMs = 60_000;

/** @throws CommandFailure 2 for an address that is none */
export function createClient({ url, token, certificate }: Endpoint): Client {
  if (!URL.canParse(url)) throw new CommandFailure(exitCodes.usage, `${url} is no address; expected http://HOST:PORT`);
  const send = certificate === undefined ? fetch : fetchTrusting(certificate);
  const ask = async (path: string, init: RequestInit, withinMs: number | null = answerWithinMs): Promise<Response> => {
    const headers = { ...init.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const signal = withinMs === null ? null : AbortSignal.timeout(withinMs);
    return send(new URL(path, url), { ...init, headers, signal }).catch((error: unknown) => {
      throw new CommandFailure(exitCodes.unreachable, `no engine answers at ${url}: ${reasonOf(error)}`, {
        cause: error,
      });
    });
  };
  const call = async (path: string, init: RequestInit): Promise<Response> => {
    const answer = await ask(path, init);
    if (answer.ok) return answer;
    throw await failureOf(answer);
  };
  return {
    ask,
    failureOf,
    get: async <T>(path: string, query: Query = {}) => (await call(withQuery(path, query), {})).json() as Promise<T>,
    post: async <T>(path: string, body?: Uint8Array) => {
      const init: RequestInit = body === undefined ? {} : { body, headers: { 'content-type': 'message/rfc822' } };
      return (await call(path, { method: 'POST', ...init })).json() as Promise<T>;
    },
    postJson: async <T>(path: string, body: object) => {
      const headers = { 'content-type': 'application/json' };
      return (await call(path, { method: 'POST', body: JSON.stringify(body), headers })).json() as Promise<T>;
    },
    find: async <T>(path: string) => {
      const found = await ask(path, {});
      if (found.status === 404) return undefined;
      if (!found.ok) throw await failureOf(found);
      return { answer: (await found.json()) as T, etag: found.headers.get('etag') ?? undefined };
    },
    put: async <T>(path: string, document: unknown, etag: string | undefined) => {
      const match = etag === undefined ? {} : { 'if-match': etag };
      const headers = { 'content-type': 'application/json', ...match };
      return (await call(path, { method: 'PUT', body: JSON.stringify(document), headers })).json() as Promise<T>;
    },
    delete: async (path, query: Query = {}) => void (await call(withQuery(path, query), { method: 'DELETE' })),
    raw: async (path) => new Uint8Array(await (await call(path, {})).arrayBuffer()),
  };
}

/** The path with what is given of the query. */
export function withQuery(path: string, query: Query): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

async function failureOf(answer: Response): Promise<CommandFailure> {
  const { type, text } = await problemOf(answer);
  return new CommandFailure(codeOf(answer.status, type), `${answer.status}: ${text}`);
}

/** What was asked, a command has from its options, so that an engine which refuses it tells of wrong usage. */
const codes: Readonly<Record<string, ExitCode>> = {
  'invalid-request': exitCodes.usage,
  'definition-invalid': exitCodes.invalidConfig,
};

const codeOf = (status: number, type: string | undefined): ExitCode =>
  status === 429 || status === 503 ? exitCodes.tryAgain : (codes[type?.replace(/^.*#/, '') ?? ''] ?? exitCodes.failed);

async function problemOf(answer: Response): Promise<{ readonly type: string | undefined; readonly text: string }> {
  const text = await answer.text();
  try {
    const { type, title, detail } = JSON.parse(text) as { type?: string; title?: string; detail?: string };
    return { type, text: [title, detail].filter((part) => part !== undefined).join(': ') || text };
  } catch {
    return { type: undefined, text: text.slice(0, 200) || answer.statusText };
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
