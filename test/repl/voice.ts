import t from 'tap';
import { FloodmeshError } from '../../lib/errors.ts';
import { columnsOf } from '../../lib/repl/paper.ts';
import { chalkFor, jsonVoice, peoplesVoice, report } from '../../lib/repl/voice.ts';
import { fakeTerminal } from './scripted.ts';

t.test('programs read one JSON object a line, and no remarks', async (t) => {
  const { output, written } = fakeTerminal({ isTTY: false });
  const voice = jsonVoice(output);
  voice.say({ type: 'left' });
  voice.aside({ type: 'serverLost' });
  voice.remark(['something']);
  t.equal(written(), '{"type":"left"}\n{"type":"serverLost"}\n');
});

t.test('people read sentences and remarks, and nothing of what only programs want', async (t) => {
  const { output, written } = fakeTerminal({ isTTY: false });
  const voice = peoplesVoice(output);
  voice.say({ type: 'left' });
  voice.say({ type: 'progress', number: 1, name: 'f1', bytes: 2, verified: 1, rate: 1 });
  voice.aside({ type: 'left' });
  voice.remark(['s2 left the network']);
  t.equal(written(), 'You have left the network.\ns2 left the network\n');
});

t.test('an error is reported without a stack, and gives its exit code', async (t) => {
  const people = fakeTerminal({ isTTY: false });
  t.equal(report(new FloodmeshError('NETWORK_FULL', 'the network is full', 'try again later'), people.output, false), 7);
  t.equal(people.written(), 'the network is full\ntry again later\n');
  const program = fakeTerminal({ isTTY: false });
  t.equal(report(new Error('oh'), program.output, true), 1);
  t.equal(program.written(), '{"type":"error","code":"INTERNAL","message":"oh"}\n');
});

t.test('colours are for terminals that have them', async (t) => {
  const { output } = fakeTerminal();
  t.equal(chalkFor(output).level, 0);
  t.equal(chalkFor(Object.assign(output, { hasColors: () => true })).level, 1);
  t.equal(chalkFor(Object.assign(output, { isTTY: false })).level, 0);
});

t.test('what has no width is as wide as a page', async (t) => {
  const { output } = fakeTerminal();
  t.equal(columnsOf(output), 80);
  t.equal(columnsOf(Object.assign(output, { columns: 0 })), 80);
  t.equal(columnsOf(Object.assign(output, { columns: 132 })), 132);
});
