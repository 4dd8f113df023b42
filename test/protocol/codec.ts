import fc from 'fast-check';
import t, { type Test } from 'tap';
import { FloodmeshError } from '../../lib/errors.ts';
import {
  encode,
  type Parse,
  parseLinkMessage,
  parseServerAnswer,
  parseServerRequest,
  parseSideLinkMessage,
  parseTransferMessage,
} from '../../lib/protocol/codec.ts';
import { MAX_CONTENT_BYTES } from '../../lib/protocol/fields.ts';
import { CONTENT_BYTES } from '../../lib/transfer/pieces.ts';
import {
  answers,
  asides,
  contact,
  files,
  folder,
  head,
  hostileNames,
  links,
  peer,
  provider,
  report,
  requests,
  transfers,
} from './samples.ts';

const CONVERSATIONS: readonly (readonly [name: string, parse: Parse<{ type: string }>, samples: readonly { type: string }[]])[] = [
  ['link', parseLinkMessage, links],
  ['aside', parseSideLinkMessage, asides],
  ['request', parseServerRequest, requests],
  ['answer', parseServerAnswer, answers],
  ['transfer', parseTransferMessage, transfers],
];

// JSON has numbers that JavaScript cannot write.
const TOO_BIG = '@1e309@';
const text = (value: unknown) => JSON.stringify(value).replaceAll(`"${TOO_BIG}"`, '1e309');

const NO_STRING = [0, null, true, {}, [], ['x']];
const NO_COUNT = [-1, 0.5, 2 ** 53, TOO_BIG, '12', '', null, true, {}, [], [1]];
const NO_ID = [...NO_STRING, '', 'short', 'x'.repeat(23), '../../../etc', 'abcdefghijk\n', 'abcdefghijk/'];
const [hello] = links;
const NO_ARRAY = [null, 'x', 0, {}, true];
const OTHER_OBJECT = [null, [], 'x', 0, true, {}];
const tooMany = (count: number, item: unknown) => Array.from({ length: count + 1 }, () => item);

