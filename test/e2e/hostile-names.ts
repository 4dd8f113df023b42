/** Names that are paths, devices, commands or tricks: typed, in requests, in hits, in joins, on the disk. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import t from 'tap';
import { ServerLine } from '../../lib/peer/line.ts';
import { PROTOCOL } from '../../lib/protocol/codec.ts';
import { PEER_ID_LENGTH, peerId, queryId, rootOf } from '../../lib/protocol/ids.ts';
import { Member, transport } from './member.ts';
import { HOST } from './processes.ts';
import { siege } from './siege.ts';

t.setTimeout(300_000);

const RLO = '\u202e';
/** Nobody may share, store, ask for under, or be called any of these. */
const HOSTILE = [
  '../canary/secret.txt',
  '../../canary/secret.txt',
  '..\\..\\canary\\secret.txt',
  '/etc/passwd',
  'C:\\secret.txt',
  'C:secret.txt',
  '\\\\host\\share\\x',
  '%2e%2e%2fcanary%2fsecret.txt',
  '%252e%252e%252fcanary%252fsecret.txt',
  'CON',
  'nul.txt',
  'a\0b.txt',
  `${'x'.repeat(241)}`,
  '.',
  '..',
  'ends with a dot.',
  'ends with a space ',
  `gpj.${RLO}exe.txt`,
  'zero\u200bwidth.txt',
  'e\u0301.txt',
  '-rf',
  'new\nline.txt',
  'bell\x07.txt',
  '\x1b[2J\x1b]0;owned\x07.txt',
  '.0123456789abcdef.part',
  '.floodmesh.lock',
];
const ROOT = rootOf('ab'.repeat(32));

siege('hostile names that are typed reach nothing', {}, async ({ t, asker, network }) => {
  const before = readdirSync(network.downloads('asker')).sort();
  for (const name of HOSTILE.filter((each) => !each.includes('\n'))) {
    const outcome = await asker.get(`get "${name}"`);
    t.match(outcome, { type: /notFound|error/ }, JSON.stringify(name));
    if (outcome.type === 'error') t.equal(outcome.code, 'USAGE');
  }
  t.match(await asker.get('get $(touch owned)'), { type: 'notFound' });
  for (const path of ['../canary', '/dev/zero', '/proc/self/mem', 'canary/nothing']) {
    t.match(await asker.ask(`share ${join(network.folder, path)}`, ['error', 'sharedFile']), { type: 'error' }, `share ${path}`);
  }
  t.same(readdirSync(network.downloads('asker')).sort(), before);
});

siege('hits with hostile names are refused whole, and store nothing', {}, async (besieged) => {
  const { t, asker, network } = besieged;
  for (const [index, name] of HOSTILE.entries()) {
    const liar = await Member.join(network, 'liar', {
      answer: ({ query }, { id }) => [JSON.stringify({ type: 'hits', query, providers: [{ peer: id, name, bytes: 3, root: ROOT }] })],
    });
    await liar.linkedWith(['asker']);
    const outcome = await asker.get(`bait ${index}`);
    t.match(outcome, { type: 'notFound' }, JSON.stringify(name));
    if (!liar.closed.includes('protocol')) await asker.until('linkDown', ({ peer }) => peer === liar.id);
    await liar.end();
  }
  await besieged.during('hits with hostile names', async () => undefined);
});

siege('requests with hostile names find nothing outside the folder', {}, async (besieged) => {
  const { t, network } = besieged;
  const member = await Member.join(network, 'member');
  await member.linkedWith(['holder', 'asker']);
  await besieged.during('hostile requests', async () => {
    for (const name of HOSTILE) {
      for (const want of [
        { by: 'name', name },
        { by: 'text', text: name },
      ]) {
        const reach = [member.named('holder').peer];
        const query = { type: 'query', query: queryId(nanoid(22)), want, reach, covered: [], trail: [member.id], patienceMs: 1_000 };
        member.say('holder', JSON.stringify(query));
      }
      await member.linkedWith(['holder']);
      await member.settled('holder');
    }
  });
  const found = member.heard.flatMap((message) => (message.type === 'hits' ? message.providers.map(({ name }) => name) : []));
  // A dot is in every name: what is shared may be found, and nothing else is.
  t.same(
    found.filter((name) => !/^g\d+\.bin$/.test(name)),
    [],
    'nothing else was found',
  );
  await member.end();
});

