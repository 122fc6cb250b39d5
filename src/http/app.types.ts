import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { z } from 'zod';
import type { Caller, Permission } from './access.ts';
import type { Read } from './words.schema.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may use the route. A route without it is refused at start. */
    access?: Permission;
    /** One sentence for the reference. */
    summary?: string;
    /** A part of the console: served, and no matter for the reference. */
    unlisted?: boolean;
    /** What it answers when that is not JSON. */
    produces?: string;
    /** What it takes when that is not JSON. */
    consumes?: string;
  }
  interface FastifyRequest {
    /** Set by the guard before any handler runs; null on public routes for nobody known. */
    caller: Caller | null;
  }
}

/** zod schemas as request types, and read-only ones as answers. */
export interface ZodProvider extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  serializer: this['schema'] extends z.ZodType ? Read<z.output<this['schema']>> : unknown;
}

/** The one kind of fastify instance in this room. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  ZodProvider
>;