/** For every field of every message, by its name: what it must never hold. */
const HOSTILE: Readonly<Record<string, readonly unknown[]>> = {
  ask: NO_COUNT,
  at: [...NO_COUNT, 2 ** 48],
  until: [...NO_COUNT, 2 ** 48],
  key: [...NO_COUNT, 2 ** 48],
  holders: [...NO_ARRAY, [null], [{}], tooMany(64, contact)],
  home: [false, 0, 1, 'true', null],
  lifeMs: [...NO_COUNT, 3_600_001],
  predecessor: OTHER_OBJECT,
  successors: [...NO_ARRAY, [null], [{}], tooMany(8, contact)],
  between: [...NO_ARRAY, [null], [{}], tooMany(16, contact)],
  linked: [...NO_ARRAY, [0], ['x'], tooMany(64, peer)],
  more: [false, 0, 1, 'true', null],
  type: [...NO_STRING, '', 'unknown', '__proto__', 'constructor', 'toString', 'PING'],
  protocol: NO_COUNT,
  id: NO_COUNT,
  serial: NO_COUNT,
  version: NO_COUNT,
  bytes: [...NO_COUNT, 2 ** 40 + 1],
  first: NO_COUNT,
  joined: NO_COUNT,
  seconds: NO_COUNT,
  count: [...NO_COUNT, 0, 65],
  port: [...NO_COUNT, 0, 65_536],
  part: [...NO_COUNT, 1_024],
  detours: [...NO_COUNT, 9],
  depth: [...NO_COUNT, 0, 33, 255],
  limit: [...NO_COUNT, 0, 33, 255],
  open: [false, 0, 1, 'true', null],
  only: [...NO_ID, 'x'.repeat(13)],
  asked: [...NO_COUNT, 100_000_001],
  silent: [...NO_COUNT, 100_000_001],
  edge: [...NO_COUNT, 33],
  patienceMs: [...NO_COUNT, 3_600_001],
  nextMs: [...NO_COUNT, 0, 5_001],
  silentMs: [...NO_COUNT, 1_201],
  leaseMs: [...NO_COUNT, 3_600_001],
  listLifeMs: [...NO_COUNT, 239_999, 604_800_001],
  peer: [...NO_ID, 'x'.repeat(13)],
  holder: [...NO_ID, 'x'.repeat(13)],
  query: [...NO_ID, 'x'.repeat(12)],
  call: [...NO_ID, 'x'.repeat(12)],
  stop: [...NO_ID, 'x'.repeat(12)],
  root: [...NO_ID, 'F'.repeat(64), '0'.repeat(63), '0'.repeat(65)],
  cookie: [...NO_STRING, '', 'x'.repeat(21), 'x'.repeat(65), `${'x'.repeat(22)}'`],
  session: [...NO_STRING, '', 'x'.repeat(21), 'x'.repeat(65), `${'x'.repeat(42)}+`],
  password: [...NO_STRING, 'x'.repeat(1_025)],
  old: [...NO_STRING, 'x'.repeat(1_025)],
  next: [...NO_STRING, 'x'.repeat(1_025)],
  account: [...NO_STRING, '', 'x'.repeat(65)],
  accounts: [...NO_ARRAY, [null], [{}]],
  // That of an account is a count, that of a document a text.
  number: NO_COUNT.filter((value) => value !== '12'),
  title: [...NO_STRING, '', 'x'.repeat(513), 'a\u202eb', 'a\nb'],
  words: [...NO_STRING, '', 'x'.repeat(513)],
  signature: [...NO_STRING, 'x'.repeat(129), 'a b', "'"],
  keys: [...NO_STRING, '', 'x'.repeat(85), 'x'.repeat(87), `${'x'.repeat(85)}+`],
  nonce: [...NO_STRING, '', 'x'.repeat(21), 'x'.repeat(23)],
  proof: [...NO_STRING, '', 'x'.repeat(15), 'x'.repeat(17), `${'x'.repeat(15)}=`],
  proofs: [...NO_ARRAY, [0], ['x'], tooMany(1_024, 'x'.repeat(16))],
  networkKey: [...NO_STRING, '', 'x'.repeat(129), 'a b'],
  host: [...NO_STRING, '', 'x'.repeat(254)],
  network: [...NO_STRING, 'x'.repeat(65)],
  name: [...NO_STRING, 'x'.repeat(1_025)],
  text: [...NO_STRING, '', 'x'.repeat(1_025)],
  by: [...NO_STRING, '', 'size', '__proto__'],
  discovery: [...NO_STRING, 'x'.repeat(33)],
  code: [...NO_STRING, 'x'.repeat(65)],
  message: [...NO_STRING, 'x'.repeat(513)],
  hint: [...NO_STRING, 'x'.repeat(513)],
  which: [...NO_STRING, '', 'none'],
  head: OTHER_OBJECT,
  digest: [...NO_STRING, '', 'x'.repeat(21), 'x'.repeat(23), `${'x'.repeat(21)}+`],
  sums: [...NO_ARRAY, [], [0], new Array(9).fill(0), new Array(8).fill(-1), new Array(8).fill(2 ** 32), new Array(8).fill('1')],
  lists: [...NO_ARRAY, [null], [[]], [[peer]], [[peer, -1]], [[peer, 1, 1]], [['x', 1]], tooMany(1_024, [peer, 1])],
  wants: [
    ...NO_ARRAY,
    [],
    [null],
    [[]],
    [[peer, 1]],
    [[peer, 1, -1]],
    [[peer, -1, 1]],
    [[peer, 1, 1, 1]],
    [['x', 1, 1]],
    tooMany(128, [peer, 1, 1]),
  ],
  told: [...NO_ARRAY, [null], [{}], [[]]],
  shared: [...NO_ARRAY, [null], [{}], tooMany(512, files[0])],
  buckets: [...NO_ARRAY, [8], [-1], ['0'], new Array(9).fill(0)],
  answer: [false, 1, 'true', null, {}],
  start: NO_COUNT,
  left: [false, 1, 'true', null, {}],
  partial: [false, 1, 'true', null, {}],
  hops: [...NO_COUNT, 17],
  links: [...NO_COUNT, 0, 3],
  members: NO_COUNT,
  contacts: [...NO_ARRAY, [null], [{}], tooMany(8, contact)],
  online: [0, 1, 'true', null, {}],
  reach: [...NO_ARRAY, [0], [null], ['x'], [[peer]], tooMany(1_024, peer)],
  covered: [...NO_ARRAY, [0], ['x'], tooMany(1_024, peer)],
  answered: [...NO_ARRAY, [0], ['x'], tooMany(1_024, peer)],
  missed: [...NO_ARRAY, [0], ['x'], tooMany(1_024, peer)],
  trail: [...NO_ARRAY, [], [0], ['x'], tooMany(64, peer)],
  neighbors: [...NO_ARRAY, [0], ['x'], tooMany(64, peer)],
  providers: [...NO_ARRAY, [null], [{}], tooMany(64, provider)],
  roots: [...NO_ARRAY, [], [0], [''], ['AA'.repeat(32)], tooMany(48, provider.root)],
  holds: OTHER_OBJECT,
  files: [-1, 0, 1.5, 100_001, '1', null, []],
  reports: [...NO_ARRAY, [null], [{}], tooMany(24, report)],
  peers: [...NO_ARRAY, [null], [{}]],
  contact: OTHER_OBJECT,
  referral: OTHER_OBJECT.filter((value) => value !== null),
  want: OTHER_OBJECT,
  base: [...NO_COUNT, 'some'],
  removed: [...NO_ARRAY, [0], [''], tooMany(512, 'f1.txt')],
  put: [...NO_ARRAY, [null], [{}], tooMany(512, files[0])],
  cursor: [...NO_STRING, '', 'x'.repeat(1_025)],
  most: [...NO_COUNT, 0, 513],
  index: [false, 0, 1, 'true', null],
  entries: NO_COUNT,
  found: [...NO_ARRAY, [null], [{}]],
  held: [...NO_ARRAY, [], [null], [{}], tooMany(512, files[0])],
  foreign: [...NO_ARRAY, [null], [{}]],
  hash: [...NO_STRING, 'x'.repeat(301)],
  folder: [...NO_STRING, 'x'.repeat(301)],
};

