import type { FastifyRequest } from 'fastify';
import type { ContentAccess } from './api.types.ts';

/** Who saw what, for the event log. A cursor is no part of what was asked for: a search of many pages is one. */
export function accessOf(
  request: Pick<FastifyRequest, 'caller' | 'ip'>,
  access: Pick<ContentAccess, 'kind' | 'entryId' | 'intakeId' | 'query'>,
): ContentAccess {
  const { query, ...what } = access;
  const common = { ...what, actor: request.caller?.name ?? 'unknown', peer: request.ip };
  if (query === undefined) return common;
  const asked = Object.entries(query).filter(([name, value]) => name !== 'cursor' && value !== undefined);
  return { ...common, query: Object.fromEntries(asked) };
}
