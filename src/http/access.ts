import { createHash, timingSafeEqual } from 'node:crypto';

export const roles = ['viewer', 'operator', 'auditor', 'admin'] as const;
export type Role = (typeof roles)[number];

/** One token of `http.tokens`, as configured. */
export interface AccessToken {
  readonly name: string;
  readonly role: Role;
  readonly token: string;
}

/** Who makes a request. `name` is the token's, `operator` where no tokens are configured, null for nobody known. */
export interface Caller {
  readonly name: string | null;
  readonly role: Role | null;
}

/** What each role may do (interface section 7). `public` needs no token. */
export const permissions = {
  public: [...roles],
  'read-status': [...roles],
  change: ['operator', 'admin'],
  'read-intake': ['operator', 'auditor', 'admin'],
  'read-intake-raw': ['auditor', 'admin'],
  'read-messages': ['auditor', 'admin'],
  'read-holds': ['auditor', 'admin'],
  /** Mail, and what keeps it from being deleted. */
  delete: ['admin'],
  'read-ledger': ['auditor', 'admin'],
  'read-events': ['operator', 'auditor', 'admin'],
  /** Mail into custody; whoever may do so sees none of it. */
  import: ['operator', 'admin'],
  verify: ['operator', 'auditor', 'admin'],
  explain: ['operator', 'auditor', 'admin'],
  /** Changes what is told of mail; whoever may do so may read it. */
  reparse: ['admin'],
} as const satisfies Record<string, readonly Role[]>;
export type Permission = keyof typeof permissions;

export function isAllowed(role: Role | null, permission: Permission): boolean {
  if (permission === 'public') return true;
  return role !== null && (permissions[permission] as readonly Role[]).includes(role);
}

/** Knows the tokens by their SHA-256 alone. */
export interface Authenticator {
  /** True while no tokens are configured: everybody is `admin`, and only loopback is served. */
  readonly open: boolean;
  /** The caller that an Authorization header names, or undefined when it names none. Takes the same time for each token. */
  callerOf(authorization: string | undefined): Caller | undefined;
  /** What a session keeps of a token: its SHA-256 in hex. Undefined for a wrong one; takes as long as `callerOf`. */
  digestOf(token: string): string | undefined;
  /** Who a digest stands for now: nobody, once its token is gone or another one. */
  callerByDigest(digest: string): Caller | undefined;
}

export function createAuthenticator(tokens: readonly AccessToken[]): Authenticator {
  const known = tokens.map(({ name, role, token }) => ({ caller: { name, role }, digest: sha256(token) }));
  const open = known.length === 0;
  const find = (tried: string): (typeof known)[number] | undefined => {
    const digest = sha256(tried);
    let found: (typeof known)[number] | undefined;
    for (const each of known) if (timingSafeEqual(each.digest, digest)) found = each;
    return found;
  };
  return {
    open,
    callerOf: (authorization) => {
      if (open) return { name: 'operator', role: 'admin' };
      // RFC 6750 section 2.1: one space, b64token; the scheme in any case (RFC 9110 section 11.1).
      const tried = /^bearer +([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1];
      return tried === undefined ? undefined : find(tried)?.caller;
    },
    digestOf: (token) => find(token)?.digest.toString('hex'),
    callerByDigest: (digest) => known.find((each) => each.digest.toString('hex') === digest)?.caller,
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