const OPTIONAL = new Set([
  ...['nextMs', 'left', 'partial', 'members', 'hint', 'port in join', 'cookie in join', 'proof in hello'],
  ...[
    'contact in hits',
    'part in hits',
    'detours in hits',
    'proof in hits',
    'keys in hits',
    'signature in hits',
    'only in wave',
    'open in wave',
    'contact in call',
    'session in join',
    'network in register',
    'network in login',
    'peers.0.account in peerList',
    'accounts in peerList',
    'foreign in located',
    'foreign.0.folder in located',
    'contact in browsed',
    'buckets in known',
    'answer in known',
    'answer in lists',
    ...['head.left', 'start', 'more', 'base', 'removed'].flatMap((field) => [0, 1, 2].map((index) => `told.${index}.${field} in lists`)),
    'providers.2.title in hits',
    'providers.2.number in hits',
    'more in offered',
    'more in holding',
    'home in sought',
    'until in around',
    'predecessor in neighborhood',
    'predecessor in depart',
  ],
  ...['cursor', 'most', 'index in assigned', 'listLifeMs'],
]);

type Path = readonly (string | number)[];

/** Every field of a message, however deep. */
function paths(value: unknown, above: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = [...above, Array.isArray(value) ? Number(key) : key];
    return [...(Array.isArray(value) ? [] : [path]), ...paths(inner, path)];
  });
}

/** A copy of `value` in which `spoil` has changed the object that holds the field at `path`. */
function spoilt(value: unknown, path: Path, spoil: (holder: Record<string, unknown>, key: string) => unknown): unknown {
  const copy = structuredClone(value);
  let holder = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<string, unknown>;
  spoil(holder, String(path.at(-1)));
  return copy;
}

function refuses(t: Test, parse: Parse<unknown>, said: string): void {
  let thrown: unknown;
  try {
    parse(said);
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof FloodmeshError) || thrown.code !== 'PROTOCOL_BROKEN') t.fail('is refused', { said: said.slice(0, 300), thrown });
}

