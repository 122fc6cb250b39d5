import { signal } from '@preact/signals';

/** One field that is not right, by the path of the document (`pop3.host`). */
export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

/** Why a request was not done: a problem of the API (RFC 9457), or status 0 where no answer came. */
export class Fault extends Error {
  readonly status: number;
  /** The slug that the reference explains; `unreachable` where no answer came. */
  readonly slug: string;
  readonly fields: readonly FieldFault[];

  constructor(
    text: string,
    about: { readonly status: number; readonly slug: string; readonly fields?: readonly FieldFault[] },
  ) {
    super(text);
    this.name = 'Fault';
    this.status = about.status;
    this.slug = about.slug;
    this.fields = about.fields ?? [];
  }
}

/** An answer and the version it is of. */
export interface Answer<T> {
  readonly body: T;
  readonly etag: string | null;
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead: a message (RFC 5322). */
  readonly message?: Blob;
  readonly ifMatch?: string | null;
  readonly signal?: AbortSignal | undefined;
}

/** Grows with each answer that says that nobody is signed in any more. */
export const refused = signal(0);

/** Calls the API. The cookie of the session goes along by itself. @throws Fault; an aborted call throws as `fetch` does. */
export async function call<T>(
  path: string,
  { method = 'GET', body, message, ifMatch, signal: aborted }: Call = {},
): Promise<Answer<T>> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (message !== undefined) headers['content-type'] = 'message/rfc822';
  if (typeof ifMatch === 'string') headers['if-match'] = ifMatch;
  const answer = await fetch(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(message === undefined ? {} : { body: message }),
    ...(aborted === undefined ? {} : { signal: aborted }),
  }).catch((error: unknown) => {
    if (aborted?.aborted === true) throw error;
    throw new Fault('The engine does not answer.', { status: 0, slug: 'unreachable' });
  });
  if (!answer.ok) {
    const fault = await faultOf(answer);
    if (answer.status === 401 && path !== '/v1/session') refused.value += 1;
    throw fault;
  }
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
  return { body: (isJson ? await answer.json() : undefined) as T, etag: answer.headers.get('etag') };
}

/** Reads one thing. */
export async function read<T>(path: string, aborted?: AbortSignal): Promise<T> {
  return (await call<T>(path, { signal: aborted })).body;
}

/** Where the API has one thing of a kind. */
export const pathOf = (kind: 'alerts' | 'definitions' | 'intake' | 'messages', id: string): string =>
  `/v1/${kind}/${encodeURIComponent(id)}`;

/** A path with its query; what is undefined or empty is left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly FieldFault[];
}

async function faultOf(answer: Response): Promise<Fault> {
  const problem = (await answer.json().catch(() => ({}))) as Problem;
  const { type = '', title = `The engine answered ${answer.status}`, detail, errors = [] } = problem;
  const text = detail === undefined ? `${title}.` : `${title}: ${detail}.`;
  return new Fault(text, { status: answer.status, slug: type.split('#').at(-1) ?? '', fields: errors });
}
