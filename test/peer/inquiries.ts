import t from 'tap';
import { INQUIRIES_AT_ONCE, INQUIRIES_PER_SECOND } from '../../lib/config.ts';
import { FloodmeshError } from '../../lib/errors.ts';
import { Inquiries } from '../../lib/peer/inquiries.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import type { ServerAnswer } from '../../lib/protocol/messages/server.ts';

const FOREVER = new AbortController().signal;
const LEFT: ServerAnswer = { type: 'left', id: 7 };
const LISTED: ServerAnswer = { type: 'contactList', id: 7, found: [] };

t.test('an answer comes without its number; a refusal is one', async (t) => {
  t.same(await new Inquiries(async () => LISTED, FOREVER).answer({ type: 'contacts' }), { type: 'contactList', found: [] });
  for (const hint of [undefined, 'later']) {
    const refusing = new Inquiries(() => Promise.reject(new FloodmeshError('PEER_UNKNOWN', 'nobody', hint)), FOREVER);
    const refused = { type: 'refused', code: 'PEER_UNKNOWN', message: 'nobody', ...(hint && { hint }) };
    t.same(await refusing.answer({ type: 'browse', peer: peerId('p'.repeat(12)) }), refused);
  }
});

t.test('a server that is away, silent, or talks of something else has not answered', async (t) => {
  for (const code of ['UNREACHABLE', 'TIMED_OUT', 'CANCELLED', 'STORE_AWAY'] as const) {
    const away = new Inquiries(() => Promise.reject(new FloodmeshError(code, 'away')), FOREVER);
    t.equal(await away.answer({ type: 'contacts' }), undefined, code);
  }
  t.equal(await new Inquiries(async () => LEFT, FOREVER).answer({ type: 'contacts' }), undefined);
});

t.test('no more are asked at once, and in a second, than the server takes of one link', async (t) => {
  const sent: number[] = [];
  let underway = 0;
  let most = 0;
  const ask = async (): Promise<ServerAnswer> => {
    sent.push(performance.now());
    most = Math.max(most, ++underway);
    await new Promise((resolve) => setImmediate(resolve));
    underway -= 1;
    return LISTED;
  };
  const inquiries = new Inquiries(ask, FOREVER);
  const count = INQUIRIES_PER_SECOND + 5;
  const answers = await Promise.all(Array.from({ length: count }, () => inquiries.answer({ type: 'contacts' })));
  t.equal(answers.filter((answer) => answer?.type === 'contactList').length, count);
  t.equal(most, INQUIRIES_AT_ONCE);
  t.ok((sent.at(INQUIRIES_PER_SECOND) ?? 0) - (sent[0] ?? 0) >= 900, 'one more than a second has comes in the next');
});

t.test('who ends waits for no turn', async (t) => {
  const ending = new AbortController();
  const inquiries = new Inquiries(async () => LISTED, ending.signal);
  const asked = Array.from({ length: INQUIRIES_PER_SECOND + 1 }, () => inquiries.answer({ type: 'contacts' }));
  ending.abort();
  t.same((await Promise.all(asked)).filter((answer) => answer === undefined).length, 1);
});
