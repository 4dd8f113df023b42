import t from 'tap';
import { LINE_BYTES, LINES_WAITING } from '../../lib/config.ts';
import { EXIT, FloodmeshError } from '../../lib/errors.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import { Repl, type ReplOptions } from '../../lib/repl/repl.ts';
import { cancelled, DOWNLOADED, type FakeTerminal, fakeTerminal, type Script, scripted } from './scripted.ts';

interface Talk extends FakeTerminal {
  readonly script: Script;
  readonly repl: Repl;
  readonly code: Promise<number>;
}

/** A repl that runs at a terminal (or a pipe) with a scripted peer. */
function talk(isTTY: boolean, options: Partial<ReplOptions> = {}, script = scripted()): Talk {
  const terminal = fakeTerminal({ isTTY });
  const repl = new Repl(script.peer, { input: terminal.input, output: terminal.output, ...options });
  return { ...terminal, script, repl, code: repl.run() };
}

async function prompted(options: Partial<ReplOptions> = {}, script = scripted()): Promise<Talk> {
  const conversation = talk(true, options, script);
  await conversation.until('s5> ');
  return conversation;
}

/** Resolves when the peer was asked for `what`; the test's own time limit ends a vain wait. */
async function untilAsked({ asked }: Script, what: string): Promise<void> {
  while (!asked.includes(what)) await new Promise(setImmediate);
}

const DOWNLOAD_LINE = 'f1.txt  1.2 kB from s1 in 12 ms → Downloads/s5/f1.txt';
const link = { peer: peerId('peer-number1'), name: 's1' };

// --- a script ---------------------------------------------------------------------------------------------------------

t.test('lines from a pipe are answered in order, and at the end the peer leaves', async (t) => {
  const { input, code, written, script } = talk(false);
  input.end('f1\n\nTPO\nf1');
  t.equal(await code, EXIT.notFound);
  t.equal(
    written(),
    [
      's5 has joined on port 9004, referred to s1',
      DOWNLOAD_LINE,
      'TPO: nobody has it (9 peers asked)',
      'Did you mean TOPO?',
      DOWNLOAD_LINE,
      'You have left the network.',
      '',
    ].join('\n'),
  );
  t.same(script.asked, ['get f1', 'get TPO', 'get f1', 'leave']);
});

t.test('exec runs its commands and reads no input', async (t) => {
  const { code, script, written } = talk(true, { exec: 'f1; Leave; f1' });
  t.equal(await code, EXIT.done);
  t.same(script.asked, ['get f1', 'leave']);
  t.match(written(), DOWNLOAD_LINE);
});

t.test('the exit code is that of the first command that failed, and an error is two lines', async (t) => {
  const { code, written } = talk(false, { exec: 'gone; f9; get' });
  t.equal(await code, EXIT.unreachable);
  t.match(written(), 'every holder went away\nask again later\n');
});

t.test('a line that is too long is refused, from a pipe and in exec', async (t) => {
  const long = 'x'.repeat(LINE_BYTES + 1);
  const piped = talk(false);
  piped.input.end(`${long}\n`);
  t.equal(await piped.code, EXIT.usage);
  t.match(piped.written(), 'a line of more than 4 KiB is not read');
  t.equal(await talk(false, { exec: long }).code, EXIT.usage);
});

t.test('with json each event and each answer is one line, said once', async (t) => {
  const script = scripted();
  const { code, input, written } = talk(true, { json: true }, script);
  script.tell({ type: 'linkUp', ...link });
  script.tell({ type: 'shared', files: 1, pending: 0 });
  input.end('f1\nStop\n');
  t.equal(await code, EXIT.done);
  const lines = written().trimEnd().split('\n');
  t.same(
    lines.map((line) => JSON.parse(line).type),
    ['joined', 'linkUp', 'shared', 'found', 'downloaded', 'stopped'],
  );
  t.same(JSON.parse(lines[5] ?? ''), { type: 'stopped', by: 'this peer' });
});

t.test('an interrupted script gives up its command, leaves, and says so by its code', async (t) => {
  const { input, repl, code, script } = talk(false);
  input.write('slow\n');
  await untilAsked(script, 'get slow');
  repl.interrupt();
  t.equal(await code, EXIT.interrupted);
  t.equal(script.asked.at(-1), 'leave');
});

t.test('an interrupt while joining gives up joining', async (t) => {
  const script = scripted({ start: (signal) => cancelled(signal) });
  const { repl, code } = talk(false, {}, script);
  repl.interrupt();
  await t.rejects(code, { code: 'CANCELLED' });
});

t.test('a refused join is for the caller to handle', async (t) => {
  const script = scripted({ start: () => Promise.reject(new FloodmeshError('NAME_TAKEN', 's5 is taken')) });
  await t.rejects(talk(false, {}, script).code, { code: 'NAME_TAKEN' });
});

t.test('a reader that goes away ends the conversation', async (t) => {
  const { output, code, script } = talk(false);
  output.destroy(new Error('EPIPE'));
  await code;
  t.same(script.asked, ['leave']);
});

t.test('a peer that cannot leave in good order is said, and the end is still awaited', async (t) => {
  const script = scripted({
    async leave() {
      script.end('left');
      throw new FloodmeshError('TIMED_OUT', 'the server did not answer');
    },
  });
  const { code, written } = talk(false, { exec: 'list' }, script);
  await code;
  t.match(written(), 'the server did not answer');
});

t.test('errors that the peer tells unasked are said', async (t) => {
  const script = scripted();
  const { code, input, written } = talk(false, {}, script);
  script.tell({ type: 'error', code: 'FOLDER_UNUSABLE', message: 'files/s5 is gone' });
  input.end();
  await code;
  t.match(written(), 'files/s5 is gone');
});

