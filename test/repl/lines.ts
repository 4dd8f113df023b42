import { Readable } from 'node:stream';
import t from 'tap';
import { LINE_BYTES, LINES_WAITING } from '../../lib/config.ts';
import { commandsOf, type Line, LineQueue, linesOf, TOO_LONG } from '../../lib/repl/lines.ts';

async function read(...chunks: (string | Buffer)[]): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of linesOf(Readable.from(chunks))) lines.push(line);
  return lines;
}

t.test('lines come whole, however they were cut on their way', async (t) => {
  t.same(await read('f1\nTO', 'PO\r\nlast'), ['f1', 'TOPO', 'last']);
  const name = Buffer.from('東\n');
  t.same(await read(name.subarray(0, 1), name.subarray(1)), ['東']);
  t.same(await read(''), []);
});

t.test('a line that is too long is told as such, and the next one is read', async (t) => {
  const long = 'x'.repeat(LINE_BYTES + 1);
  t.same(await read(`${long}\nf1\n`), [TOO_LONG, 'f1']);
  t.same(await read(long, long, '\nf1\n', long), [TOO_LONG, 'f1', TOO_LONG]);
  t.same(await read('x'.repeat(LINE_BYTES)), ['x'.repeat(LINE_BYTES)]);
});

t.test('exec is split at semicolons, except in quotes', async (t) => {
  t.same(commandsOf('f1; TOPO ;Leave'), ['f1', 'TOPO', 'Leave']);
  t.same(commandsOf('"a;b.txt"; get \'c;d\''), ['"a;b.txt"', "get 'c;d'"]);
  t.same(commandsOf("don't panic.txt; it's"), ["don't panic.txt", "it's"]);
  t.same(commandsOf(' ;; '), []);
});

t.test('a queue hands out lines in order, also to whoever came first', async (t) => {
  const queue = new LineQueue();
  const early = queue.next();
  t.ok(queue.push('one'));
  t.ok(queue.push('two'));
  t.same([(await early).value, (await queue.next()).value], ['one', 'two']);
});

t.test('a queue has an end, and can be emptied', async (t) => {
  const queue = new LineQueue();
  for (let line = 0; line < LINES_WAITING; line++) queue.push(String(line));
  t.equal(queue.push('one too many'), false);
  t.equal(queue.drop(), LINES_WAITING);
  t.ok(queue.push('again'));
});