siege('hostile names of peers are refused by the server, and by peers in every message', {}, async (besieged) => {
  const { t, network, asker } = besieged;
  await besieged.during('joins under hostile names', async () => {
    for (const name of [...HOSTILE, '<b>x</b>', '', 'x'.repeat(200)]) {
      const line = await ServerLine.open(transport, { host: HOST, port: network.port });
      const wish = { protocol: PROTOCOL, network: 'p2p', peer: peerId(nanoid(PEER_ID_LENGTH)), name, host: HOST };
      // What no peer can be called is refused; `CON` and the like are no name of a peer either, for it names folders.
      await t.rejects(line.ask({ type: 'join', ...wish }), { code: /NAME_UNACCEPTABLE|UNREACHABLE/ }, JSON.stringify(name.slice(0, 20)));
      line.close();
    }
  });
  const member = await Member.join(network, 'member');
  await besieged.during('contacts with hostile names', async () => {
    for (const name of HOSTILE) {
      await member.linkedWith(['asker']);
      const contact = { ...member.contact, name };
      member.say('asker', JSON.stringify({ type: 'reports', reports: [member.signed({ contact, version: 9, neighbors: [] })] }));
      await member.settled('asker');
      const to = member.named('asker');
      const link = await transport.dial(to, 'mesh');
      const { promise, resolve } = Promise.withResolvers<string>();
      link.attach({ text: () => link.send(JSON.stringify(member.hello(contact))), closed: resolve });
      t.match(await promise, /protocol|stranger/);
      if (member.closed.at(-1) === 'protocol') await member.dial(to).catch(() => undefined);
    }
  });
  t.ok((await asker.topology()).every(({ name }) => ['asker', 'holder', 'member'].includes(name)));
  await member.end();
});

siege('files whose names are hostile are not shared, and said without harm', {}, async (besieged) => {
  const { t, network, holder, asker } = besieged;
  const names = [
    'new\nline.txt',
    '\x1b[2Jclear.txt',
    `gpj.${RLO}exe.txt`,
    'nul.txt',
    '-rf',
    'dot.',
    'a:b.txt',
    '$(touch owned).txt',
    'é.txt',
  ];
  const since = holder.now;
  for (const name of names) writeFileSync(network.shared('holder', name), name);
  writeFileSync(Buffer.concat([Buffer.from(network.shared('holder', 'f')), Buffer.from([0xff, 0xfe, 0x2e, 0x78])]), 'not UTF-8');
  mkdirSync(network.shared('holder', 'a folder'));
  await holder.until('shared', ({ files, pending }) => files === 62 && pending === 0, { since });
  const { shared } = await holder.ask('status', 'status');
  t.equal(shared.files, 62, 'sixty, and the two that are odd but harmless');
  t.ok(shared.skipped.length >= 8, 'the others are said to be left out');
  await asker.fetch('$(touch owned).txt');
  await asker.fetch('é.txt');
  t.match(await asker.get('nul'), { type: 'notFound' });
  await besieged.during('names on the disk', async () => undefined);
  // Once more for a person's eyes: the sentences of `status` hold the names, escaped.
  const person = network.run([
    'join',
    'person',
    '--server',
    network.address,
    '--files',
    'files/holder',
    '--exec',
    'status; list; new line',
  ]);
  await person.ended;
  t.match(person.output, /new\\x0aline\.txt/);
  t.match(person.output, /gpj\.\\u\{202e\}exe\.txt/);
});
