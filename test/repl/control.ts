import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CONTROL_CALLERS, LINE_BYTES } from '../../lib/config.ts';
import { callLocally, listenLocally } from '../../lib/net/local.ts';
import { told } from '../../lib/repl/caller.ts';
import type { ReplPeer } from '../../lib/repl/commands.ts';
import { Control } from '../../lib/repl/control.ts';
import { DOWNLOADED, F1, scripted } from './scripted.ts';

/** A peer that takes orders until the test is over. */
async function controlled(t: Test, changes: Partial<ReplPeer> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'floodmesh-control-')); // a socket's path must be short
  const path = join(folder, 's5.sock');
  const script = scripted(changes);
  const control = await Control.open(script.peer, path);
  t.teardown(async () => {
    await control.close();
    rmSync(folder, { recursive: true });
  });
  return { path, control, ...script };
}

/** Everything that comes back for what is written, byte for byte. */
async function raw(path: string, text: string): Promise<string> {
  const caller = await callLocally(path);
  caller.setEncoding('utf8').write(text);
  let answer = '';
  for await (const chunk of caller) answer += chunk;
  caller.destroy();
  return answer;
}

t.test('SEARCH lists what is outside the network, too, each name once', async (t) => {
  const { path } = await controlled(t, {
    async *search() {
      yield F1;
      const outside = { hash: '', host: '10.0.0.9', port: 8000 };
      return {
        asked: 4,
        silent: 0,
        foreign: [
          { name: 'f1.txt', ...outside },
          { name: 'f9', ...outside },
        ],
      };
    },
  });
  t.equal(await raw(path, 'SEARCH f\r\n'), '200 OK 12\r\nf1.txt\r\nf9\r\n');
});

t.test('the operations of seed 000 are answered in its form', async (t) => {
  const { path, asked } = await controlled(t);
  t.equal(await raw(path, 'INIT_PEER_TABLE \r\n'), '200 OK 0\r\n');
  t.equal(await raw(path, 'LIST_ALL_FILES\r\n'), '200 OK 8\r\nf1.txt\r\n');
  t.equal(await raw(path, 'SEARCH f1\r\n'), '200 OK 8\r\nf1.txt\r\n');
  t.equal(await raw(path, 'SEARCH other\r\n'), '404 FILE NOT FOUND 0\r\n');
  t.equal(await raw(path, 'DOWNLOAD f1\r\n'), `200 OK ${DOWNLOADED.path.length + 2}\r\n${DOWNLOADED.path}\r\n`);
  t.match(await raw(path, 'DOWNLOAD nothing\r\n'), /^404 NOT_FOUND \d+\r\nnobody has nothing\r\n$/);
  t.equal(await raw(path, 'UPLOAD a b.txt\r\n'), '200 OK 18\r\nfiles/s5/a b.txt\r\n');
  t.equal(await raw(path, 'BOGUS x\r\n'), '600 UNKNOWN OPERATION 0\r\n');
  t.same(asked, ['search ', 'search f1', 'search other', 'get f1', 'get nothing']);
});

t.test('a name that is found at several peers is listed once', async (t) => {
  const twice: Partial<ReplPeer> = {
    async *search() {
      yield* [F1, { ...F1, peer: 's2' }];
      return { asked: 2, silent: 0 };
    },
  };
  const { path } = await controlled(t, twice);
  t.equal(await raw(path, 'LIST_ALL_FILES\r\n'), '200 OK 8\r\nf1.txt\r\n');
});

t.test('every command of the prompt is taken, and answered in sentences or, with JSON before it, in JSON', async (t) => {
  const { path } = await controlled(t);
  t.match(await raw(path, 'status\n'), /^200 OK \d+\r\npeer {8}s5 on port 9004\r\n/);
  t.match(await raw(path, 'get f1\r\n'), /^200 OK \d+\r\nf1.txt {2}1.2 kB from s1 in 12 ms/);
  t.match(await raw(path, 'get other'.concat('\r\n')), /^404 FILE NOT FOUND \d+\r\nother: nobody has it/);
  const said: unknown[] = [];
  const answers = told(path, 'JSON get f1');
  let next = await answers.next();
  for (; !next.done; next = await answers.next()) said.push(JSON.parse(next.value));
  t.match(said, [{ type: 'found' }, { type: 'downloaded', name: 'f1.txt' }]);
  t.match(next.value, { code: 200, message: 'OK' });
});

