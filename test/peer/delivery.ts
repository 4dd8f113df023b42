import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { Peer } from '../../lib/peer/peer.ts';
import { encode } from '../../lib/protocol/codec.ts';
import type { PeerId } from '../../lib/protocol/ids.ts';
import type { PeerEvent } from '../../lib/trace.ts';
import { PIECE_BYTES } from '../../lib/transfer/pieces.ts';
import { keepThreads } from '../suites/threads.ts';
import { linkedWith, next, stage } from './cast.ts';
import { holding, LARGE, made } from './holders.ts';

keepThreads();

// Real peers on a machine with other work.
t.setTimeout(120_000);

const large = made(LARGE);

function recorded(peer: Peer): PeerEvent[] {
  const events: PeerEvent[] = [];
  peer.listen((event) => events.push(event));
  return events;
}

t.test('files of every kind arrive as they are: by name, by stem, empty, binary, in pieces, in any script', async (t) => {
  const on = await stage(t);
  const files = {
    'f1.txt': 'hello',
    'empty.bin': '',
    'big.bin': large.content,
    'a name with spaces.txt': 'spaces',
    '日本語.txt': 'script',
    __proto__1: 'odd',
  };
  await on.joined('s1', files);
  const s2 = await on.joined('s2');
  const events = recorded(s2);
  for (const [asked, name] of [
    ['f1', 'f1.txt'],
    ['empty.bin', 'empty.bin'],
    ['big', 'big.bin'],
    ['a name with spaces.txt', 'a name with spaces.txt'],
    ['日本語', '日本語.txt'],
    ['__proto__1', '__proto__1'],
  ] as const) {
    const outcome = await s2.get(asked);
    const content = Buffer.from(files[name]);
    t.match(outcome, {
      type: 'downloaded',
      name,
      bytes: content.length,
      hash: /^[0-9a-f]{64}$/,
      providers: content.length === 0 ? [] : [{ peer: 's1', bytes: content.length }],
    });
    t.ok(content.equals(await readFile(outcome.path)), name);
    t.equal(outcome.path, join(on.folder('s2', 'downloads'), name));
  }
  t.match(
    events.find(({ type }) => type === 'found'),
    { name: 'f1.txt', bytes: 5, peer: 's1' },
  );
});

t.test('progress of a long transfer is told, and ends with it', async (t) => {
  const on = await stage(t);
  let held: (() => void) | undefined;
  const holds = new Promise<void>((resolve) => {
    held = resolve;
  });
  await holding(on, 'slow', large, {
    piece: (index, link) => {
      if (index < 3) return large.content.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES);
      void holds.then(() => link.sendBytes(large.content.subarray(3 * PIECE_BYTES)));
      return undefined;
    },
  });
  const s1 = await on.joined('s1');
  await linkedWith(s1, 'slow');
  const told = next(s1, 'progress', ({ verified }) => verified === 3 * PIECE_BYTES);
  const got = s1.get('f1');
  t.match(await told, { name: 'f1.txt', bytes: LARGE });
  t.equal(s1.status().transfers.fetching, 1);
  held?.();
  t.match(await got, { type: 'downloaded' });
  t.equal(s1.status().transfers.fetching, 0);
});

// --- holders that are no good -----------------------------------------------------------------------------------------

t.test('when the only holder lies that is CONTENT_MISMATCH, and nothing stays', async (t) => {
  const on = await stage(t);
  await holding(on, 'liar', large, { piece: () => new Uint8Array(PIECE_BYTES) });
  const s1 = await on.joined('s1');
  const lost = next(s1, 'holderLost');
  await t.rejects(s1.get('f1'), { code: 'CONTENT_MISMATCH' });
  t.match(await lost, { name: 'f1.txt', peer: 'liar', why: 'lied' });
  t.same(
    (await readdir(on.folder('s1', 'downloads'))).filter((name) => !name.startsWith('.')),
    [],
  );
});

t.test('a file that changed at its only holder is CONTENT_CHANGED', async (t) => {
  const on = await stage(t);
  await holding(on, 'changed', large, {
    opens: (link) => {
      link.send(encode({ type: 'closed', code: 'CONTENT_CHANGED', message: 'it changed' }));
      link.close('done');
    },
  });
  const s1 = await on.joined('s1');
  await t.rejects(s1.get('f1'), { code: 'CONTENT_CHANGED' });
});

t.test('beside an honest holder a liar and a deserter do not matter: the file is right', async (t) => {
  const on = await stage(t);
  await holding(on, 'liar', large, { piece: () => new Uint8Array(PIECE_BYTES) });
  await holding(on, 'deserter', large, {
    piece: (index, link) => (index === 0 ? large.content.subarray(0, PIECE_BYTES) : void link.close('left')),
  });
  await on.joined('s1', { 'f1.txt': large.content });
  const s2 = await on.joined('s2');
  await linkedWith(s2, 'liar', 'deserter', 's1');
  const outcome = await s2.get('f1');
  t.ok(Buffer.from(large.content).equals(await readFile(outcome.path)));
});

t.test('a hit that points at somebody who is no member of the network is not followed', async (t) => {
  const on = await stage(t);
  await on.scripted('inventor', {
    received: (message, from, self) => {
      if (message.type !== 'query') return;
      const { query } = message;
      self.say(from, { type: 'hits', query, providers: [{ peer: 'aaaaaaaaaaaa' as PeerId, name: 'f1.txt', bytes: 1, root: large.root }] });
      self.echo(from, message);
    },
  });
  const s1 = await on.joined('s1');
  await t.rejects(s1.get('f1'), { code: 'NOT_FOUND' }, 'nobody has proven that it has it');
});

t.test('whoever gives up a transfer is told CANCELLED, and nothing stays', async (t) => {
  const on = await stage(t);
  const giving = new AbortController();
  await holding(on, 'slow', large, {
    piece: () => {
      giving.abort();
      return undefined;
    },
  });
  const s1 = await on.joined('s1');
  await t.rejects(s1.get('f1', { signal: giving.signal }), { code: 'CANCELLED' });
  t.same(
    (await readdir(on.folder('s1', 'downloads'))).filter((name) => !name.startsWith('.')),
    [],
  );
  await t.rejects(s1.get('f1', { signal: AbortSignal.abort() }), { code: 'CANCELLED' });
});
