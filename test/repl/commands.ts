import { join } from 'node:path';
import t from 'tap';
import { EXIT, FloodmeshError } from '../../lib/errors.ts';
import type { Answer } from '../../lib/repl/answers.ts';
import { COMMANDS, type Conversation, commandOf, understood } from '../../lib/repl/commands.ts';
import { DOWNLOADED, F1, HASH, PLACED, RUNNING, type Script, scripted } from './scripted.ts';

interface Obeyed {
  readonly code: number;
  readonly said: Answer[];
  readonly aside: Answer[];
}

/** Runs `line` against the scripted peer. */
async function obey(line: string, { peer }: Script = scripted(), more: Pick<Conversation, 'secret'> = {}): Promise<Obeyed> {
  const meant = understood(line);
  if (meant === undefined) throw new Error(`${line} means nothing`);
  const said: Answer[] = [];
  const aside: Answer[] = [];
  const { command, argument, suggestion } = meant;
  const code = await command.run(peer, argument, {
    signal: new AbortController().signal,
    patient: false,
    say: (answer) => said.push(answer),
    aside: (answer) => aside.push(answer),
    ...(suggestion === undefined ? {} : { suggestion }),
    ...more,
  });
  return { code, said, aside };
}

function meaning(line: string): [string, string] | undefined {
  const meant = understood(line);
  return meant === undefined ? undefined : [meant.command.word, meant.argument];
}

t.test('a command is a command in any case', async (t) => {
  t.same(['topo', 'TOPO', '  ToPo  ', 'STOP', 'leave', 'quit', 'Exit', 'LIST'].map(meaning), [
    ['TOPO', ''],
    ['TOPO', ''],
    ['TOPO', ''],
    ['Stop', ''],
    ['Leave', ''],
    ['Leave', ''],
    ['Leave', ''],
    ['list', ''],
  ]);
});

t.test('anything else is the name of a file, with its spaces and its quotes', async (t) => {
  t.same(['f1', 'my file', '"my file"', "'it'", 'list of things.txt', 'peers of mine', 'say "hi"'].map(meaning), [
    ['get', 'f1'],
    ['get', 'my file'],
    ['get', '"my file"'],
    ['get', "'it'"],
    ['get', 'list of things.txt'],
    ['get', 'peers of mine'],
    ['get', 'say "hi"'],
  ]);
});

t.test('a file that is called like a command is reached with get, or in quotes', async (t) => {
  t.same(['get TOPO', 'get "my file"', '"Stop"', 'GET  get'].map(meaning), [
    ['get', 'TOPO'],
    ['get', '"my file"'],
    ['get', '"Stop"'],
    ['get', 'get'],
  ]);
});

t.test('peers takes one of its words, in any case', async (t) => {
  t.same(['peers', 'peers ALL', 'Peers offline'].map(meaning), [
    ['peers', ''],
    ['peers', 'all'],
    ['peers', 'offline'],
  ]);
});

t.test('an empty line means nothing', async (t) => {
  t.equal(understood('   '), undefined);
  t.equal(commandOf('f1'), undefined);
});

t.test('a word that is nearly a command is taken as a file, and the command is remembered', async (t) => {
  const suggestions = ['TPO', 'stp', 'hlep', 'serach for it', 'f1', 'me', 'f1.txt', 'x'.repeat(4000)].map(
    (line) => understood(line)?.suggestion,
  );
  t.same(suggestions, ['TOPO', 'Stop', 'help', 'search', undefined, undefined, undefined, undefined]);
});

t.test('a fetched file is said once, and who has it only to programs', async (t) => {
  const { code, said, aside } = await obey('f1');
  t.equal(code, EXIT.done);
  t.same(said, [{ type: 'downloaded', ...DOWNLOADED }]);
  t.same(aside, [{ type: 'found', ...F1 }]);
});

t.test('progress is said while a file comes', async (t) => {
  const progress = { type: 'progress', number: 1, name: 'f1.txt', bytes: 10, verified: 5, rate: 1 } as const;
  const script = scripted({
    async get(_name, options) {
      options?.told?.(progress);
      script.tell({ ...progress, number: 2 });
      return { type: 'alreadyHere', name: 'f1.txt', path: 'files/s5/f1.txt' };
    },
  });
  t.same((await obey('f1', script)).said, [progress, { type: 'alreadyHere', name: 'f1.txt', path: 'files/s5/f1.txt' }]);
});

