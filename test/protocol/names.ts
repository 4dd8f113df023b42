import fc from 'fast-check';
import t from 'tap';
import {
  FILE_NAME_BYTES,
  fileNameFault,
  folded,
  lastName,
  PEER_NAME_LENGTH,
  pathFault,
  peerNameFault,
  shown,
  stem,
} from '../../lib/protocol/names.ts';
import { hostileNames } from './samples.ts';

t.test('no hostile name may be a file', async (t) => {
  for (const name of hostileNames) t.type(fileNameFault(name), 'string', shown(name));
});

t.test('no hostile name may be a peer', async (t) => {
  for (const name of [...hostileNames, '__proto__', '$(reboot)', '`id`', '<b>', "a'b", 'x'.repeat(PEER_NAME_LENGTH + 1)])
    t.type(peerNameFault(name), 'string', shown(name));
});

t.test('ordinary names of any script are files', async (t) => {
  const ordinary = [
    'f1.txt',
    'a b.txt',
    'käse.txt',
    'план.pdf',
    '日本語',
    'a..b',
    '100%.txt',
    'a%2b',
    '__proto__',
    'constructor',
    '$(id)',
    'console',
  ];
  for (const name of [...ordinary, 'common.txt', 'f1 (2).txt', '👍.png']) t.equal(fileNameFault(name), undefined, name);
});

t.test('ordinary names of any script are peers', async (t) => {
  for (const name of ['s1', 'S1', 'anna-lena', 'Ωmega', '名前', 'a.b_c', '7', 'x'.repeat(PEER_NAME_LENGTH)])
    t.equal(peerNameFault(name), undefined, name);
});

t.test('a file name has at most 240 bytes, however many characters that is', async (t) => {
  t.equal(fileNameFault('x'.repeat(FILE_NAME_BYTES)), undefined);
  t.match(fileNameFault('x'.repeat(FILE_NAME_BYTES + 1)), /longer than 240 bytes/);
  t.equal(fileNameFault('é'.repeat(FILE_NAME_BYTES / 2)), undefined);
  t.match(fileNameFault('é'.repeat(FILE_NAME_BYTES / 2 + 1)), /longer than 240 bytes/);
});

t.test('each fault says what is wrong', async (t) => {
  t.equal(fileNameFault(''), 'it is empty');
  t.equal(fileNameFault('a\u200bb'), 'it has a control or invisible character');
  t.equal(fileNameFault('cafe\u0301'), 'it is not in the composed form (NFC)');
  t.equal(fileNameFault('a/b'), 'it has a slash, a backslash or a colon');
  t.equal(fileNameFault('.a'), 'it begins with a dot, a dash or a space');
  t.equal(fileNameFault('a.'), 'it ends with a dot or a space');
  t.equal(fileNameFault('aux.c'), 'it is a device on some systems');
  t.equal(fileNameFault('a%2fb'), 'it hides a path behind percent signs');
  t.match(peerNameFault('a/b'), /^a name is 1 to 32 letters/);
  t.equal(peerNameFault('con'), 'it is a device on some systems', 'a peer has a folder');
});

t.test('percent signs are looked behind three times, as deep as anybody has been seen to hide', async (t) => {
  t.type(fileNameFault('a%25252fb'), 'string');
  t.equal(fileNameFault('a%2525252525b'), undefined);
});

t.test('a clean file name is one path segment that stays in its folder, whatever was tried', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (name) => {
      if (fileNameFault(name) !== undefined) return true;
      return !/[/\\\0]/.test(name) && name !== '.' && name !== '..' && name === name.normalize('NFC') && name === shown(name);
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

t.test('a path is clean names with slashes between them, and one at its end when it is a folder', async (t) => {
  for (const path of ['f1.txt', 'a/b c/d.txt', 'a/b/', 'photos/', '語/я.txt']) t.equal(pathFault(path), undefined, path);
  for (const name of hostileNames) {
    if (name === 'a/b' || name === '') continue;
    for (const path of [name, `a/${name}`, `${name}/a`, `a/${name}/b`, `a/${name}/`]) t.type(pathFault(path), 'string', shown(path));
  }
  for (const path of ['/', '//', 'a//', 'a//b', '/a', './a', 'a/..', '../a', 'a/./b']) t.type(pathFault(path), 'string', path);
});

t.test('a path has an end: in bytes, and in names', async (t) => {
  t.equal(pathFault(Array(32).fill('x').join('/')), undefined);
  t.match(pathFault(Array(33).fill('x').join('/')), /more than 32/);
  t.equal(pathFault(Array(5).fill('x'.repeat(204)).join('/')), undefined, '1,024 bytes');
  t.match(pathFault(`${Array(5).fill('x'.repeat(204)).join('/')}x`), /longer than 1024/);
});

t.test('the last name of a path is what people call it', async (t) => {
  t.same(['f1.txt', 'a/b.txt', 'a/b/', 'photos/'].map(lastName), ['f1.txt', 'b.txt', 'b', 'photos']);
  t.same(['texts.d/f1.txt', 'texts.d/f1', 'a.b/f.1.txt'].map(stem), ['f1', 'f1', 'f.1']);
});

t.test('names of peers and networks are compared without case and in one form', async (t) => {
  t.equal(folded('S1'), folded('s1'));
  t.equal(folded('Café'), folded('cafe\u0301'));
  t.equal(folded('ｓ１'), 's1', 'full-width twins');
  t.not(folded('s1'), folded('s2'));
});

t.test('a stem is the name without its last ending', async (t) => {
  t.same(['f1.txt', 'a.tar.gz', 'f1', '.rc', 'a.'].map(stem), ['f1', 'a.tar', 'f1', '.rc', 'a']);
});

t.test('text is shown with controls and direction changes escaped', async (t) => {
  t.equal(shown('a\x1b[31m\nb'), 'a\\x1b[31m\\x0ab');
  t.equal(shown('txt.\u202egpj'), 'txt.\\u{202e}gpj');
  t.equal(shown('a\u{e0041}b\ud800'), 'a\\u{e0041}b\\u{d800}');
  t.equal(shown('日本 👍 é'), '日本 👍 é', 'and nothing else is touched');
});

t.test('no control byte survives being shown', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u.test(shown(text))));
  t.pass();
});
