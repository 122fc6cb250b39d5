import { createHash } from 'node:crypto';
import { isAllowed } from './access.ts';
import { accessOf } from './accessed.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { atMost } from './at-most.ts';
import { type Change, type Explanation, explanationSchema } from './explain.schema.ts';
import type { PostedMessage } from './explain.types.ts';
import { missingRaw } from './intake.route.ts';
import { ProblemError } from './problems.ts';
import { explainIntakeQuery, explainQuery, recordParams } from './query.schema.ts';

/** Dry runs at once: each holds a whole message in memory while it is read. */
const maxExplaining = 2;

/** A message in, what would become of it out (interface section 6); the same of one that was accepted. */
export function explainRoutes(app: App, api: EngineApi, messageLimitBytes: number): void {
  const enter = atMost(maxExplaining, 1);
  postedRoute(app, api, { enter, messageLimitBytes });
  app.get('/v1/intake/:id/explain', {
    schema: { params: recordParams, querystring: explainIntakeQuery, response: { 200: explanationSchema } },
    config: {
      access: 'explain',
      summary: 'What became of an accepted message and why, as today’s parser and rules have it. Changes nothing.',
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const record = await api.intake.get(id);
      if (record === undefined || record.rawPurgedAt !== undefined) throw await missingRaw(api, id);
      enter(reply.raw);
      const explanation = await api.explainIntake(id, { whatIf: request.query.whatIf ?? true });
      if (explanation === undefined) throw new ProblemError('not-found');
      if (!isAllowed(request.caller?.role ?? null, 'read-intake-raw')) return withoutMail(explanation);
      api.accessed(accessOf(request, { kind: 'view', intakeId: id }));
      return explanation;
    },
  });
}

function postedRoute(
  app: App,
  api: EngineApi,
  { enter, messageLimitBytes }: { readonly enter: ReturnType<typeof atMost>; readonly messageLimitBytes: number },
): void {
  // A scope of its own: only here a body may be a message, and as large as one.
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('message/rfc822', async (_request: unknown, body: AsyncIterable<Buffer>) =>
      collect(body, messageLimitBytes),
    );
    scope.addHook('preParsing', async (_request, reply) => enter(reply.raw));
    scope.post('/v1/explain', {
      schema: { querystring: explainQuery, response: { 200: explanationSchema } },
      config: {
        access: 'explain',
        summary: 'A dry run of one message: what would become of it and why. Changes nothing.',
        consumes: 'message/rfc822',
      },
      handler: async (request) => {
        const posted = request.body as PostedMessage | undefined;
        if (posted === undefined) throw new ProblemError('media-type');
        const { definition, whatIf = true } = request.query;
        const explanation = await api.explain(definitionFor(api, definition), posted, { whatIf });
        if (explanation === undefined) throw new ProblemError('definition-unknown');
        return explanation;
      },
    });
  });
}

/** The message in the pieces it comes in, hashed as it comes: 150 MB at once would hold up everyone else. */
async function collect(body: AsyncIterable<Buffer>, limitBytes: number): Promise<PostedMessage> {
  const chunks: Buffer[] = [];
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limitBytes) throw new ProblemError('too-large', { headers: { connection: 'close' } });
    hash.update(chunk);
    chunks.push(chunk);
  }
  return { chunks, size, sha256: hash.digest('hex') };
}

function definitionFor(api: EngineApi, named: string | undefined): string {
  if (named !== undefined) return named;
  const ids = api.definitions().map(({ id }) => id);
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return only;
  throw new ProblemError('invalid-request', { detail: `query.definition: ${whichOf(ids)}` });
}

/** Named in an answer; more are a list of their own. */
const maxNamed = 20;

/** A message does not say for which definition it would be received, and is ruled on by its options. */
function whichOf(ids: readonly string[]): string {
  if (ids.length === 0) return 'there is no definition that the message could be received for';
  const more = ids.length > maxNamed ? ` and ${ids.length - maxNamed} more (\`daybook definitions list\`)` : '';
  const named = ids.slice(0, maxNamed).join(', ');
  return `there are several, name the one it would be received for (\`--definition ID\` of \`daybook explain\`): ${named}${more}`;
}

/** For who may not read mail: nobody in it, and nothing that a parser said, which may quote it. */
function withoutMail({ recipients: _recipients, ...explanation }: Explanation): Explanation {
  const { mailboxes: _mailboxes, ...stores } = explanation.stores;
  return {
    ...explanation,
    stores,
    rules: explanation.rules.map((rule) => (rule.rule === 'readable' ? { ...rule, detail: rule.verdict } : rule)),
    whatIf: explanation.whatIf.map((each) => ({ ...each, changes: withoutPeople(each.changes) })),
    recorded:
      explanation.recorded === null
        ? null
        : { ...explanation.recorded, changes: withoutPeople(explanation.recorded.changes) },
    steps: explanation.steps.map((each) =>
      typeof each === 'object' && each['step'] === 'failed' ? { ...each, detail: null } : each,
    ),
  };
}

/** Fields whose values tell of people in the mail, and of what it is about. */
const ofPeople: readonly string[] = [
  ...['recipients', 'mailboxes', 'sender', 'onBehalfOf'],
  ...['from', 'subject', 'messageId', 'reportMessageId'],
];

export const withoutPeople = (changes: readonly Change[]): readonly Change[] =>
  changes.map((change) => (ofPeople.includes(change.field) ? { ...change, from: null, to: null } : change));