t.test('what fails says so under its code', async (t) => {
  const { path } = await controlled(t);
  t.match(await raw(path, 'get gone\r\n'), /^500 HOLDERS_GONE \d+\r\nevery holder went away\r\nask again later\r\n$/);
  t.match(await raw(path, 'search\r\n'), /^422 USAGE /);
  t.match(await raw(path, 'JSON get gone\r\n'), /^500 HOLDERS_GONE \d+\r\n\{"type":"error","code":"HOLDERS_GONE"/);
});

t.test('what there is to say while an order takes long goes ahead', async (t) => {
  const slowly = Promise.withResolvers<void>();
  const { path } = await controlled(t, {
    async *search() {
      yield F1;
      await slowly.promise;
      yield { ...F1, name: 'f2.txt' };
      return { asked: 1, silent: 0 };
    },
  });
  const answers = told(path, 'LIST_ALL_FILES');
  t.same(await answers.next(), { done: false, value: 'f1.txt' });
  slowly.resolve();
  t.same(await answers.next(), { done: false, value: 'f2.txt' });
  t.match(await answers.next(), { done: true, value: { code: 200 } });
});

t.test('a caller that hangs up cancels its order; one that has said all waits for its answer', async (t) => {
  const cancelled = Promise.withResolvers<unknown>();
  const begun = Promise.withResolvers<void>();
  const { path } = await controlled(t, {
    async *survey(signal) {
      begun.resolve();
      await new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          cancelled.resolve(signal.reason);
          reject(signal.reason);
        });
      });
      return undefined;
    },
  });
  const impatient = await callLocally(path);
  impatient.write('TOPO\r\n');
  await begun.promise;
  impatient.destroy();
  t.match(await cancelled.promise, { code: 'CANCELLED' });
  const patient = await callLocally(path);
  patient.setEncoding('utf8').end('SEARCH f1\r\n');
  t.equal(String(await once(patient, 'data')), '200 OK 8\r\nf1.txt\r\n');
});

t.test('the socket is its owner’s alone, and gone when the peer is', async (t) => {
  const { path, control } = await controlled(t);
  t.equal(statSync(path).mode & 0o777, 0o600);
  await control.close();
  t.notOk(statSync(path, { throwIfNoEntry: false }));
  await t.rejects(told(path, 'TOPO').next(), { code: 'UNREACHABLE' });
});

t.test('a dead peer’s socket is replaced, a living one’s is not', async (t) => {
  const { path, peer } = await controlled(t);
  await t.rejects(Control.open(peer, path), { code: 'FOLDER_IN_USE' });
  const left = path.replace('s5', 'dead');
  writeFileSync(left, '');
  const control = await Control.open(peer, left);
  t.equal(await raw(left, 'SEARCH f1\r\n'), '200 OK 8\r\nf1.txt\r\n');
  await control.close();
  await t.rejects(Control.open(peer, join(path, 'inside', 's5.sock')));
});

t.test('a request that is too long, or none at all, is refused, and so is one caller too many', async (t) => {
  const { path } = await controlled(t);
  t.equal(await raw(path, 'x'.repeat(LINE_BYTES + 1)), '422 MALFORMED 0\r\n');
  const empty = await callLocally(path);
  empty.setEncoding('utf8').end();
  t.equal(String(await once(empty, 'data')), '422 MALFORMED 0\r\n');
  const idle = await Promise.all(Array.from({ length: CONTROL_CALLERS }, () => callLocally(path)));
  t.equal(await raw(path, 'SEARCH f1\r\n'), '500 TOO_MANY 0\r\n');
  for (const caller of idle) caller.destroy();
});

t.test('an answer that ends early, or is none, is an error', async (t) => {
  for (const words of ['200 OK 9\r\nf1', 'who is there?\r\n', '']) {
    const folder = mkdtempSync(join(tmpdir(), 'floodmesh-control-'));
    const listener = await listenLocally(join(folder, 'x.sock'), (caller) => void caller.resume().end(words));
    await t.rejects(told(join(folder, 'x.sock'), 'TOPO').next(), { code: 'UNREACHABLE' }, words);
    await listener.close();
    rmSync(folder, { recursive: true });
  }
});
