import type { RouteOptions } from 'fastify';
import type { z } from 'zod';
import type { Permission } from './access.ts';

/** One route as the reference and the OpenAPI document show it. */
export interface RouteNote {
  readonly method: string;
  /** As fastify has it: `/v1/messages/:id`. */
  readonly url: string;
  readonly access: Permission;
  readonly summary: string;
  readonly produces: string;
  readonly consumes: string;
  readonly params: z.ZodType | undefined;
  readonly querystring: z.ZodType | undefined;
  readonly body: z.ZodType | undefined;
  /** Answers that are not faults, by status. */
  readonly response: Readonly<Record<string, z.ZodType>>;
}

/** All schemas of this room are zod's. */
interface RouteSchemas {
  readonly params?: z.ZodType;
  readonly querystring?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response?: RouteNote['response'];
}

/** Every route there is, noted as it is added. */
export interface RouteBook {
  /** For fastify's `onRoute`. Throws for a route that does not say who may use it. */
  note(route: RouteOptions): void;
  /** Those that the reference shows. */
  readonly routes: readonly RouteNote[];
  /** Methods that a path takes, for the 405. */
  methodsOf(path: string): readonly string[];
}

export function createRouteBook(): RouteBook {
  const routes: RouteNote[] = [];
  const every: Pick<RouteNote, 'method' | 'url'>[] = [];
  return {
    routes,
    note: (route) => {
      const { access, summary, unlisted = false, ...types } = route.config ?? {};
      const { produces = 'application/json', consumes = 'application/json' } = types;
      if (access === undefined || summary === undefined)
        throw new Error(`${route.url} says not who may use it and why`);
      const { params, querystring, body, response } = (route.schema ?? {}) as RouteSchemas;
      for (const method of [route.method].flat()) {
        if (method === 'HEAD') continue;
        every.push({ method, url: route.url });
        if (unlisted) continue;
        routes.push({
          ...{ method, url: route.url, access, summary, produces, consumes },
          ...{ params, querystring, body, response: response ?? {} },
        });
      }
    },
    methodsOf: (path) => every.filter(({ url }) => patternOf(url).test(path)).map(({ method }) => method),
  };
}

function patternOf(url: string): RegExp {
  return new RegExp(
    `^${url
      .replaceAll('.', '\\.')
      .replaceAll('*', '.*')
      .replaceAll(/:[a-z]+/gi, '[^/]+')}$`,
  );
}
