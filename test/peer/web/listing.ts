import t from 'tap';
import { FILES_PER_PAGE } from '../../../lib/config.ts';
import { type List, listAsJson, listAsPage, PAGE_POLICY } from '../../../lib/peer/web/listing.ts';
import { fileTarget } from '../../../lib/peer/web/routes.ts';
import { rootOf } from '../../../lib/protocol/ids.ts';

const root = rootOf('ab'.repeat(32));

function listOf(...names: string[]): List {
  return { name: 's1', network: 'p2p', files: names.map((name) => ({ name, bytes: 1_234, root })), url: ({ name }) => fileTarget(name) };
}

const many = (count: number) => listOf(...Array.from({ length: count }, (_, index) => `file ${index}.txt`));
const page = (list: List, number = 1) => [...listAsPage(list, number)].join('');
const json = (list: List) => JSON.parse([...listAsJson(list)].join(''));

t.test('as JSON it is one object, in slices', async (t) => {
  t.same(json(listOf()), { name: 's1', network: 'p2p', files: [] });
  t.same(json(listOf('a "b".txt')).files, [{ name: 'a "b".txt', bytes: 1_234, root, url: '/files/a%20%22b%22.txt' }]);
  t.equal(json(many(1_001)).files.length, 1_001);
});

t.test('of a hundred thousand files no slice is long', async (t) => {
  const slices = [...listAsJson(many(100_000))];
  t.ok(slices.every((slice) => slice.length < 256 * 1024));
  t.equal(JSON.parse(slices.join('')).files.length, 100_000);
  t.ok([...listAsPage(many(100_000), 50)].every((slice) => slice.length < 256 * 1024));
});

t.test('the page is a table with a caption, and says how many files there are', async (t) => {
  t.match(page(listOf()), '<caption>0 files are shared.</caption>');
  const one = page(listOf('a.txt'));
  t.match(one, '<caption>1 file is shared.</caption>');
  t.match(one, '<a href="/files/a.txt"><bdi>a.txt</bdi></a></td><td>1,234</td>');
  t.match(one, '<th scope="col">Name</th>');
  t.match(one, '<html lang="en">');
  t.notMatch(one, '<nav');
});

t.test('markup in a name is text', async (t) => {
  const shown = page({ ...listOf(`<script>'"&amp;.txt`), name: '<b>', network: '"><i>' });
  t.notMatch(shown, /<script|<b>|<i>/);
  t.match(shown, '&lt;script&gt;&#39;&quot;&amp;amp;.txt');
});

t.test('the page runs nothing, and its policy knows its style', async (t) => {
  const shown = page(many(3));
  t.notMatch(shown, /<script|javascript:|\son\w+=|style=/i);
  const style = /<style>([\s\S]*?)<\/style>/.exec(shown)?.[1] ?? '';
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(style))).toString('base64');
  t.match(PAGE_POLICY, `style-src 'sha256-${digest}'`);
  t.match(PAGE_POLICY, "default-src 'none'");
});

t.test('a long list has pages', async (t) => {
  const list = many(2 * FILES_PER_PAGE + 1);
  const rows = (text: string) => text.split('<tr><td>').length - 1;
  t.same(
    [1, 2, 3, 4].map((number) => rows(page(list, number))),
    [FILES_PER_PAGE, FILES_PER_PAGE, 1, 1],
  );
  t.equal(page(list, 999_999), page(list, 3), 'beyond the end, the last');
  t.match(page(list), '2,001 files are shared; these are 1 to 1,000.');
  t.match(page(list), /<nav aria-label="Pages"><a href="\/\?page=2">Next<\/a><\/nav>/);
  t.match(page(list, 2), '<a href="/?page=1">Previous</a><a href="/?page=3">Next</a>');
  t.match(page(list, 3), /<nav aria-label="Pages"><a href="\/\?page=2">Previous<\/a><\/nav>/);
});
