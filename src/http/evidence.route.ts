import { accessOf } from './accessed.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { headSchema, proofSchema, verificationSchema } from './evidence.schema.ts';
import { ProblemError } from './problems.ts';
import { noQuery, recordParams } from './query.schema.ts';
import { storeSchema } from './store.schema.ts';

/** What the archive can prove to those who do not trust it (store section 4, interface section 7). */
export function evidenceRoutes(app: App, api: EngineApi): void {
  app.post('/v1/verify', {
    schema: { querystring: noQuery, response: { 202: verificationSchema } },
    config: { access: 'verify', summary: 'Starts a verification of every stored byte; one that runs goes on.' },
    handler: async (_request, reply) => reply.code(202).send(api.evidence.verify()),
  });
  app.get('/v1/verify', {
    schema: { querystring: noQuery, response: { 200: verificationSchema } },
    config: { access: 'verify', summary: 'How far the last verification is, and what it found.' },
    handler: async () => api.evidence.verification(),
  });
  app.get('/v1/store', {
    schema: { querystring: noQuery, response: { 200: storeSchema } },
    config: { access: 'read-status', summary: 'How large the archive is, how it grows, and how long there is room.' },
    handler: () => api.storeFigures(),
  });
  app.get('/v1/head', {
    schema: { querystring: noQuery, response: { 200: headSchema } },
    config: {
      access: 'verify',
      summary: 'A signed head over all records; keep it elsewhere and verify against it later.',
    },
    handler: async () => api.evidence.head(),
  });
  app.get('/v1/intake/:id/proof', {
    schema: { params: recordParams, querystring: noQuery, response: { 200: proofSchema } },
    config: {
      access: 'read-intake-raw',
      summary: 'Its record, the path to a signed head, and the head; the bytes are those of raw.',
    },
    handler: async (request) => {
      const proof = await api.evidence.proofOf(request.params.id);
      if (proof === undefined) throw new ProblemError('not-found');
      api.accessed(accessOf(request, { kind: 'prove', intakeId: request.params.id }));
      return proof;
    },
  });
}
