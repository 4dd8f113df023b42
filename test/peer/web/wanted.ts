import t from 'tap';
import type { Headers } from '../../../lib/net/transport.ts';
import { type Wanted, wantedOf } from '../../../lib/peer/web/wanted.ts';
import { allowed } from '../../suites/patience.ts';

const TAG = '"root"';
const whole: Wanted = { type: 'whole' };
const beyond: Wanted = { type: 'beyond' };
const part = (start: number, end: number): Wanted => ({ type: 'part', start, end });
const of = (headers: Headers, bytes = 10, method = 'GET') => wantedOf(method, headers, TAG, bytes);

t.test('one range is a part', async (t) => {
  const ranges: readonly (readonly [range: string, wanted: Wanted])[] = [
    ['bytes=0-', part(0, 10)],
    ['bytes=0-0', part(0, 1)],
    ['bytes=3-5', part(3, 6)],
    ['bytes=3-99', part(3, 10)],
    ['bytes=9-', part(9, 10)],
    ['bytes=-1', part(9, 10)],
    ['bytes=-10', part(0, 10)],
    ['bytes=-99', part(0, 10)],
    ['Bytes= 3-5 ', part(3, 6)],
    [`bytes=0-${'9'.repeat(400)}`, part(0, 10)],
  ];
  for (const [range, wanted] of ranges) t.same(of({ range }), wanted, range);
});

t.test('a range without bytes in it is beyond', async (t) => {
  for (const range of ['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=5-2', `bytes=${'9'.repeat(400)}-`])
    t.same(of({ range }), beyond, range);
});

t.test('what is no single range gets the whole', async (t) => {
  const strange = [
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=x-y',
    'bytes=1',
    'bytes=-1-2',
    'bytes=1.5-2',
    'bytes=0x1-2',
    'bytes=1e0-2',
    'items=0-1',
    'bytes=0-0,2-2',
  ];
  for (const range of strange) t.same(of({ range }), whole, range);
});

t.test('ten thousand ranges cost no more than one', async (t) => {
  const range = `bytes=${Array.from({ length: 10_000 }, (_, index) => `${index}-${index}`).join(',')}`;
  const began = performance.now();
  for (let round = 0; round < 1_000; round++) of({ range });
  t.ok(performance.now() - began < allowed(2_000));
  t.same(of({ range }), whole);
});

t.test('an empty file has no ranges, and a HEAD asks for none', async (t) => {
  for (const range of ['bytes=0-', 'bytes=-1', 'bytes=5-']) t.same(of({ range }, 0), whole, range);
  t.same(of({ range: 'bytes=3-5' }, 10, 'HEAD'), whole);
});

t.test('a range counts only for the content that it was begun with', async (t) => {
  t.same(of({ range: 'bytes=3-', 'if-range': TAG }), part(3, 10));
  for (const other of ['"other"', `W/${TAG}`, 'root', 'Sat, 21 Nov 2026 00:00:00 GMT'])
    t.same(of({ range: 'bytes=3-', 'if-range': other }), whole, other);
});

t.test('who has the content already is told so', async (t) => {
  for (const tags of [TAG, `W/${TAG}`, `"other", ${TAG}`, `"a",W/${TAG}`, '*']) {
    t.same(of({ 'if-none-match': tags }), { type: 'same' }, tags);
    t.same(of({ 'if-none-match': tags, range: 'bytes=0-1' }, 10, 'HEAD'), { type: 'same' }, tags);
  }
  for (const tags of ['"other"', 'root', '""', '']) t.same(of({ 'if-none-match': tags }), whole, tags);
});

t.test('who wants another content than is there is told so', async (t) => {
  t.same(of({ 'if-match': '"other"', range: 'bytes=0-1' }), { type: 'other' });
  t.same(of({ 'if-match': `W/${TAG}` }), { type: 'other' }, 'which takes a strong tag');
  t.same(of({ 'if-match': `"other", ${TAG}` }), whole);
  t.same(of({ 'if-match': '*' }), whole);
});
