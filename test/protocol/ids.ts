import t from 'tap';
import { peerId, queryId, rootOf } from '../../lib/protocol/ids.ts';

t.test('an id that this program drew stays as it is', async (t) => {
  t.equal(peerId('abcdefghijkl'), 'abcdefghijkl');
  t.equal(queryId('abcdefghijklmnopqrstuv'), 'abcdefghijklmnopqrstuv');
  t.equal(rootOf('00'), '00');
});