for (const [conversation, parse, samples] of CONVERSATIONS) {
  t.test(`every ${conversation} message comes back as it was sent`, async (t) => {
    for (const sample of samples) t.same(parse(encode(sample as never)), sample, sample.type);
  });

  t.test(`every field of every ${conversation} message is refused when it holds what it must not`, async (t) => {
    for (const sample of samples) {
      for (const path of paths(sample)) {
        const field = String(path.at(-1));
        t.ok(HOSTILE[field], `something hostile is known for ${field}`);
        for (const hostile of HOSTILE[field] ?? []) {
          refuses(t, parse, text(spoilt(sample, path, (holder, key) => Object.assign(holder, { [key]: hostile }))));
        }
      }
    }
  });

  t.test(`no field of a ${conversation} message may be missing, save the optional ones`, async (t) => {
    for (const sample of samples) {
      for (const path of paths(sample)) {
        const field = String(path.at(-1));
        const said = text(spoilt(sample, path, (holder, key) => delete holder[key]));
        if (OPTIONAL.has(field) || OPTIONAL.has(`${path.join('.')} in ${sample.type}`)) t.doesNotThrow(() => parse(said), field);
        else refuses(t, parse, said);
      }
    }
    t.pass();
  });

  t.test(`a key that no ${conversation} message has is refused, at every depth`, async (t) => {
    for (const sample of samples) {
      for (const path of paths(sample)) {
        for (const key of ['extra', '__proto__', 'constructor', 'toJSON', '']) {
          const said = text(
            spoilt(sample, path, (holder) => void Object.defineProperty(holder, key, { value: { type: 'ping' }, enumerable: true })),
          );
          refuses(t, parse, said);
        }
      }
    }
    t.pass();
  });

  t.test(`a ${conversation} message of another conversation is refused`, async (t) => {
    // A side link is greeted as a link is.
    const isShared = ({ type }: { type: string }) => conversation === 'aside' && (type === 'hello' || type === 'welcome');
    for (const [other, , foreign] of CONVERSATIONS) {
      if (other !== conversation) for (const sample of foreign) if (!isShared(sample)) refuses(t, parse, text(sample));
    }
    t.pass();
  });

  t.test(`whatever comes, the parser of ${conversation} messages answers a message or PROTOCOL_BROKEN`, async (t) => {
    const known = fc.constantFrom(...samples);
    const nearly = fc
      .tuple(known, fc.nat(), fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(HOSTILE).flat())))
      .map(([sample, which, value]) => {
        const fields = paths(sample);
        const path = fields[which % fields.length] ?? ['type'];
        return text(spoilt(sample, path, (holder, key) => Object.assign(holder, { [key]: value })));
      });
    const torn = fc.tuple(known, fc.nat(), fc.string()).map(([sample, at, junk]) => {
      const whole = text(sample);
      return whole.slice(0, at % whole.length) + junk + whole.slice((at % whole.length) + 1);
    });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), nearly, torn), (said) => {
        try {
          return typeof parse(said).type === 'string';
        } catch (thrown) {
          return thrown instanceof FloodmeshError && thrown.code === 'PROTOCOL_BROKEN';
        }
      }),
      { numRuns: 400 },
    );
    t.pass();
  });
}

t.test('what is no object is refused', async (t) => {
  for (const said of [
    '',
    ' ',
    'null',
    'true',
    '12',
    '1e309',
    '"ping"',
    '[]',
    '[{"type":"ping"}]',
    '{',
    '{"type":"ping"',
    '{"type":"ping"}{}',
    '\u0000',
    'GET / HTTP/1.1',
  ])
    refuses(t, parseLinkMessage, said);
  t.pass();
});

