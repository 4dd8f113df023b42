import { createHash } from 'node:crypto';
import t from 'tap';
import type { OpenApi } from '../../../lib/server/http/document.ts';
import { outline, READER_POLICY, readerOf } from '../../../lib/server/http/reader.ts';
import { House } from './cast.ts';

t.test('the page shows every operation, loads nothing, and its policy allows its own style alone', async (t) => {
  const app = await new House().app(t);
  const [{ body, headers }, { paths }] = [
    await app.inject({ url: '/v1/docs' }),
    (await app.inject({ url: '/v1/openapi.json' })).json() as OpenApi,
  ];
  for (const path of Object.keys(paths)) t.ok(body.includes(path), path);
  t.notMatch(body, /<(script|img|link|iframe|form)|https?:|\s(src|on\w+|style)=/i);
  t.equal(body.match(/A foreign Host or Origin/g)?.length, 1, 'what is true of all is told once');
  const style = /<style>([\s\S]*?)<\/style>/.exec(body)?.[1] ?? '';
  t.match(READER_POLICY, `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  t.equal(headers['content-security-policy'], READER_POLICY);
  t.match((await app.inject({ url: '/' })).headers, { location: '/v1/docs' });
});

t.test('markup in the document is shown as text', async (t) => {
  const evil = `<script>alert('1')</script>"&`;
  const described = { operationId: evil, tags: [evil], summary: evil, parameters: [], responses: { 200: { description: evil } } };
  const other = { ...described, operationId: 'other', responses: { 200: { description: 'Something else.' } } };
  const page = readerOf({
    openapi: '3.1.0',
    info: { title: evil, version: '1', description: evil },
    paths: { [evil]: { get: described, post: other } },
    components: {},
  });
  t.notMatch(page, '<script');
  t.match(page, '&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;');
});

t.test('a schema is told in a few words', async (t) => {
  const told: [object, string][] = [
    [{}, 'anything'],
    [{ const: 'a' }, '"a"'],
    [{ enum: ['a', 'b'] }, '"a" | "b"'],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 'text | null'],
    [{ type: 'boolean' }, 'boolean'],
    [{ type: 'string', format: 'date-time' }, 'date-time'],
    [{ type: 'string', pattern: '^a$' }, 'text like ^a$'],
    [{ type: 'integer' }, 'a number'],
    [{ type: 'integer', minimum: 1 }, 'a number from 1'],
    [{ type: 'integer', minimum: 1, maximum: 5 }, 'a number from 1 to 5'],
    [{ type: 'integer', maximum: 5 }, 'a number from 0 to 5'],
    [{ type: 'array' }, '[anything …]'],
    [{ type: 'object' }, '{}'],
    [{ type: 'object', properties: { a: { type: 'string' }, b: {} }, required: ['a'] }, '{\n  a: text\n  b?: anything\n}'],
  ];
  for (const [schema, words] of told) t.equal(outline(schema), words);
});