// --- a terminal -------------------------------------------------------------------------------------------------------

t.test('a typed name is fetched, and the prompt comes back', async (t) => {
  const { type, until, code } = await prompted();
  type('f1\r');
  await until(DOWNLOAD_LINE);
  type('leave\r');
  await until('You have left the network.');
  t.equal(await code, EXIT.done);
});

t.test('what is typed stays when output comes, also over the end of a row', async (t) => {
  const { type, until, written, script, code } = await prompted();
  type('half a '.repeat(15));
  await until('half a half a ');
  script.tell({ type: 'linkDown', ...link, cause: 'crashed' });
  await until('s1 is gone (crashed)');
  t.match(written().slice(written().indexOf('crashed')), /crashed\)\n\n\u001b[\s\S]*s5> half a half a/);
  type('\x15\x03');
  await code;
});

t.test('Ctrl-D leaves', async (t) => {
  const { type, code, script } = await prompted();
  type('\x04');
  t.equal(await code, EXIT.done);
  t.same(script.asked, ['leave']);
});

t.test('Ctrl-C ends the running command and what waits behind it, and the next one leaves', async (t) => {
  const { type, until, code, script } = await prompted();
  type('slow\rf1\rf1\r');
  await untilAsked(script, 'get slow');
  type('\x03');
  await until('2 waiting lines dropped');
  await until('cancelled');
  type('\x03');
  t.equal(await code, EXIT.done);
  t.same(script.asked, ['get slow', 'leave']);
});

t.test('a second Ctrl-C while leaving ends at once', async (t) => {
  const script = scripted({ leave: () => new Promise(() => {}) });
  const { type, code } = await prompted({}, script);
  type('\x03');
  type('\x03');
  t.equal(await code, EXIT.interrupted);
});

t.test('lines typed while a command runs wait their turn', async (t) => {
  const first = Promise.withResolvers<void>();
  const script = scripted({
    async get(name) {
      script.asked.push(name);
      if (name === 'first') await first.promise;
      return { type: 'downloaded', ...DOWNLOADED, name };
    },
  });
  const { type, until, code } = await prompted({}, script);
  type('first\r');
  type('second\r');
  await untilAsked(script, 'first');
  t.same(script.asked, ['first']);
  first.resolve();
  await until('second  1.2 kB');
  t.same(script.asked, ['first', 'second']);
  type('\x04');
  await code;
});

t.test('progress stands above the prompt once it is worth it, and goes away', async (t) => {
  let clock = 0;
  const done = Promise.withResolvers<void>();
  const progress = { type: 'progress', name: 'film.mp4', bytes: 100, rate: 10 } as const;
  const script = scripted({
    async get() {
      script.tell({ ...progress, verified: 1 });
      clock = 1000;
      script.tell({ ...progress, verified: 50 });
      await done.promise;
      return { type: 'downloaded', ...DOWNLOADED };
    },
  });
  const { type, until, written, code } = await prompted({ now: () => clock }, script);
  type('film\r');
  await until('50 B of 100 B');
  t.notMatch(written(), '1 B of 100 B');
  type('typed meanwhile\r');
  await until('typed meanwhile');
  done.resolve();
  await until(DOWNLOAD_LINE);
  type('\x04');
  await code;
  t.notMatch(written().slice(written().indexOf(DOWNLOAD_LINE)), 'film.mp4');
});

t.test('Stop by another peer is said, ends the running command quietly, and is no failure', async (t) => {
  const { type, until, code, script, written } = await prompted();
  type('slow\r');
  await untilAsked(script, 'get slow');
  script.end('stopped');
  await until('The network was stopped by another peer.');
  t.equal(await code, EXIT.done);
  t.notMatch(written(), 'abort');
  t.notOk(script.asked.includes('leave'));
});

t.test('a megabyte in one line is refused at once, and the prompt is as before', async (t) => {
  const { type, until, code, script } = await prompted();
  type('x'.repeat(1_000_000));
  await until('a line of more than 4 KiB is not read');
  type('\r');
  type('f1\r');
  await until(DOWNLOAD_LINE);
  t.same(script.asked, ['get f1']);
  type('\x04');
  await code;
});

t.test('more lines than may wait are refused', async (t) => {
  const { type, until, code, script } = await prompted();
  type('slow\r');
  await untilAsked(script, 'get slow');
  type('f1\r'.repeat(LINES_WAITING + 1));
  await until(`more than ${LINES_WAITING} lines are waiting`);
  type('\x03');
  await until('cancelled');
  type('\x03');
  t.equal(await code, EXIT.done);
});

t.test('history is loaded, grows, and is kept, oldest first', async (t) => {
  const kept: string[][] = [];
  const { type, until, code, script } = await prompted({ loadHistory: () => ['older', 'f1'], saveHistory: (lines) => kept.push(lines) });
  type('\x1b[A\r');
  await until(DOWNLOAD_LINE);
  t.same(script.asked, ['get f1']);
  type('list\r');
  await until('1 file (4 peers asked)');
  t.same(kept.at(-1), ['older', 'f1', 'list']);
  type('\x04');
  await code;
});

t.test('Tab completes commands, and names that were seen', async (t) => {
  const { type, until, code, script } = await prompted();
  type('lis\t');
  await until('list');
  type('\r');
  await until('1 file (4 peers asked)');
  type('get f\t');
  await until('get f1.txt');
  type('\x15\x04');
  await code;
  t.same(script.asked, ['search ', 'leave']);
});

t.test('neighbours that come together are one line', async (t) => {
  const { until, code, script, type } = await prompted();
  script.tell({ type: 'linkUp', ...link });
  script.tell({ type: 'linkUp', ...link, name: 's2' });
  await until('s1 and s2 are now your neighbours');
  type('\x04');
  t.equal(await code, EXIT.done);
});
