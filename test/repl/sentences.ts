import { Chalk } from 'chalk';
import t from 'tap';
import { FloodmeshError } from '../../lib/errors.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import type { Answer } from '../../lib/repl/answers.ts';
import { errorAnswer, listed, sentences } from '../../lib/repl/sentences.ts';
import type { TransferStatus } from '../../lib/trace.ts';
import { DOWNLOADED, HASH, JOINED, PLACED, RUNNING, scripted } from './scripted.ts';

const look = { chalk: new Chalk({ level: 0 }), width: 80, folder: '/home/me' };

function words(answer: Answer): string {
  return sentences(answer, look).join('\n');
}

t.test('a download is one line: size, holder, time and place', async (t) => {
  t.equal(words({ type: 'downloaded', ...DOWNLOADED }), 'f1.txt  1.2 kB from s1 in 12 ms → Downloads/s5/f1.txt');
  const many = { ...DOWNLOADED, providers: ['s1', 's2', 's3'].map((peer) => ({ peer, bytes: 1 })) };
  t.match(words({ type: 'downloaded', ...many }), 'from s1, s2 and s3 in');
  t.match(words({ type: 'downloaded', ...DOWNLOADED, providers: [] }), 'f1.txt  1.2 kB in 12 ms');
});

t.test('a path is shown from where the program was started, when it is below that', async (t) => {
  const at = (path: string): string => words({ type: 'alreadyHere', name: 'f1.txt', path });
  t.equal(at('/home/me/files/s5/f1.txt'), 'f1.txt is already here: files/s5/f1.txt');
  t.equal(at('/srv/f1.txt'), 'f1.txt is already here: /srv/f1.txt');
  t.equal(at('files/s5/f1.txt'), 'f1.txt is already here: files/s5/f1.txt');
});

t.test('joining says the port, and who was the first contact', async (t) => {
  t.equal(words({ type: 'joined', ...JOINED }), 's5 has joined on port 9004, referred to s1');
  t.equal(words({ type: 'joined', ...JOINED, referral: null }), 's5 has joined on port 9004, the first of its network');
});

t.test('nobody has it: how many were asked, how many were silent, what was meant', async (t) => {
  t.equal(words({ type: 'notFound', name: 'f9', asked: 9, silent: 0 }), 'f9: nobody has it (9 peers asked)');
  t.equal(
    words({ type: 'notFound', name: 'TPO', asked: 8, silent: 1, suggestion: 'TOPO' }),
    'TPO: nobody has it (8 peers asked, 1 did not answer)\nDid you mean TOPO?',
  );
});

t.test('a content is a row, and the end of a search says what came of it', async (t) => {
  const offer = { name: 'f1.txt', bytes: 1234, hash: HASH, peers: ['s1'] };
  const row = (name: string) => `${name.padEnd(32)}    1.2 kB  ${HASH.slice(0, 8)}  s1`;
  t.equal(words({ type: 'found', name: 'f1.txt', bytes: 1234, hash: HASH, peer: 's1' }), '', 'a single hit waits for the others');
  t.equal(words({ type: 'contents', contents: [offer] }), row('f1.txt'));
  const offers = { type: 'offers', name: 'f1', contents: [offer, offer] } as const;
  t.equal(
    words({ ...offers, chosen: 2 }),
    ['f1 is 2 contents: #2 is fetched. Another: get f1 #NUMBER', row('f1.txt #1'), row('f1.txt #2')].join('\n'),
  );
  t.match(words({ ...offers, chosen: 0 }), /^f1 is 2 contents. Another/);
  const end = { type: 'searched', asked: 4, silent: 0 } as const;
  t.equal(words({ ...end, name: 'f', count: 3, contents: 2 }), '2 files (4 peers asked)');
  t.equal(
    words({ ...end, name: 'f', count: 3, contents: 2, wholeWords: true }),
    '2 files (4 peers asked); whoever has it only as a part of a word was not asked',
  );
  t.equal(words({ ...end, name: 'f', count: 0, contents: 0 }), 'no file has f in its name or title (4 peers asked)');
  t.equal(words({ ...end, name: '', count: 0, contents: 0 }), 'nobody shares a file (4 peers asked)');
  t.equal(words({ ...end, name: 'f', count: 0, contents: 0, foreign: 1 }), '0 files and 1 outside the network (4 peers asked)');
  t.match(
    words({ type: 'foreign', name: 'f9', md5: '0f'.repeat(16), host: '10.0.0.9', port: 8000 }),
    /^f9 +\? {2}0f0f0f0f {2}10\.0\.0\.9:8000, outside the network: an MD5 is all that is known$/,
  );
  t.equal(words({ ...end, name: '', peer: 's1', count: 1, contents: 1 }), 's1 shares 1 file');
});

