import { permissions } from './access.ts';
import { contentOf, createSchemaWriter, type Json, namedSchemas, type SchemaWriter } from './openapi.ts';
import { problems } from './problems.ts';
import type { RouteNote } from './route-book.ts';

/** The readable reference, made of the same schemas as the OpenAPI document. Needs nothing but `/page.css`. */
export function referencePage(routes: readonly RouteNote[], version: string): string {
  const writer = createSchemaWriter();
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Daybook API reference</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css"></head>
<body>
<header><h1>Daybook API</h1><p>Version ${escaped(version)}. The same as <a href="/openapi.json">OpenAPI 3.1</a>. <a href="/">Console</a></p></header>
<nav aria-label="Contents"><a href="#access">Access</a> <a href="#routes">Routes</a> <a href="#shapes">Shapes</a> <a href="#problems">Problems</a></nav>
<main>
${accessSection()}
<h2 id="routes">Routes</h2>
<p>Every list answers <code>{ "items": […], "next": cursor or null }</code>, newest first. Query parameters that are not listed are faults.</p>
${routes.map((route) => routeSection(route, writer)).join('\n')}
<h2 id="shapes">Shapes</h2>
${Object.keys(namedSchemas)
  .map((name) => shapeSection(name, writer.components[name] as Json))
  .join('\n')}
${problemsSection()}
</main>
</body>
</html>
`;
}

function accessSection(): string {
  const rows = Object.entries(permissions).map(([name, roles]) => [name, roles.join(', ')]);
  return `<h2 id="access">Access</h2>
<p>Send <code>Authorization: Bearer TOKEN</code>. Without tokens in the configuration every request from this machine is <code>admin</code>.</p>
${table(['may', 'roles'], rows)}`;
}

function routeSection(route: RouteNote, writer: SchemaWriter): string {
  const { method, url, access, summary, querystring, body, produces, consumes, response } = route;
  const answer =
    response['200'] === undefined ? `<code>${produces}</code>` : typeOf(writer.write(response['200'], 'output'));
  const query = querystring === undefined ? [] : fieldRows(writer.write(querystring, 'input'));
  return `<section><h3><code>${method} ${escaped(url)}</code></h3>
<p>${escaped(summary)} Needs: ${access}. Answers: ${answer}.</p>
${query.length === 0 ? '' : table(['query', 'type', 'meaning'], query)}
${body === undefined ? '' : exampleSection('Example of what it takes', contentOf(consumes, writer.write(body, 'input'), writer))}
${exampleSection('Example of the answer', exampleAnswer(route, writer))}</section>`;
}

function exampleAnswer({ produces, response }: RouteNote, writer: SchemaWriter): Json {
  const schema = response['200'] ?? response['201'];
  if (schema === undefined) return produces === 'application/json' ? {} : contentOf(produces, {}, writer);
  return contentOf(produces, writer.write(schema, 'output'), writer);
}

function exampleSection(title: string, content: Json): string {
  const [{ example } = {}] = Object.values(content) as readonly { readonly example?: unknown }[];
  if (example === undefined) return '';
  const shown = typeof example === 'string' ? example : JSON.stringify(example, null, 2);
  return `<details><summary>${title}</summary><pre tabindex="0"><code>${escaped(shown)}</code></pre></details>`;
}

function shapeSection(name: string, schema: Json): string {
  return `<section><h3 id="shape-${name}">${name}</h3>${table(['field', 'type', 'meaning'], fieldRows(schema))}</section>`;
}

function problemsSection(): string {
  const items = Object.entries(problems).map(
    ([slug, { status, title, help }]) =>
      `<dt id="${slug}"><code>${slug}</code> (${status})</dt><dd><strong>${escaped(title)}.</strong> ${prose(help)}</dd>`,
  );
  return `<h2 id="problems">Problems</h2>
<p>Every fault is <code>application/problem+json</code> (RFC 9457); its <code>type</code> leads here.</p>
<dl>${items.join('\n')}</dl>`;
}

function fieldRows(schema: Json): readonly (readonly string[])[] {
  const properties = (schema['properties'] ?? {}) as Record<string, Json>;
  return Object.entries(properties).map(([name, property]) => [name, typeOf(property), text(property['description'])]);
}

/** A schema in few words; a named shape is a link to it. Answers HTML. */
function typeOf(schema: Json): string {
  const { type, $ref, anyOf, items, properties, enum: values, const: only, minimum, maximum } = schema;
  if (typeof $ref === 'string') {
    const name = escaped($ref.split('/').at(-1) ?? '');
    return `<a href="#shape-${name}">${name}</a>`;
  }
  if (Array.isArray(anyOf)) return anyOf.map((each: Json) => typeOf(each)).join(' or ');
  if (Array.isArray(values)) return values.map((value) => `<code>${text(value)}</code>`).join(', ');
  if (only !== undefined) return `<code>${text(only)}</code>`;
  if (type === 'array') return `list of ${typeOf(items as Json)}`;
  if (properties !== undefined) {
    return `{ ${Object.entries(properties as Record<string, Json>)
      .map(([name, each]) => `${escaped(name)}: ${typeOf(each)}`)
      .join(', ')} }`;
  }
  if (schema['format'] === 'date-time') return 'time';
  const bounds =
    type === 'integer' && typeof minimum === 'number' && typeof maximum === 'number' && maximum < 1e6
      ? ` ${minimum}–${maximum}`
      : '';
  return `${text(type ?? 'any')}${bounds}`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((each) => `<th scope="col">${escaped(each)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

/** Back-quoted words become code. */
function prose(help: string): string {
  return escaped(help).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function text(value: unknown): string {
  return value === undefined ? '' : escaped(String(value));
}

function escaped(plain: string): string {
  return plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export const pageStyle = `:root { color-scheme: light dark; background: Canvas; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 1.5rem; }
caption { text-align: left; font-weight: bold; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid #8886; vertical-align: top; overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; font-size: 0.9em; }
dd { margin: 0 0 0.8rem 1.5rem; }
:target { outline: 2px solid #06c; outline-offset: 3px; }
nav a, footer a { margin-right: 1rem; }
`;
