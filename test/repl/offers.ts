import t from 'tap';
import { rootOf } from '../../lib/protocol/ids.ts';
import { grouped, meant, offerLines } from '../../lib/repl/offers.ts';

const A = rootOf('a1'.repeat(32));
const B = rootOf('b2'.repeat(32));
const found = (name: string, hash: typeof A, peer: string, bytes = 12) => ({ name, bytes, hash, peer });

t.test('a name may be followed by the number or the hash of the content that is meant', async (t) => {
  t.same(meant('f1'), { name: 'f1' });
  t.same(meant('f1 #2'), { name: 'f1', choice: { number: 2 } });
  t.same(meant('my file.txt  #12'), { name: 'my file.txt', choice: { number: 12 } });
  t.same(meant('f1 --hash 3FA9'), { name: 'f1', choice: { hash: '3fa9' } });
  t.same(meant('f1 --hash=3fa9'), { name: 'f1', choice: { hash: '3fa9' } });
});

t.test('a whole hash needs no name', async (t) => {
  t.same(meant(`--hash ${A}`), { name: A, choice: { hash: A } });
});

t.test('quotes keep a name that looks like a choice', async (t) => {
  t.same(meant('"song #2"'), { name: 'song #2' });
  t.same(meant('"song #2" #3'), { name: 'song #2', choice: { number: 3 } });
});

t.test('what is no choice belongs to the name', async (t) => {
  for (const name of ['#2', 'f1#2', 'f1 #', 'f1 #x', 'f1 --hash', 'f1 --hash xyz', 'a #1 b', 'C# 2']) t.same(meant(name), { name });
});

t.test('equal contents of one name are one line, those with most holders first, and nobody is named twice', async (t) => {
  const all = [found('g', A, 's9'), found('f', A, 's1'), found('f', B, 's2'), found('f', B, 's3'), found('f', B, 's3')];
  t.same(
    grouped(all).map(({ name, hash, peers }) => [name, hash, peers]),
    [
      ['f', B, ['s2', 's3']],
      ['f', A, ['s1']],
      ['g', A, ['s9']],
    ],
  );
});

t.test(
  'contents of one name have numbers, the start of their hash, and their holders; a name with one content has no number',
  async (t) => {
    t.same(offerLines(grouped([found('f', A, 's1'), found('f', B, 's2'), found('g', A, 's1'), found('g', A, 's2')])), [
      `${'f #1'.padEnd(32)}      12 B  a1a1a1a1  s1`,
      `${'f #2'.padEnd(32)}      12 B  b2b2b2b2  s2`,
      `${'g'.padEnd(32)}      12 B  a1a1a1a1  s1, s2`,
    ]);
  },
);

t.test('a folder is as large as what it holds, and says how many files these are', async (t) => {
  const folder = { ...found('photos/', A, 's1', 400), holds: { files: 3, bytes: 2_000_000 } };
  t.same(offerLines(grouped([folder])), [`${'photos/'.padEnd(32)}    2.0 MB  a1a1a1a1  s1, 3 files`]);
});

t.test('names from others are shown without their control characters', async (t) => {
  t.match(offerLines(grouped([found('a\u202eb', A, 's\x1b')])).join(''), /a\\u\{202e\}b.*s\\x1b/);
});

t.test('a document is shown with its number and its title, whatever is in them', async (t) => {
  const document = { ...found('959.txt', A, 's1'), number: '959', title: 'FTP\u202e' };
  const lines = offerLines(grouped([document]));
  t.match(lines, [/s1 {2}no\. 959: FTP\\u\{202e\}$/]);
  t.match(offerLines(grouped([{ ...found('a', A, 's1'), title: 'only a title' }])), [/s1 {2}only a title$/]);
});
