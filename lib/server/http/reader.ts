/**
 * The OpenAPI document as a page for people: made once, of text alone. It loads nothing, from here or from elsewhere, and
 * runs nothing; its policy allows its own style and no more.
 */
import { createHash } from 'node:crypto';
import type { Answer, Described, OpenApi, Parameter } from './document.ts';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; }
main { max-width: 56rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 0; text-transform: capitalize; }
h3 { font-size: 1rem; margin: 0; }
article { border-top: 1px solid #8886; padding: 1rem 0; }
code { font: 0.9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
p { margin: .25rem 0 .5rem; }
table { width: 100%; table-layout: fixed; border-collapse: collapse; margin: .5rem 0; font-size: .9rem; }
th, td { padding: .25rem .75rem .25rem 0; text-align: start; vertical-align: top; border-bottom: 1px solid #8884; }
th { font-weight: 600; }
th:first-child { width: 5.5rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .25rem 0; padding: .5rem; background: #8882; border-radius: .25rem; }
nav a { margin-inline-end: 1rem; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; }
`;

/** The policy of the page: its own style, and nothing else. */
export const READER_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly described: Described;
}

/** The page. */
export function readerOf({ info, paths }: OpenApi): string {
  const entries = Object.entries(paths).flatMap(([path, methods]) => {
    return Object.entries(methods).map(([method, described]) => ({ method: method.toUpperCase(), path, described }));
  });
  const groups = Map.groupBy(entries, ({ described }) => described.tags[0] ?? '');
  const common = commonOf(entries);
  const links = [...groups.keys()].map((group) => `<a href="#${escaped(group)}">${escaped(group)}</a>`).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(info.title)}</h1>
<p>${escaped(info.description)}</p>
<p>The same for programs: <a href="/v1/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
${table('Any answer', Object.entries(common).map(answerRow))}<nav aria-label="Groups">${links}</nav>
${[...groups].map(([group, some]) => `<section id="${escaped(group)}">\n<h2>${escaped(group)}</h2>\n${some.map((entry) => article(entry, common)).join('')}</section>\n`).join('')}</main>
</body>
</html>
`;
}

/** What every operation may answer: told once. */
function commonOf(entries: readonly Entry[]): Readonly<Record<string, Answer>> {
  const [first, ...others] = entries.map(({ described }) => described.responses);
  const isCommon = ([status, answer]: [string, Answer]) => others.every((each) => each[status]?.description === answer.description);
  return Object.fromEntries(Object.entries(first ?? {}).filter(([status, answer]) => status !== '200' && isCommon([status, answer])));
}

function article({ method, path, described }: Entry, common: Readonly<Record<string, Answer>>): string {
  const { operationId, summary, parameters, requestBody, responses, security } = described;
  const body = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => sample(type, schema));
  const answers = Object.entries(responses).filter(([status]) => !Object.hasOwn(common, status));
  const token =
    security === undefined
      ? ''
      : `<p>${security.length === 1 ? 'Wants the server’s token.' : 'Wants a login, where the network has accounts.'}</p>\n`;
  return `<article id="${escaped(operationId)}">
<h3><code><span class="method">${method}</span> ${escaped(path)}</code></h3>
<p>${escaped(summary)}</p>
${token}${table('Parameter', parameters.map(parameterRow))}${body.join('')}${table('Answer', answers.map(answerRow))}</article>
`;
}

function table(head: string, rows: readonly string[]): string {
  if (rows.length === 0) return '';
  return `<table><thead><tr><th scope="col">${head}</th><th scope="col">What it is</th></tr></thead><tbody>\n${rows.join('')}</tbody></table>\n`;
}

function parameterRow({ name, in: where, required, schema }: Parameter): string {
  const description = 'description' in schema && typeof schema.description === 'string' ? ` ${schema.description}` : '';
  const told = `${where}, ${required ? 'required' : 'optional'}.${description}`;
  return `<tr><td><code>${escaped(name)}</code></td><td>${escaped(told)} <code>${escaped(outline(schema))}</code></td></tr>\n`;
}

function answerRow([status, { description, content = {} }]: [string, Answer]): string {
  const samples = Object.entries(content).map(([type, { schema }]) => (status === '200' ? sample(type, schema) : ''));
  return `<tr><td><code>${escaped(status)}</code></td><td>${escaped(description)}${samples.join('')}</td></tr>\n`;
}

function sample(type: string, schema: object): string {
  return `<p><code>${escaped(type)}</code></p><pre><code>${escaped(outline(schema))}</code></pre>\n`;
}

/** A schema in a few words: `{ items: [{ peer: text, port: 1 … 65535 }], next: text | null }`. */
export function outline(schema: object, indent = ''): string {
  const { type, const: value, enum: some, anyOf, items, properties, required, pattern, minimum, maximum, format } = schema as Outlined;
  if (value !== undefined) return JSON.stringify(value);
  if (some !== undefined) return some.map((each) => JSON.stringify(each)).join(' | ');
  if (anyOf !== undefined) return anyOf.map((each) => outline(each, indent)).join(' | ');
  switch (type) {
    case 'array':
      return `[${outline(items ?? {}, indent)} …]`;
    case 'object':
      return fields(properties ?? {}, new Set(required), indent);
    case 'string':
      return format ?? (pattern === undefined ? 'text' : `text like ${pattern}`);
    case 'integer':
    case 'number':
      return range(minimum, maximum);
    default:
      return type ?? 'anything';
  }
}

interface Outlined {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly object[];
  readonly items?: object;
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
}

function fields(properties: Readonly<Record<string, object>>, required: ReadonlySet<string>, indent: string): string {
  const deeper = `${indent}  `;
  const lines = Object.entries(properties).map(
    ([name, each]) => `${deeper}${name}${required.has(name) ? '' : '?'}: ${outline(each, deeper)}`,
  );
  return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${indent}}`;
}

function range(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum === undefined && maximum === undefined) return 'a number';
  if (maximum === undefined || maximum === Number.MAX_SAFE_INTEGER) return `a number from ${minimum}`;
  return `a number from ${minimum ?? 0} to ${maximum}`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
