import t from 'tap';
import { FloodmeshError } from '../../lib/errors.ts';
import { askAgain, askName, askSecret } from '../../lib/repl/questions.ts';
import { fakeTerminal } from './scripted.ts';

const tried = { name: 's1', network: 'p3p' };

t.test('a name is asked for until it may be one', async (t) => {
  const terminal = fakeTerminal();
  const name = askName(terminal);
  terminal.type('/etc\r');
  await terminal.until('a name is 1 to 32');
  terminal.type('\r');
  terminal.type('s1\r');
  t.equal(await name, 's1');
});

t.test('Enter alone takes what is suggested', async (t) => {
  const terminal = fakeTerminal();
  const name = askName(terminal, 's1-2');
  await terminal.until('[s1-2]');
  terminal.type('\r');
  t.equal(await name, 's1-2');
});

t.test('Ctrl-C and Ctrl-D give up', async (t) => {
  for (const key of ['\x03', '\x04']) {
    const terminal = fakeTerminal();
    const name = askName(terminal);
    terminal.type(key);
    t.equal(await name, undefined);
  }
});

t.test('a password is not seen while it is typed', async (t) => {
  const terminal = fakeTerminal();
  const secret = askSecret(terminal, 'Password: ');
  await terminal.until('Password: ');
  terminal.type('correcx\x7ft horse\r');
  t.equal(await secret, 'correct horse', 'and can be corrected');
  t.equal(terminal.written(), 'Password: \n');
  for (const key of ['\x03', '\x04']) {
    const another = askSecret(terminal, 'Password: ');
    terminal.type(key);
    t.equal(await another, undefined);
  }
});

t.test('a wrong network may be typed again, a taken name may be another', async (t) => {
  const terminal = fakeTerminal();
  const network = askAgain(terminal, new FloodmeshError('WRONG_NETWORK', 'this is the network p2p'), tried);
  await terminal.until('Which network?');
  terminal.type('p2p\r');
  t.same(await network, { name: 's1', network: 'p2p' });
  const name = askAgain(terminal, new FloodmeshError('NAME_TAKEN', 's1 is taken'), tried, 's1-2');
  await terminal.until('[s1-2]');
  terminal.type('\r');
  t.same(await name, { name: 's1-2', network: 'p3p' });
  t.match(terminal.written(), 's1 is taken');
});

t.test('giving up, and an error about something else, are no identity', async (t) => {
  t.equal(await askAgain(fakeTerminal(), new FloodmeshError('UNREACHABLE', 'nobody there'), tried), undefined);
  for (const code of ['WRONG_NETWORK', 'NAME_UNACCEPTABLE'] as const) {
    const terminal = fakeTerminal();
    const again = askAgain(terminal, new FloodmeshError(code, 'no'), tried);
    terminal.type('\x04');
    t.equal(await again, undefined);
  }
});

t.test('once answered, a question listens to no key any more, so that nothing typed later shows twice', async (t) => {
  const terminal = fakeTerminal();
  const name = askName(terminal);
  terminal.type('s1\r');
  await name;
  t.equal(terminal.input.listenerCount('keypress'), 0);
});
