/**
 * What a peer shares, as JSON for programs and as a page for people, in slices: a hundred thousand files never stand in
 * one text, and the event loop goes round between two slices.
 *
 * The page is plain: a table, no script, one style that its policy names by its hash. Names are strangers' words: escaped,
 * and each in a direction of its own.
 */
import { hash } from 'node:crypto';
import { FILES_PER_PAGE, LISTED_AT_ONCE } from '../../config.ts';
import type { SharedFile } from '../../protocol/fields.ts';

/** Who shares what; `url` says where a file is found. */
export interface List {
  readonly name: string;
  readonly network: string;
  readonly files: readonly SharedFile[];
  readonly url: (file: SharedFile) => string;
}

/** One object, `{name, network, files: [{name, bytes, root, url}]}`, a file a line. */
export function* listAsJson({ name, network, files, url }: List): Generator<string, undefined, undefined> {
  yield `{"name":${JSON.stringify(name)},"network":${JSON.stringify(network)},"files":[`;
  for (const [index, slice] of slices(files)) {
    const lines = slice.map((file) => JSON.stringify({ name: file.name, bytes: file.bytes, root: file.root, url: url(file) }));
    yield `${index === 0 ? '' : ','}\n${lines.join(',\n')}`;
  }
  yield '\n]}\n';
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.25rem; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: start; padding-bottom: .5rem; }
th, td { padding: .4rem .75rem .4rem 0; text-align: start; vertical-align: top; border-bottom: 1px solid #8884; }
th { font-weight: 600; }
td:first-child { overflow-wrap: anywhere; }
th:last-child, td:last-child { text-align: end; padding-right: 0; white-space: nowrap; font-variant-numeric: tabular-nums; }
nav { display: flex; gap: 1.5rem; padding: 1rem 0; }
`;

/** The policy of the page: its own style, and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Page `wanted` of the list, counted from 1; beyond the end, the last. */
export function* listAsPage({ name, network, files, url }: List, wanted: number): Generator<string, undefined, undefined> {
  const pages = Math.max(1, Math.ceil(files.length / FILES_PER_PAGE));
  const page = Math.min(wanted, pages);
  const before = (page - 1) * FILES_PER_PAGE;
  const shown = files.slice(before, before + FILES_PER_PAGE);
  const title = `${name} in ${network}`;
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} – floodmesh</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<table>
<caption>${told(files.length, before, shown.length)}</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Bytes</th></tr></thead>
<tbody>
`;
  for (const [, slice] of slices(shown)) yield slice.map((file) => row(file, url(file))).join('');
  yield `</tbody>
</table>
${turning(page, pages)}</main>
</body>
</html>
`;
}

const count = new Intl.NumberFormat('en');

function row({ name, bytes }: SharedFile, url: string): string {
  return `<tr><td><a href="${escaped(url)}"><bdi>${escaped(name)}</bdi></a></td><td>${count.format(bytes)}</td></tr>\n`;
}

function told(all: number, before: number, shown: number): string {
  const files = `${count.format(all)} ${all === 1 ? 'file is' : 'files are'} shared`;
  return shown === all ? `${files}.` : `${files}; these are ${count.format(before + 1)} to ${count.format(before + shown)}.`;
}

function turning(page: number, pages: number): string {
  const links = [page > 1 ? `<a href="/?page=${page - 1}">Previous</a>` : '', page < pages ? `<a href="/?page=${page + 1}">Next</a>` : ''];
  return pages > 1 ? `<nav aria-label="Pages">${links.join('')}</nav>\n` : '';
}

function* slices(files: readonly SharedFile[]): Generator<readonly [number, readonly SharedFile[]], undefined, undefined> {
  for (let index = 0; index < files.length; index += LISTED_AT_ONCE) yield [index, files.slice(index, index + LISTED_AT_ONCE)];
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
