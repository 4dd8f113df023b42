import { parse } from 'content-disposition';
import t from 'tap';
import { labelled } from '../../../lib/peer/web/labels.ts';

t.test('pictures, sound, films and plain text are shown, and may run nothing', async (t) => {
  const types: readonly (readonly [name: string, type: string])[] = [
    ['a.txt', 'text/plain; charset=utf-8'],
    ['a.png', 'image/png'],
    ['a.JPG', 'image/jpeg'],
    ['a.mp4', 'video/mp4'],
    ['a.webm', 'video/webm'],
    ['a.mp3', 'audio/mpeg'],
  ];
  for (const [name, type] of types) {
    const headers = labelled(name);
    t.match(headers, { 'content-type': type, 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' }, name);
    t.match(headers['content-disposition'], /^inline; /, name);
    t.match(headers['content-security-policy'], /^default-src 'none'; /, name);
    t.notMatch(headers['content-security-policy'], /script|unsafe-eval|\*/, name);
  }
});

t.test('whatever could be a page of ours is for saving, and in a sandbox', async (t) => {
  const names = [
    'a.html',
    'a.htm',
    'a.xhtml',
    'a.svg',
    'a.svgz',
    'a.xml',
    'a.xsl',
    'a.js',
    'a.mjs',
    'a.css',
    'a.pdf',
    'a.json',
    'a.mht',
    'a.swf',
    'a',
    '.txt.html',
    'a.nosuchtype',
    'html',
  ];
  for (const name of names) {
    const headers = labelled(name);
    t.match(headers['content-disposition'], /^attachment; /, name);
    t.match(headers['content-security-policy'], /default-src 'none'.* sandbox$/, name);
    t.equal(headers['x-content-type-options'], 'nosniff', name);
  }
  t.equal(labelled('a')['content-type'], 'application/octet-stream');
  t.equal(labelled('a.html')['content-type'], 'text/html; charset=utf-8');
});

t.test('a file is saved under its last name, whatever is in it', async (t) => {
  for (const name of ['a.txt', 'käse 日本.md', 'a"b\\c;d=e.txt', "it's 100%25.txt", '<b>.txt']) {
    const header = labelled(`deep/er/${name}`)['content-disposition'] ?? '';
    t.match(header, /^[\x20-\x7e\xa0-\xff]+$/, 'it can stand in a header');
    t.equal(parse(header).parameters.filename, name);
  }
});
