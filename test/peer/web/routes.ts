import t from 'tap';
import { contentTarget, fileTarget, routeOf } from '../../../lib/peer/web/routes.ts';
import { rootOf } from '../../../lib/protocol/ids.ts';

const root = rootOf('ab'.repeat(32));

t.test('a target is the list, a file by its path, a content by its root, or nothing', async (t) => {
  t.same(routeOf('/'), { type: 'list', page: 1, as: undefined });
  t.same(routeOf('/?page=3'), { type: 'list', page: 3, as: undefined });
  t.same(routeOf('/?json'), { type: 'list', page: 1, as: 'json' });
  t.same(routeOf('/files/a.txt'), { type: 'file', path: 'a.txt' });
  t.same(routeOf('/files/a/b.txt?x=1'), { type: 'file', path: 'a/b.txt' });
  t.same(routeOf(`/content/${root}`), { type: 'content', root });
  const nothings = [
    '',
    '*',
    '/files',
    '/mesh',
    '/content',
    '/content/',
    `/content/${root}0`,
    `/content/${root.toUpperCase()}`,
    `/x/content/${root}`,
  ];
  for (const target of [...nothings, 'http://127.0.0.1/', '//files/a', '/__proto__']) t.same(routeOf(target), { type: 'nothing' }, target);
});

t.test('a page that is none is the first', async (t) => {
  for (const page of ['0', '-1', '1e3', 'x', '', '99999999999', '01']) t.match(routeOf(`/?page=${page}`), { page: 1 }, page);
});

t.test('percent signs are taken away once, and what stands for no text is nothing', async (t) => {
  t.same(routeOf('/files/100%25.txt'), { type: 'file', path: '100%.txt' });
  t.same(routeOf('/files/%252e%252e%252fx'), { type: 'file', path: '%2e%2e%2fx' });
  for (const target of ['/files/%', '/files/%zz', '/files/%ff', '/files/%c0%ae', '/files/%ed%a0%80'])
    t.same(routeOf(target), { type: 'nothing' }, target);
});

t.test('the target of a file leads back to its path', async (t) => {
  for (const path of ['a.txt', 'a b/c?d#e.txt', '100%.txt', 'käse & 日本 <b>\'".md', '%2e%2e%2fx', 'a+b;c=d']) {
    t.match(fileTarget(path), /^\/files\/[\x21-\x7e]+$/);
    t.same(routeOf(fileTarget(path)), { type: 'file', path });
  }
  t.same(routeOf(contentTarget(root)), { type: 'content', root });
});
