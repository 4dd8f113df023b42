import t from 'tap';
import { peerId } from '../../lib/protocol/ids.ts';
import { Completion } from '../../lib/repl/completion.ts';
import { DOWNLOADED, F1 } from './scripted.ts';

t.test('the first word completes to commands in any case', async (t) => {
  const completion = new Completion();
  t.same(completion.complete('lis'), [['list'], 'lis']);
  t.same(completion.complete('ST'), [['Stop', 'status'], 'ST']);
  t.same(completion.complete('zzz'), [[], 'zzz']);
});

t.test('names of files that were seen complete with and without get', async (t) => {
  const completion = new Completion();
  completion.see({ type: 'found', ...F1, name: 'my file.txt' });
  completion.see({ type: 'downloaded', ...DOWNLOADED, name: 'list of things.txt' });
  completion.see({ type: 'alreadyHere', name: 'a.txt', path: '' });
  completion.see({ type: 'foreign', name: 'outside.csv', md5: '', host: '10.0.0.9', port: 8000 });
  t.same(completion.complete('get out'), [['outside.csv'], 'out']);
  t.same(completion.complete('my f'), [['my file.txt'], 'my f']);
  t.same(completion.complete('get MY'), [['my file.txt'], 'MY']);
  t.same(completion.complete('list o'), [['list of things.txt'], 'list o']);
  t.same(completion.complete('search a'), [['a.txt'], 'a']);
});

t.test('browse completes to peers, peers to its words, share to nothing', async (t) => {
  const completion = new Completion();
  completion.see({ type: 'linkUp', peer: peerId('peer-number1'), name: 's2' });
  completion.see({ type: 'topology', peers: [{ peer: peerId('peer-number2'), name: 's3', port: 1, neighbors: [] }] });
  completion.see({ type: 'peers', which: 'all', fromServer: true, peers: [] });
  completion.see({ type: 'left' });
  t.same(completion.complete('browse s'), [['s2', 's3'], 's']);
  t.same(completion.complete('peers of'), [['offline'], 'of']);
  t.same(completion.complete('share f'), [[], 'f']);
});

t.test('a name that cannot be shown as it is is not offered, and old names are forgotten', async (t) => {
  const completion = new Completion();
  completion.see({ type: 'found', ...F1, name: 'evil\u001b[2J' });
  t.same(completion.complete('evil'), [[], 'evil']);
  for (let number = 0; number <= 1000; number++) completion.see({ type: 'found', ...F1, name: `n${number}` });
  t.same(completion.complete('n0'), [[], 'n0']);
  t.same(completion.complete('n1000'), [['n1000'], 'n1000']);
});