t.test('what an earlier run left is gone on with: each says what it came to, and the first fault is the exit code', async (t) => {
  const progress = { type: 'progress', number: 1, name: 'f1.txt', bytes: 10, verified: 5, rate: 1 } as const;
  const failed = (code: 'DISK_FULL' | 'HOLDERS_GONE' | 'CANCELLED') => {
    return { type: 'failed', name: 'f2.txt', error: new FloodmeshError(code, `it failed: ${code}`) } as const;
  };
  const outcomes = [
    failed('DISK_FULL'),
    { type: 'downloaded', ...DOWNLOADED },
    failed('HOLDERS_GONE'),
    failed('CANCELLED'),
    { type: 'alreadyHere', name: 'f2.txt', path: 'files/s5/f2.txt' },
  ] as const;
  const script = scripted({
    async resume(options) {
      options?.told?.(progress);
      options?.told?.({ type: 'found', ...F1 });
      for (const outcome of outcomes) options?.each?.(outcome);
      return outcomes;
    },
  });
  t.same(await obey('Resume', script), {
    code: EXIT.diskFull,
    said: [
      progress,
      { type: 'error', code: 'DISK_FULL', message: 'it failed: DISK_FULL' },
      outcomes[1],
      { type: 'error', code: 'HOLDERS_GONE', message: 'it failed: HOLDERS_GONE' },
      outcomes[4],
    ],
    aside: [],
  });
  const plain = scripted();
  t.same(await obey('resume', plain), { code: EXIT.done, said: [{ type: 'downloaded', ...DOWNLOADED }], aside: [] });
  t.same(plain.asked, ['resume']);
});

t.test('pause, continue and cancel take a number, a name, all, or nothing when there is one', async (t) => {
  const one = scripted({ transfers: () => [RUNNING] });
  t.match((await obey('transfers', one)).said, [{ type: 'transfers', transfers: [RUNNING] }]);
  t.match((await obey('pause', one)).said, [{ type: 'transfers', transfers: [{ state: 'paused' }] }]);
  t.match((await obey('continue 1', one)).said, [{ type: 'transfers', transfers: [{ state: 'running' }] }]);
  t.match((await obey('cancel "1"', one)).said, [{ type: 'transfers', transfers: [{ state: 'cancelled' }] }]);
  await obey('cancel film', one);
  await obey('PAUSE All', one);
  await obey('pause 2', one);
  t.same(one.asked, ['pause 1', 'continue 1', 'cancel 1', 'cancel film', 'pause undefined', 'pause 2']);
  const two = scripted({ transfers: () => [RUNNING, { ...RUNNING, number: 2 }] });
  await t.rejects(obey('cancel', two), { code: 'USAGE', message: /which one/, hint: /cancel all/ });
  await obey('cancel 2', two);
  t.same(two.asked, ['cancel 2']);
  const none = scripted();
  await obey('pause', none);
  t.same(none.asked, ['pause undefined'], 'the peer says that there is none');
});

t.test('limits are set in any order, taken away, and told', async (t) => {
  const script = scripted();
  t.same((await obey('limit', script)).said, [{ type: 'limits', up: 2_000_000 }]);
  for (const line of ['limit up 10M down 2M', 'LIMIT Down 64k', 'limit up off', 'limit down 1.5Mi up 16000']) await obey(line, script);
  t.same(script.asked, [
    'limit {}',
    'limit {"up":10000000,"down":2000000}',
    'limit {"down":64000}',
    'limit {"up":null}',
    'limit {"down":1572864,"up":16000}',
  ]);
  for (const line of ['limit 10M', 'limit up', 'limit up 10X', 'limit up 10M and more', 'limit off'])
    await t.rejects(obey(line, script), { code: 'USAGE', hint: /./ }, line);
});

t.test('what nobody has is said with how many were asked, and what was perhaps meant', async (t) => {
  t.same(await obey('TPO'), {
    code: EXIT.notFound,
    said: [{ type: 'notFound', name: 'TPO', asked: 9, silent: 0, suggestion: 'TOPO' }],
    aside: [],
  });
  t.same((await obey('get TPO')).said, [{ type: 'notFound', name: 'TPO', asked: 9, silent: 0 }]);
});

t.test('a file that did not come for another reason is an error', async (t) => {
  await t.rejects(obey('gone'), { code: 'HOLDERS_GONE' });
  const mute = scripted({ get: () => Promise.reject(new FloodmeshError('NOT_FOUND', 'nobody has it')) });
  await t.rejects(obey('f9', mute), { code: 'NOT_FOUND' });
});

t.test('search says each hit and the end, and finding nothing is not found', async (t) => {
  t.same(await obey('search f1'), {
    code: EXIT.done,
    said: [
      { type: 'found', name: 'f1.txt', bytes: 1234, hash: HASH, peer: 's1' },
      { type: 'contents', contents: [{ name: 'f1.txt', bytes: 1234, hash: HASH, peers: ['s1'] }] },
      { type: 'searched', name: 'f1', asked: 4, silent: 0, count: 1, contents: 1 },
    ],
    aside: [],
  });
  t.same(await obey('search zzz'), {
    code: EXIT.notFound,
    said: [{ type: 'searched', name: 'zzz', asked: 4, silent: 0, count: 0, contents: 0 }],
    aside: [],
  });
});