t.test('a million levels of nesting are refused', async (t) => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"type":', '}'],
  ] as const) {
    refuses(t, parseLinkMessage, open.repeat(1_000_000));
    refuses(t, parseLinkMessage, `${open.repeat(20_000)}0${close.repeat(20_000)}`);
    refuses(t, parseLinkMessage, `{"type":"hits","query":"abcdefghijklmnopqrstuv","providers":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
  }
  t.pass();
});

t.test('a prototype in a message reaches no other object', async (t) => {
  refuses(t, parseLinkMessage, '{"__proto__":{"type":"ping"}}');
  refuses(t, parseLinkMessage, '{"type":"ping","__proto__":{"polluted":true}}');
  refuses(t, parseLinkMessage, '{"type":"ping","constructor":{"prototype":{"polluted":true}}}');
  t.notOk('polluted' in {});
});

t.test('a key that comes twice counts once, as the last says', async (t) => {
  t.same(parseLinkMessage('{"type":"ping","type":"pong"}'), { type: 'pong' });
});

t.test('the largest numbers that are allowed come through exactly', async (t) => {
  t.equal(MAX_CONTENT_BYTES, CONTENT_BYTES, 'the largest content is that of the transfer');
  t.same(parseLinkMessage(text({ ...hello, protocol: Number.MAX_SAFE_INTEGER })), { ...hello, protocol: Number.MAX_SAFE_INTEGER });
  t.same(parseTransferMessage(`{"type":"opened","bytes":${MAX_CONTENT_BYTES}}`), { type: 'opened', bytes: MAX_CONTENT_BYTES });
  t.same(parseLinkMessage(text({ ...hello, contact: { ...contact, port: 65_535 } })), {
    ...hello,
    contact: { ...contact, port: 65_535 },
  });
});

const FILE_CARRIERS = [
  [
    'lists',
    parseLinkMessage,
    (name: string) => ({
      type: 'lists',
      told: [
        { head, shared: [] },
        { head, shared: [...files, { ...files[0], name }] },
      ],
    }),
  ],
  [
    'hits',
    parseLinkMessage,
    (name: string) => ({ ...links.find(({ type }) => type === 'hits'), providers: [provider, { ...provider, name }] }),
  ],
  [
    'publish',
    parseServerRequest,
    (name: string) => ({ type: 'publish', id: 1, base: 0, version: 1, removed: [], put: [{ ...files[0], name }] }),
  ],
  ['located', parseServerAnswer, (name: string) => ({ type: 'located', id: 1, found: [{ contact, held: [{ ...files[0], name }] }] })],
  ['browsed', parseServerAnswer, (name: string) => ({ type: 'browsed', id: 1, version: 1, entries: 1, found: [{ ...files[0], name }] })],
] as const;

const PEER_CARRIERS = [
  [
    'lists',
    parseLinkMessage,
    (name: string) => ({ type: 'lists', told: [{ head: { ...head, contact: { ...contact, name } }, shared: [] }] }),
  ],
  ['hello', parseLinkMessage, (name: string) => ({ ...hello, contact: { ...contact, name } })],
  ['reports', parseLinkMessage, (name: string) => ({ type: 'reports', reports: [report, { ...report, contact: { ...contact, name } }] })],
  ['assigned', parseServerAnswer, (name: string) => ({ ...answers[0], contact: { ...contact, name } })],
  ['referred', parseServerAnswer, (name: string) => ({ type: 'referred', id: 1, referral: { ...contact, name } })],
  ['hello, as an account', parseLinkMessage, (name: string) => ({ ...hello, contact: { ...contact, account: name } })],
  ['located', parseServerAnswer, (name: string) => ({ type: 'located', id: 1, found: [{ contact: { ...contact, name }, held: files }] })],
  [
    'browsed',
    parseServerAnswer,
    (name: string) => ({ type: 'browsed', id: 1, contact: { ...contact, name }, version: 1, entries: 0, found: [] }),
  ],
  ['contactList', parseServerAnswer, (name: string) => ({ type: 'contactList', id: 1, found: [contact, { ...contact, name }] })],
  [
    'peerList, as an account',
    parseServerAnswer,
    (name: string) => ({ type: 'peerList', id: 1, peers: [], accounts: [{ number: 1, name, online: true, seconds: 0 }] }),
  ],
  [
    'peerList',
    parseServerAnswer,
    (name: string) => ({ type: 'peerList', id: 1, peers: [{ peer, name, host: 'h', port: 1, online: true, joined: 0, seconds: 0 }] }),
  ],
] as const;

for (const [type, parse, message] of FILE_CARRIERS) {
  t.test(`a hostile file name in ${type} is refused, never repaired`, async (t) => {
    for (const name of hostileNames) if (name !== 'a/b') refuses(t, parse, text(message(name)));
    t.same(parse(text(message('käse.txt'))), message('käse.txt'));
    t.same(parse(text(message('__proto__'))), message('__proto__'), 'a file may be called that');
  });
}

t.test('what ends with a slash is a folder and says what it holds; nothing else does', async (t) => {
  const hits = (some: object) => text({ ...links.find(({ type }) => type === 'hits'), providers: [some] });
  refuses(t, parseLinkMessage, hits({ ...folder, name: 'photos' }));
  refuses(t, parseLinkMessage, hits({ ...provider, name: 'photos/' }));
  t.doesNotThrow(() => parseLinkMessage(hits({ ...folder, name: 'photos/of 2024/' })));
});

for (const [type, parse, message] of PEER_CARRIERS) {
  t.test(`a hostile peer name in ${type} is refused, never repaired`, async (t) => {
    for (const name of [...hostileNames, '__proto__', '$(reboot)']) refuses(t, parse, text(message(name)));
    t.same(parse(text(message('Ωmega'))), message('Ωmega'));
  });
}

t.test('a joiner may ask for any name, so that it can be told why it is refused', async (t) => {
  for (const name of ['', '../../x', 'x'.repeat(256)]) t.same(parseServerRequest(text({ ...requests[0], name })), { ...requests[0], name });
});

t.test('a question may be any text: it is only compared with names', async (t) => {
  for (const name of ['../../x', '__proto__', '%2e%2e', '字'.repeat(80)]) {
    const query = { ...links.find(({ type }) => type === 'query'), want: { by: 'name', name } };
    t.same(parseLinkMessage(text(query)), query);
  }
});

t.test('a text is bounded by what it takes, not by what it looks like', async (t) => {
  const zalgo = `a${'\u0301'.repeat(30_000)}`;
  for (const want of [
    { by: 'name', name: zalgo },
    { by: 'text', text: zalgo },
  ]) {
    refuses(t, parseLinkMessage, text({ ...links.find(({ type }) => type === 'query'), want }));
  }
  refuses(t, parseLinkMessage, text({ ...hello, contact: { ...contact, host: zalgo } }));
  refuses(t, parseTransferMessage, text({ type: 'closed', code: 'X', message: zalgo }));
  refuses(t, parseServerRequest, text({ ...requests[0], name: zalgo }));
  t.pass();
});
