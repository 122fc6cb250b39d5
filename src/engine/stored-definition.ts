import { randomBytes } from 'node:crypto';
import type { JournalOptions } from '../../streams/message.ts';
import { checkDocument } from '../config/check-document.ts';
import { type DefinitionConfig, definitionSchema } from '../config/definition.schema.ts';
import { type DefinitionDocument, definitionDocument } from '../config/document.ts';
import { Secret } from '../config/secret.ts';
import type { DefinitionRow } from '../store/rows.ts';
import { passwordOf, type SecretBox } from './definition-secrets.ts';

/** What the store keeps of a definition at one version. */
export interface StoredDocument {
  /** As answers show it, secrets masked. */
  readonly view: DefinitionDocument;
  readonly options: JournalOptions;
  /** Given in the configuration file, where its secrets are too. */
  readonly provisioned: boolean;
  /** The password of one that is not. */
  readonly sealed: string | null;
  /** That of its canary; absent where there is none, and in what older versions wrote. */
  readonly sealedCanary?: string;
}

export function storedDocument(
  config: DefinitionConfig,
  { options, provisioned, box }: Pick<StoredDocument, 'options' | 'provisioned'> & { readonly box: SecretBox },
): StoredDocument {
  const password = passwordOf(config);
  const sealed = provisioned || password === undefined ? null : box.seal(config.id, password);
  const ofCanary = provisioned ? undefined : config.canary?.password;
  const canary = ofCanary === undefined ? {} : { sealedCanary: box.seal(canarySeal(config.id), ofCanary) };
  return { view: definitionDocument(config), options, provisioned, sealed, ...canary };
}

/** What it is bound to: neither of the two secrets of a definition opens as the other. */
const canarySeal = (definitionId: string): string => `${definitionId} canary`;

export interface RestoredDefinition {
  readonly config: DefinitionConfig;
  /** Its password cannot be read: `definitions.key` is another one. It has to be given anew. */
  readonly secretLost: boolean;
}

/**
 * A definition made over the API, as it was when the engine ended.
 * @throws Error when this version cannot read it
 */
export function restoredDefinition({ definitionId, document }: DefinitionRow, box: SecretBox): RestoredDefinition {
  const { view, sealed, sealedCanary = null } = document as unknown as StoredDocument;
  const own = openedSecret(sealed, definitionId, box);
  const canary = openedSecret(sealedCanary, canarySeal(definitionId), box);
  const whole = withPassword(withPassword(view, String(view['transport']), own.secret), 'canary', canary.secret);
  const checked = checkDocument(definitionSchema, whole);
  if (checked.ok) return { config: checked.value, secretLost: own.lost || canary.lost };
  const issues = checked.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new Error(`the definition ${definitionId} of the store cannot be read: ${issues}`);
}

function openedSecret(sealed: string | null, boundTo: string, box: SecretBox) {
  const opened = sealed === null ? undefined : box.open(boundTo, sealed);
  const lost = sealed !== null && opened === undefined;
  // A password that nobody knows: nothing is let in by it, and the definition stands.
  return { lost, secret: lost ? new Secret(randomBytes(32).toString('hex')) : opened };
}

function withPassword(view: DefinitionDocument, part: string, password: Secret | undefined): DefinitionDocument {
  if (password === undefined) return view;
  return { ...view, [part]: { ...(view[part] as object), password: password.reveal() } };
}

/** Rows of before definitions could be made over the API have no mark: they are the file's. */
export const isProvisioned = ({ document }: DefinitionRow): boolean => document['provisioned'] !== false;

export const viewOf = ({ document }: DefinitionRow): DefinitionDocument => (document as unknown as StoredDocument).view;

/** What an operator said holds until `suspended` is changed in the document (interface section 2, `definitions`). */
export function suspensionOf(suspended: boolean, row: DefinitionRow | undefined) {
  const said = row?.suspension;
  const inForce = said !== undefined && said !== null && said.provisioned === suspended ? said.suspended : suspended;
  return { suspended: inForce, suspendedSince: inForce ? (said?.at ?? row?.changedAt ?? null) : null };
}