t.test('peers are a table with their state, and where it comes from', async (t) => {
  const member = { peer: peerId('peer-number1'), name: 's1', host: '127.0.0.1', port: 9000, online: true, joined: 1, seconds: 2 };
  t.equal(
    words({
      type: 'peers',
      which: 'all',
      fromServer: true,
      peers: [member, { ...member, name: '東京', port: 9001, online: false, seconds: 125 }],
    }),
    's1    127.0.0.1:9000  online\n東京  127.0.0.1:9001  offline, last heard of 2 min 5 s ago\n2 peers',
  );
  const entry = { number: 7, name: 'Anna', online: true, seconds: 3 };
  t.equal(
    words({
      type: 'peers',
      which: 'all',
      fromServer: true,
      peers: [{ ...member, account: 'Anna' }],
      accounts: [entry, { ...entry, name: 'Bert' }, { ...entry, name: 'Carl', online: false, seconds: 125 }],
    }),
    's1  127.0.0.1:9000  online  of Anna\nBert, an account without a peer  online\nCarl, an account without a peer  offline, last login 2 min 5 s ago\n1 peer',
  );
  t.match(words({ type: 'peers', which: 'online', fromServer: false, peers: [] }), /^0 online peers \(as the mesh knows it/);
});

t.test('status is a few lines about this peer', async (t) => {
  const status = scripted().peer.status();
  t.equal(
    words({ type: 'status', ...status }),
    [
      'peer        s5 on port 9004',
      'server      answers',
      'neighbours  s1',
      'network     1 peer known',
      'shared      2 files, 2.0 kB in files/s5, 1 more being read',
      'not shared  .secret: it is hidden',
      'downloads   1 file in Downloads/s5, private',
      'unfinished  film.mkv, 734 MB: ask for it again, or type resume',
      'transfers   0 coming, 0 going',
      'limits      up no limit, down no limit',
    ].join('\n'),
  );
  const lonely = { ...status, joined: undefined, serverReachable: false, neighbors: [], downloads: { ...status.downloads, shared: true } };
  t.match(words({ type: 'status', ...lonely }), /has not joined[\s\S]*does not answer[\s\S]*none[\s\S]*shared too/);
});

t.test('transfers are rows with their number, how far they are, and how they stand', async (t) => {
  const named = (number: number, change: Partial<TransferStatus>) => ({ ...RUNNING, number, ...change });
  const transfers = [
    RUNNING,
    named(2, { name: 'f', state: 'queued', place: 3, verified: 0 }),
    named(3, { name: 'f', state: 'queued', verified: 0 }),
    named(4, { state: 'waiting' }),
    named(5, { state: 'paused' }),
    named(6, { state: 'cancelled' }),
    named(10, { name: 'f', state: 'searching', bytes: 0, verified: 0 }),
  ];
  t.same(words({ type: 'transfers', transfers }).split('\n'), [
    ' 1  film.mkv  62%  6.2 of 10 MB  3.1 MB/s',
    ' 2  f          0%  0 B of 10 MB  queued, place 3',
    ' 3  f          0%  0 B of 10 MB  queued',
    ' 4  film.mkv  62%  6.2 of 10 MB  waits for a holder',
    ' 5  film.mkv  62%  6.2 of 10 MB  paused',
    ' 6  film.mkv  62%  6.2 of 10 MB  cancelled, nothing of it is kept',
    '10  f         searching',
  ]);
  t.equal(words({ type: 'transfers', transfers: [] }), 'nothing is being fetched');
  const status = scripted().peer.status();
  t.match(words({ type: 'status', ...status, transfers: { ...status.transfers, list: [RUNNING] } }), '\n            1  film.mkv');
});

t.test('of a transfer it is told that it queues, waits, or goes on', async (t) => {
  const news = (change: Partial<TransferStatus>) => words({ type: 'transfer', ...RUNNING, ...change });
  t.equal(news({ state: 'waiting' }), 'film.mkv: no holder is left; 62 % is kept; it goes on when somebody has it');
  t.equal(news({ state: 'queued', place: 2 }), 'film.mkv is queued: place 2');
  t.equal(news({ state: 'queued' }), 'film.mkv is queued');
  t.equal(news({}), 'film.mkv goes on');
  t.same(
    ['searching', 'paused', 'cancelled'].map((state) => news({ state: state as TransferStatus['state'] })),
    ['', '', ''],
  );
});

t.test('limits are said in both directions', async (t) => {
  t.equal(words({ type: 'limits', up: 10_000_000 }), 'up 10 MB/s, down no limit');
});

t.test('an error says what happened and what to type, and escapes what it quotes', async (t) => {
  t.equal(words(errorAnswer(new FloodmeshError('USAGE', 'no \u001b[2J', 'type help'))), 'no \\x1b[2J\ntype help');
  t.same(errorAnswer(new FloodmeshError('INTERNAL', 'oh')), { type: 'error', code: 'INTERNAL', message: 'oh' });
});

t.test('the end says who brought it about', async (t) => {
  t.equal(words({ type: 'left' }), 'You have left the network.');
  t.equal(words({ type: 'stopped', by: 'this peer' }), 'The network is stopped.');
  t.equal(words({ type: 'stopped', by: 'another peer' }), 'The network was stopped by another peer.');
});

t.test('the rest: what was shared, help, the topology', async (t) => {
  t.equal(words({ type: 'sharedFile', path: '/home/me/files/s5/a.txt' }), 'shared: files/s5/a.txt');
  t.equal(
    words({
      type: 'help',
      commands: [
        { usage: 'list', does: 'lists' },
        { usage: 'status', does: 'tells' },
      ],
    }),
    'list    lists\nstatus  tells',
  );
  t.match(words({ type: 'topology', peers: [] }), '0 peers, 0 links');
});

t.test('a part of a large network is rows, without a drawing or a sum', async (t) => {
  const rows = words({ type: 'topology', peers: PLACED, part: 1, more: true });
  t.match(rows, /^s1 +9000 +s5\ns5 +9004 +s1$/);
});

t.test('lines of a drawing are dim, so that names stand out', async (t) => {
  const [row] = sentences({ type: 'topology', peers: PLACED }, { ...look, chalk: new Chalk({ level: 1 }) });
  t.match(row, /^s1 ●\u001b\[2m⠤+\u001b\[22m● s5$/);
});

t.test('what people hear in another way has no sentence here', async (t) => {
  t.equal(words({ type: 'serverLost' }), '');
});

t.test('names are listed as people list them', async (t) => {
  t.same([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed), ['', 'a', 'a and b', 'a, b and c']);
});
