import t from 'tap';
import { type ErrorCode, FloodmeshError } from '../../lib/errors.ts';
import { likeliest } from '../../lib/peer/attempts.ts';
import { type Content, contents } from '../../lib/peer/choice.ts';
import type { Provider } from '../../lib/protocol/fields.ts';
import { peerId, rootOf } from '../../lib/protocol/ids.ts';

const at = (peer: string, root: string): Provider => ({ peer: peerId(peer), name: 'f1', bytes: 1, root: rootOf(root) });
/** Three liars agree on one content, two honest members have another; one of the liars offers a third. */
const OFFERS = contents('f1', [at('x', 'bad'), at('y', 'bad'), at('z', 'bad'), at('p', 'good'), at('q', 'good'), at('z', 'worse')]);

/** Tries `OFFERS`: each content fails as it is said here, once for each time it is said, and comes otherwise. */
function tries(fails: Readonly<Record<string, readonly ErrorCode[]>>, isPatient = false, offers = OFFERS, hasBegun = false) {
  const said: string[] = [];
  const left = new Map(Object.entries(fails).map(([root, codes]) => [root, [...codes]]));
  const bring = async ({ root, holders }: Content, isWaiting: boolean) => {
    said.push(`${root} of ${holders.join()}${isWaiting ? ', patiently' : ''}`);
    const code = left.get(root)?.shift();
    if (code !== undefined) throw new FloodmeshError(code, root);
    return root;
  };
  const outcome = likeliest(offers, { bring, turnsTo: (number) => said.push(`#${number}`), hasBegun: () => hasBegun }, isPatient);
  return { said, outcome };
}

t.test('the likeliest content is brought, and nothing else is tried', async (t) => {
  const { said, outcome } = tries({});
  t.equal(await outcome, 'bad');
  t.same(said, ['bad of x,y,z']);
});

for (const code of ['CONTENT_CHANGED', 'CONTENT_MISMATCH', 'HOLDERS_GONE', 'NOT_FOUND'] as const) {
  t.test(`when of a content nothing came but ${code} the next is brought, and that is told`, async (t) => {
    const { said, outcome } = tries({ bad: [code] });
    t.equal(await outcome, 'good');
    t.same(said, ['bad of x,y,z', '#2', 'good of p,q']);
  });
}

t.test('whoever offered one in vain is asked for no other; when nobody is left the likeliest says why', async (t) => {
  const { said, outcome } = tries({ bad: ['CONTENT_CHANGED'], good: ['HOLDERS_GONE'] });
  await t.rejects(outcome, { code: 'CONTENT_CHANGED' });
  t.same(said, ['bad of x,y,z', '#2', 'good of p,q']);
});

t.test('a content that shares a holder with one in vain is asked of its others', async (t) => {
  const offers = contents('f1', [at('x', 'bad'), at('y', 'bad'), at('y', 'good'), at('p', 'good')]);
  const { said, outcome } = tries({ bad: ['CONTENT_MISMATCH'] }, false, offers);
  t.equal(await outcome, 'good');
  t.same(said.at(-1), 'good of p');
});

t.test('who is patient waits for the likeliest whose holders are away, and not for a lie', async (t) => {
  const { said, outcome } = tries({ bad: ['CONTENT_CHANGED'], good: ['HOLDERS_GONE'] }, true);
  t.equal(await outcome, 'good');
  t.same(said, ['bad of x,y,z', '#2', 'good of p,q', 'good of p,q, patiently']);
  await t.rejects(tries({ bad: ['CONTENT_CHANGED'], good: ['CONTENT_CHANGED'] }, true).outcome, { code: 'CONTENT_CHANGED' });
});

t.test('a content of which something came is the one: no other takes its place', async (t) => {
  const { said, outcome } = tries({ bad: ['HOLDERS_GONE'] }, true, OFFERS, true);
  t.equal(await outcome, 'bad');
  t.same(said, ['bad of x,y,z', 'bad of x,y,z, patiently']);
  await t.rejects(tries({ bad: ['HOLDERS_GONE'] }, false, OFFERS, true).outcome, { code: 'HOLDERS_GONE' });
});

t.test('what is not the fault of holders ends it, and so does the end of an only content', async (t) => {
  await t.rejects(tries({ bad: ['DISK_FULL'] }).outcome, { code: 'DISK_FULL' });
  const only = contents('f1', [at('p', 'good')]);
  const { said, outcome } = tries({ good: ['CONTENT_CHANGED'] }, true, only);
  await t.rejects(outcome, { code: 'CONTENT_CHANGED' });
  t.same(said, ['good of p, patiently']);
});
