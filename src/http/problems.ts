import type { FailureCode } from '../../streams/failure.ts';

/** The closed table of faults this API answers. `type` of a problem is `/docs#<slug>`, and the reference explains each. */
export const problems = {
  'invalid-request': {
    status: 400,
    title: 'The request does not have the form this route takes',
    help: 'Every faulty field is named in `errors`. Unknown query parameters are faults too.',
  },
  'invalid-body': {
    status: 400,
    title: 'The body could not be read',
    help: 'Send well-formed JSON, or no body at all where none is needed.',
  },
  unauthorized: {
    status: 401,
    title: 'A token is needed',
    help: 'Send `Authorization: Bearer TOKEN` with a token of `http.tokens`.',
  },
  forbidden: {
    status: 403,
    title: 'The role of this token does not allow this',
    help: 'Use a token whose role is listed with the route.',
  },
  'foreign-host': {
    status: 403,
    title: 'The Host header names another host',
    help: 'Without tokens only a loopback name or `http.host` is answered, so that no web page can reach the API by a name of its own.',
  },
  'foreign-origin': {
    status: 403,
    title: 'The change comes from another web site',
    help: 'A change is refused when its `Origin` is not this server. Scripts send none.',
  },
  'not-found': { status: 404, title: 'There is no such record', help: 'The id is not known, or is not one.' },
  'raw-purged': {
    status: 404,
    title: 'The bytes of this message were deleted by policy',
    help: 'A skipped message keeps its bytes for 30 days, an archived one as long as its retention says; the record stays for ever.',
  },
  deleted: {
    status: 410,
    title: 'This message was deleted',
    help: 'By its retention, or by an admin; `detail` says which and when. Its intake records stay, so the account adds up.',
  },
  'on-hold': {
    status: 409,
    title: 'A legal hold keeps this message',
    help: '`holds` names them. What a hold names is not deleted until it is lifted.',
  },
  'hold-exists': {
    status: 409,
    title: 'The hold cannot be placed',
    help: 'One with this id stands already, or there are as many as there can be. Lift it first, or choose another id.',
  },
  'manifest-differs': {
    status: 409,
    title: 'The manifest is not of this archive',
    help: 'Each line must name a message that stands here, or was deleted since, with its size, SHA-256 and Message-ID.',
  },
  'text-search-off': {
    status: 409,
    title: 'Messages are not searched by their text here',
    help: '`search.text: true` in the configuration makes an index of it, beside the running engine.',
  },
  'definition-unknown': {
    status: 404,
    title: 'No definition has this id',
    help: '`GET /v1/definitions` lists them all.',
  },
  'route-unknown': { status: 404, title: 'There is no such route', help: 'This page lists every route.' },
  'method-not-allowed': {
    status: 405,
    title: 'The route does not take this method',
    help: '`Allow` names those it takes.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request did not arrive in time',
    help: 'Header and body must arrive within the time limits of the server.',
  },
  'definition-provisioned': {
    status: 409,
    title: 'This definition comes from the configuration file',
    help: 'The file is its truth: change it there and send SIGHUP. Suspend and activate work over the API.',
  },
  'definition-invalid': {
    status: 400,
    title: 'The definition is not valid',
    help: 'Every fault is named in `errors`, by the path of its field, with what is allowed.',
  },
  'version-required': {
    status: 428,
    title: 'The change does not say which version it is of',
    help: 'Send the ETag of the definition as `If-Match`, so that nobody overwrites what somebody else has changed.',
  },
  'version-outdated': {
    status: 412,
    title: 'The definition has changed since, or does not exist',
    help: 'Read it again, and send its new ETag as `If-Match`.',
  },
  'definition-refused': {
    status: 409,
    title: 'The definition cannot be changed to this state now',
    help: '`detail` says what is in the way.',
  },
  'alert-ended': {
    status: 409,
    title: 'The alert is over',
    help: 'What it was about has ended by itself; there is nothing left to look after.',
  },
  'intake-state': {
    status: 409,
    title: 'The intake record is not in a state that allows this',
    help: 'Held and skipped records can be released, quarantined ones retried.',
  },
  'too-large': {
    status: 413,
    title: 'The body is larger than the limit',
    help: 'Bodies may have 256 KB; a message to explain may be as large as `smtp.maxMessageSize`.',
  },
  'media-type': {
    status: 415,
    title: 'The route does not take this content type',
    help: 'Changes take `application/json`, explain takes `message/rfc822`.',
  },
  'too-many-attempts': {
    status: 429,
    title: 'Too many failed tries from this address',
    help: 'More than 100 requests a minute without a right token. A right token is always answered.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The request headers are too large',
    help: 'All headers together may have 16 KB.',
  },
  internal: {
    status: 500,
    title: 'The engine failed to answer',
    help: 'A fault of the engine; its log has the details.',
  },
  damaged: {
    status: 500,
    title: 'Stored bytes are damaged',
    help: 'They do not have the hash recorded for them. `daybook verify` names the file.',
  },
  busy: {
    status: 503,
    title: 'The engine has too many of these under way',
    help: 'Try again after `Retry-After` seconds.',
  },
  'not-ready': { status: 503, title: 'The engine is not ready', help: '`missing` lists what it waits for.' },
  'store-unavailable': {
    status: 503,
    title: 'The store cannot do this now',
    help: 'It cannot write, has no room, or is stopping. Try again later.',
  },
} as const satisfies Record<string, { status: number; title: string; help: string }>;

export type ProblemSlug = keyof typeof problems;

/** Body of a fault (RFC 9457). Members beyond the five of the RFC depend on the slug. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly [extension: string]: unknown;
}

/** Headers and extension members a fault carries besides its slug. */
export interface ProblemExtras {
  readonly detail?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly members?: Readonly<Record<string, unknown>>;
}

/** A fault that a route answers on purpose; the error handler turns it into the body. */
export class ProblemError extends Error {
  readonly slug: ProblemSlug;
  readonly extras: ProblemExtras;

  constructor(slug: ProblemSlug, extras: ProblemExtras = {}) {
    super(problems[slug].title);
    this.name = 'ProblemError';
    this.slug = slug;
    this.extras = extras;
  }
}

export function problemBody(slug: ProblemSlug, extras: ProblemExtras = {}): Problem {
  const { title, status } = problems[slug];
  const detail = extras.detail === undefined ? {} : { detail: extras.detail };
  return { type: `/docs#${slug}`, title, status, ...detail, ...extras.members };
}

/** What each expected failure of the engine is over HTTP; the compiler keeps the two tables together. */
export const problemOfFailure: Readonly<Record<FailureCode, ProblemSlug>> = {
  'store-failed': 'store-unavailable',
  'store-full': 'store-unavailable',
  'commit-timeout': 'store-unavailable',
  'too-large': 'too-large',
  expired: 'intake-state',
  stopping: 'store-unavailable',
  damaged: 'damaged',
  missing: 'not-found',
  'parser-crash': 'internal',
  locked: 'store-unavailable',
  'key-unusable': 'store-unavailable',
  'index-unknown': 'store-unavailable',
};
