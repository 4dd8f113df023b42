import t from 'tap';
import { LINE_BYTES, LINES_WAITING } from '../../lib/config.ts';
import { EXIT, FloodmeshError } from '../../lib/errors.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import { Repl, type ReplOptions } from '../../lib/repl/repl.ts';
import { cancelled, DOWNLOADED, type FakeTerminal, fakeTerminal, RUNNING, type Script, scripted } from './scripted.ts';

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

t.test('a logout that is refused ends nothing; one that is not ends the peer', async (t) => {
  let refused = true;
  const script = scripted({
    async logout() {
      if (refused) throw new FloodmeshError('NO_ACCOUNTS', 'no account');
      await script.peer.leave();
    },
  });
  const { code, written } = talk(false, { exec: 'logout; f1' }, script);
  t.equal(await code, EXIT.refused);
  t.match(written(), `no account\n${DOWNLOAD_LINE}`);
  refused = false;
  const again = talk(false, { exec: 'logout; f1' }, script);
  await again.code;
  t.notMatch(again.written(), DOWNLOAD_LINE);
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

/** A peer that takes its time to answer TOPO. */
function thoughtful(changes: Parameters<typeof scripted>[0] = {}): Script {
  const script = scripted({
    // biome-ignore lint/correctness/useYield: nothing comes of it
    async *survey(signal) {
      script.asked.push('TOPO');
      return await cancelled(signal);
    },
    ...changes,
  });
  return script;
}

t.test('Ctrl-C ends the running command and what waits behind it, and the next one leaves', async (t) => {
  const { type, until, code, script } = await prompted({}, thoughtful());
  type('TOPO\rf1\rf1\r');
  await untilAsked(script, 'TOPO');
  type('\x03');
  await until('2 waiting lines dropped');
  await until('cancelled');
  type('\x03');
  t.equal(await code, EXIT.done);
  t.same(script.asked, ['TOPO', 'leave']);
});

t.test('Ctrl-C gives up what is being fetched, says that it is kept, and the next one leaves', async (t) => {
  const script: Script = scripted({ transfers: () => (script.asked.length < 2 ? [RUNNING, RUNNING] : []) });
  const { type, until, written, code } = await prompted({}, script);
  type('slow\r');
  await untilAsked(script, 'get slow');
  type('\x03');
  await until('2 downloads are cancelled; what came is kept');
  type('\x03');
  t.equal(await code, EXIT.done);
  t.same(script.asked, ['get slow', 'leave']);
  t.notMatch(written(), /\ncancelled/);
});

t.test('who leaves in the middle of a download is told that what came is kept', async (t) => {
  const { type, code, written, script } = await prompted({}, scripted({ transfers: () => [RUNNING] }));
  type('slow\r');
  await untilAsked(script, 'get slow');
  type('Leave\r');
  t.equal(await code, EXIT.done);
  t.match(written(), '1 download under way: what came is kept; join with --resume to go on');
});

t.test('a second Ctrl-C while leaving ends at once', async (t) => {
  const script = scripted({ leave: () => new Promise(() => {}) });
  const { type, code } = await prompted({}, script);
  type('\x03');
  type('\x03');
  t.equal(await code, EXIT.interrupted);
});

t.test('lines typed while a command runs wait their turn', async (t) => {
  const first = Promise.withResolvers<never[]>();
  const script = thoughtful({
    async *survey() {
      script.asked.push('TOPO');
      yield await first.promise;
      return undefined;
    },
  });
  const { type, until, code } = await prompted({}, script);
  type('TOPO\r');
  type('list\r');
  await untilAsked(script, 'TOPO');
  t.same(script.asked, ['TOPO']);
  first.resolve([]);
  await until('1 file (4 peers asked)');
  t.same(script.asked, ['TOPO', 'search ']);
  type('\x04');
  await code;
});

t.test('a download does not hold up the prompt: what is typed next is answered meanwhile', async (t) => {
  const { type, until, code, script } = await prompted();
  type('slow\rgone\rf1\rlist\r');
  await until('every holder went away');
  await until(DOWNLOAD_LINE);
  await until('1 file (4 peers asked)');
  t.same(script.asked, ['get slow', 'get gone', 'get f1', 'search ']);
  type('\x04');
  t.equal(await code, EXIT.done, 'a failed download is no failure of the conversation');
});

t.test('at a terminal, and where it is asked for, a download waits for holders', async (t) => {
  const patience: (boolean | undefined)[] = [];
  const noting = () =>
    scripted({
      async get(_name, options) {
        patience.push(options?.patient);
        return { type: 'downloaded', ...DOWNLOADED };
      },
    });
  await talk(false, { exec: 'f1' }, noting()).code;
  await talk(false, { exec: 'f1', wait: true }, noting()).code;
  const { type, until, code } = await prompted({}, noting());
  type('f1\r');
  await until(DOWNLOAD_LINE);
  type('\x04');
  await code;
  t.same(patience, [false, true, true]);
});

t.test('what an earlier run left is gone on with at the start, before any line, and its fault counts', async (t) => {
  const failing = scripted({
    async resume(options) {
      options?.each?.({ type: 'failed', name: 'f2', error: new FloodmeshError('DISK_FULL', 'the disk is full') });
      return [];
    },
  });
  const { code, written } = talk(false, { exec: 'f1', resume: true }, failing);
  t.equal(await code, EXIT.diskFull);
  t.match(written(), /the disk is full\nf1.txt/);
  const atTerminal = await prompted({ resume: true });
  await atTerminal.until(DOWNLOAD_LINE);
  atTerminal.type('\x04');
  await atTerminal.code;
  t.same(atTerminal.script.asked, ['resume', 'leave']);
});

t.test('one line above the prompt is for all downloads, once it is worth it, and goes away', async (t) => {
  let clock = 0;
  const done = Promise.withResolvers<void>();
  const tick = { type: 'progress', number: 1, name: 'film.mkv', bytes: 10, verified: 1, rate: 10 } as const;
  let transfers = [RUNNING];
  const script: Script = scripted({
    transfers: () => transfers,
    async get() {
      script.tell(tick);
      clock = 1000;
      script.tell(tick);
      await done.promise;
      transfers = [];
      return { type: 'downloaded', ...DOWNLOADED };
    },
  });
  const { type, until, written, code } = await prompted({ now: () => clock }, script);
  type('film\r');
  await until('6.2 of 10 MB');
  transfers = [RUNNING, { ...RUNNING, number: 2, name: 'f2.bin', state: 'waiting', rate: 0 }];
  script.tell({ type: 'transfer', ...RUNNING, number: 2, name: 'f2.bin', state: 'waiting' });
  await until('f2.bin: no holder is left; 62 % is kept');
  await until('2 files, 12 of 20 MB, 3.1 MB/s, 2 s left, 1 waiting');
  type('typed meanwhile\r');
  await until('typed meanwhile');
  done.resolve();
  await until(DOWNLOAD_LINE);
  type('\x04');
  await code;
  t.notMatch(written().slice(written().lastIndexOf(DOWNLOAD_LINE)), '2 files');
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

t.test('more lines than may wait are refused, and so are more downloads', async (t) => {
  const { type, until, code, script } = await prompted({}, thoughtful());
  type('slow\r'.repeat(LINES_WAITING));
  while (script.asked.length < LINES_WAITING) await new Promise(setImmediate);
  type('slow\r');
  await until(`more than ${LINES_WAITING} lines are waiting`);
  t.equal(script.asked.length, LINES_WAITING);
  type('\x03');
  await until('cancelled');
  type('TOPO\r');
  await untilAsked(script, 'TOPO');
  type('f1\r'.repeat(LINES_WAITING + 1));
  await until(`more than ${LINES_WAITING} lines are waiting: this one was not taken`);
  type('\x03');
  await until('waiting lines dropped');
  type('\x04');
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