t.test('search says what others outside the network have after all that members have', async (t) => {
  const foreign = [{ name: 'f9', folder: 'tests', hash: '0f'.repeat(16), host: '10.0.0.9', port: 8000 }];
  const outside = async function* () {
    yield* [];
    return { asked: 4, silent: 0, foreign };
  };
  t.same(await obey('search f9', scripted({ search: outside })), {
    code: EXIT.done,
    said: [
      { type: 'foreign', name: 'f9', md5: '0f'.repeat(16), host: '10.0.0.9', port: 8000 },
      { type: 'searched', name: 'f9', asked: 4, silent: 0, count: 0, contents: 0, foreign: 1 },
    ],
    aside: [],
  });
});

t.test('list asks everybody for everything, browse asks one', async (t) => {
  const script = scripted();
  t.equal((await obey('list', script)).said.length, 3);
  t.match((await obey('browse s1', script)).said[2], { type: 'searched', name: '', peer: 's1', count: 1 });
  t.same(script.asked, ['search ', 'search  at s1']);
});

t.test('TOPO tells a network that comes in parts as it comes, and which part is the last', async (t) => {
  const [one, other] = PLACED;
  async function* survey() {
    for (const peer of [one, other]) if (peer !== undefined) yield [peer];
    return undefined;
  }
  const { said } = await obey('TOPO', scripted({ survey }));
  t.same(said, [
    { type: 'topology', peers: [one], part: 1, more: true },
    { type: 'topology', peers: [other], part: 2 },
  ]);
});

t.test('TOPO, peers, share, status and help answer in values', async (t) => {
  t.match((await obey('topo')).said, [{ type: 'topology', peers: [{ name: 's1' }, { name: 's5' }] }]);
  t.same((await obey('peers')).said, [{ type: 'peers', which: 'online', fromServer: true, peers: [] }]);
  t.match((await obey('peers all')).said, [{ which: 'all' }]);
  t.match((await obey('peers OFFLINE')).said, [{ which: 'offline' }]);
  t.same((await obey('share a b.txt')).said, [{ type: 'sharedFile', path: 'files/s5/a b.txt' }]);
  t.match((await obey('status')).said, [{ type: 'status', serverReachable: true }]);
  const [help] = (await obey('help')).said;
  t.equal(help?.type === 'help' && help.commands.length, COMMANDS.length);
  const widest = Math.max(...COMMANDS.map(({ usage }) => usage.length));
  for (const { usage, does } of COMMANDS) t.ok(widest + 2 + does.length < 80, `${usage} is one line of a terminal`);
});

t.test('a password is changed as a file says, or as a person types it', async (t) => {
  const script = scripted();
  const file = join(t.testdir({ passwords: 'correct horse\nbattery staple\n' }), 'passwords');
  t.same((await obey(`password ${file}`, script)).said, [{ type: 'passwordChanged' }]);
  await t.rejects(obey('password', script), { code: 'USAGE', hint: 'Type: password FILE' });
  const typing = (...answers: readonly (string | undefined)[]) => {
    const left = [...answers];
    return obey('password', script, { secret: async () => left.shift() });
  };
  t.same((await typing('old one', 'new one', 'new one')).said, [{ type: 'passwordChanged' }]);
  await t.rejects(typing('old one', 'new one', 'new two'), { code: 'USAGE', message: /two ways/ });
  await t.rejects(typing('old one', undefined), { code: 'CANCELLED' });
  t.same(script.asked, ['changePassword correct horse battery staple', 'changePassword old one new one']);
});

t.test('without an account nobody is asked for a password', async (t) => {
  const script = scripted();
  const secret = () => Promise.reject(new Error('asked'));
  await t.rejects(obey('password', { ...script, peer: { ...script.peer, isLoggedIn: false } }, { secret }), {
    code: 'NO_ACCOUNTS',
    hint: /--account/,
  });
});

t.test('a command that lacks its argument says what to type', async (t) => {
  for (const line of ['get', 'search', 'browse', 'share']) {
    await t.rejects(obey(line), { code: 'USAGE', hint: /^Type: / });
  }
});

t.test('Leave, Stop and logout are carried to the peer', async (t) => {
  const script = scripted();
  t.equal((await obey('quit', script)).code, EXIT.done);
  t.equal((await obey('Stop', script)).code, EXIT.done);
  t.equal((await obey('logout', script)).code, EXIT.done);
  t.same(script.asked, ['leave', 'stop', 'logout']);
});

t.test('rfc fetches by number, or by words of the title; a number is one word with a digit', async (t) => {
  const script = scripted();
  for (const line of ['rfc 959', 'rfc file transfer protocol', 'rfc ftp', 'RFC http 1.1', 'rfc MS-12 #2']) await obey(line, script);
  t.same(script.asked, [
    'get 959 by number',
    'get file transfer protocol by words',
    'get ftp by words',
    'get http 1.1 by words',
    'get MS-12 by number',
  ]);
  await t.rejects(obey('rfc'), { code: 'USAGE', hint: /rfc NUMBER/ });
});
