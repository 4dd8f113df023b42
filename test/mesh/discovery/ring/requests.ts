import t from 'tap';
import { type Answer, Requests } from '../../../../lib/mesh/discovery/ring/requests.ts';
import type { Timer } from '../../../../lib/mesh/events.ts';
import { contactOf } from '../../network.ts';
import { turnOf } from './parts.ts';

const a = contactOf('a');
const sought = (ask: number): Answer => ({ type: 'sought', ask, contacts: [] });

function asked() {
  const requests = new Requests();
  const turn = turnOf('m');
  const heard: (string | undefined)[] = [];
  requests.ask(turn, a, { type: 'seek', at: 1 }, 500, (answer) => void heard.push(answer?.type));
  const timers = turn.effects.flatMap((effect): Timer[] => (effect.type === 'setTimer' ? [effect.timer] : []));
  return { requests, turn, heard, timer: timers[0] as Timer };
}

t.test('who was asked is heard, once', async (t) => {
  const { requests, turn, heard, timer } = asked();
  t.match(turn.effects[0], { type: 'deliver', contact: a, message: { type: 'seek', ask: 1, at: 1 } });
  requests.answered(a.peer, sought(1), turn);
  requests.answered(a.peer, sought(1), turn);
  requests.timerFired(timer, turn);
  t.same(heard, ['sought']);
});

t.test('nobody answers for another, nor another question, nor with something else', async (t) => {
  const { requests, turn, heard } = asked();
  requests.answered(contactOf('b').peer, sought(1), turn);
  requests.answered(a.peer, sought(2), turn);
  requests.answered(a.peer, { type: 'holding', ask: 1, holders: [] }, turn);
  t.same(heard, []);
});

t.test('who does not answer in time, or is gone, is heard as nothing', async (t) => {
  const late = asked();
  late.requests.timerFired({ of: 'pulse' }, late.turn);
  late.requests.timerFired(late.timer, late.turn);
  late.requests.answered(a.peer, sought(1), late.turn);
  t.same(late.heard, [undefined]);
  const gone = asked();
  gone.requests.undelivered(contactOf('b').peer, true, gone.turn);
  gone.requests.undelivered(a.peer, true, gone.turn);
  t.same(gone.heard, [undefined]);
});

t.test('an answer in parts is heard part by part', async (t) => {
  const { requests, turn } = asked();
  let parts = 0;
  requests.ask(turn, a, { type: 'holders', key: 1 }, 500, () => {
    parts += 1;
  });
  requests.answered(a.peer, { type: 'holding', ask: 2, holders: [], more: true }, turn);
  requests.answered(a.peer, { type: 'holding', ask: 2, holders: [] }, turn);
  requests.answered(a.peer, { type: 'holding', ask: 2, holders: [] }, turn);
  t.equal(parts, 2);
});
