import fc from 'fast-check';
import t from 'tap';
import { peerId } from '../../lib/protocol/ids.ts';
import { DRAWN_PEERS, LEAST_LIST_COLUMNS, topologyDrawing, topologyLines, topologyList } from '../../lib/repl/topology.ts';
import { columns } from '../../lib/repl/width.ts';
import type { TopologyPeer } from '../../lib/trace.ts';

/** Peers of these names, with links between the named pairs, told of from both ends. */
function mesh(names: readonly string[], links: readonly (readonly [string, string])[]): TopologyPeer[] {
  return names.map((name, number) => ({
    peer: peerId(`peer${number}`.padEnd(12, '-')),
    name,
    port: 9000 + number,
    neighbors: links.flatMap(([one, other]) => (one === name ? [other] : other === name ? [one] : [])),
  }));
}

function pairs(names: readonly string[]): [string, string][] {
  return names.flatMap((one, place) => names.slice(place + 1).map((other): [string, string] => [one, other]));
}

const FIVE = ['s1', 's2', 's3', 's4', 's5'];

t.test('a single peer is listed, and there is nothing to draw', async (t) => {
  t.same(topologyLines(mesh(['s1'], []), 80), ['1 peer, 0 links', 's1  9000   no neighbours']);
});

t.test('two peers stand side by side', async (t) => {
  t.same(topologyLines(mesh(['s1', 's2'], [['s1', 's2']]), 80), [
    's1 ●⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤● s2',
    '',
    '2 peers, 1 link',
    's1  9000   s2',
    's2  9001   s1',
  ]);
});

t.test('a full mesh of five is a pentagon with all its diagonals', async (t) => {
  t.same(topologyDrawing(mesh(FIVE, pairs(FIVE)), 80), [
    '               s1',
    '              ⣀⡠●⠤⣀⡀',
    '        ⣀⡠⠤⠒⠊⠉⢠⠊ ⠱⡀⠈⠉⠒⠤⢄⣀',
    ' s5 ●⠶⢮⣭⠤⠤⠤⠤⢤⠴⠥⠤⠤⠤⠼⢤⠤⠤⠤⠤⢤⣭⠵● s2',
    '     ⠱⡀ ⠉⠑⠒⡤⢎⣀    ⢀⣀⠧⡔⠒⠉⠁⢀⠜',
    '      ⠘⢄ ⢀⠜ ⣀⡠⠭⠛⠚⠫⠥⣀⡀⠑⡄ ⢠⠊',
    '     s4 ●⠷⠮⠭⠤⠤⠤⠤⠤⠤⠤⠤⠬⠭⠾● s3',
  ]);
});

t.test('a line of five is drawn as a line, whatever its peers are called', async (t) => {
  const line: [string, string][] = [
    ['s1', 's4'],
    ['s4', 's2'],
    ['s2', 's5'],
    ['s5', 's3'],
  ];
  t.same(topologyDrawing(mesh(FIVE, line), 80), [
    '               s1',
    '                ●⠤⣀⡀',
    '                   ⠈⠉⠒⠤⢄⣀',
    ' s3 ●                    ⠉⠑● s4',
    '     ⠱⡀                  ⢀⠜',
    '      ⠘⢄                ⢠⠊',
    '     s5 ●⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤● s2',
  ]);
});

t.test('a ring of twelve is drawn as a ring, whatever order the names are in', async (t) => {
  const names = Array.from({ length: 12 }, (_, number) => `s${number + 1}`);
  const ring = names.map((_, number): [string, string] => [names[(number * 7) % 12] ?? '', names[((number + 1) * 7) % 12] ?? '']);
  const drawing = topologyDrawing(mesh(names, ring), 80);
  // Nothing crosses the middle of a ring.
  t.match(drawing[7], /^ *[^ ] {20,}● s\d+$/);
});

t.test('peers are listed by name, the tenth after the ninth, and their neighbours too', async (t) => {
  const names = ['s10', 's9', 's1'];
  t.same(topologyList(mesh(names, pairs(names)), 80), [
    '3 peers, 3 links',
    's1   9002   s9, s10',
    's9   9001   s1, s10',
    's10  9000   s1, s9',
  ]);
});

t.test('a link that one end alone tells of is marked', async (t) => {
  const [one, other] = mesh(['s1', 's2'], []);
  if (one === undefined || other === undefined) throw new Error('two peers');
  t.same(topologyList([{ ...one, neighbors: ['s2'] }, other], 80), [
    '2 peers, 1 link',
    's1  9000   s2*',
    's2  9001   no neighbours',
    '* only this end tells of the link',
  ]);
});

t.test('names may be long, wide, or hostile, and everything stays in its column', async (t) => {
  const names = ['東京のピア', 'a name as long as a name may be', 's\u001b[2J'];
  t.same(topologyList(mesh(names, pairs(names)), 100), [
    '3 peers, 3 links',
    'a name as long as a name may be  9001   s\\x1b[2J, 東京のピア',
    's\\x1b[2J                         9002   a name as long as a name may be, 東京のピア',
    '東京のピア                       9000   a name as long as a name may be, s\\x1b[2J',
  ]);
});

t.test('in a narrow terminal there is no drawing, and neighbours go under their peer', async (t) => {
  t.same(topologyLines(mesh(['東京のピア', 'you'], [['東京のピア', 'you']]), 24), [
    '2 peers, 1 link',
    'you 9001',
    '    東京のピア',
    '東京のピア 9000',
    '    you',
  ]);
});

t.test('more peers than can be told apart in a drawing, and two of one name, are only listed', async (t) => {
  const names = Array.from({ length: DRAWN_PEERS + 1 }, (_, number) => `s${number}`);
  t.same(topologyDrawing(mesh(names, []), 80), []);
  t.same(topologyDrawing(mesh(['s1', 's1'], []), 80), []);
});

const anyMesh = fc
  .uniqueArray(fc.oneof(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 32 }), fc.stringMatching(/^s\d{1,2}$/)), {
    minLength: 1,
    maxLength: 24,
  })
  .chain((names) => fc.subarray(pairs(names)).map((links) => ({ names, links })));

t.test('any mesh is drawn within the terminal', async () => {
  fc.assert(
    fc.property(anyMesh, fc.integer({ min: LEAST_LIST_COLUMNS, max: 200 }), ({ names, links }, width) => {
      return topologyLines(mesh(names, links), width).every((line) => columns(line) <= width);
    }),
    { numRuns: 60 },
  );
});

t.test('every peer of a drawing has its dot and its name', async (t) => {
  for (let count = 2; count <= DRAWN_PEERS; count++) {
    const names = Array.from({ length: count }, (_, number) => `n${number}`);
    for (const links of [pairs(names), []]) {
      const drawing = topologyDrawing(mesh(names, links), 120).join('\n');
      t.equal(drawing.match(/●/g)?.length, count);
      t.same(new Set(drawing.match(/n\d+/g)), new Set(names));
    }
  }
});

t.test('every peer and every link, from both ends, is in the list', async () => {
  const plain = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 24 });
  fc.assert(
    fc.property(
      plain.chain((names) => fc.subarray(pairs(names)).map((links) => ({ names, links }))),
      ({ names, links }) => {
        const rows = topologyList(mesh(names, links), 1000).slice(1);
        const told = rows.flatMap((row) => {
          const [name = '', , ...neighbors] = row.split(/[ ,]+/);
          return neighbors[0] === 'no' && neighbors[1] === 'neighbours' ? [] : neighbors.map((neighbor) => `${name} ${neighbor}`);
        });
        const both = links.flatMap(([one, other]) => [`${one} ${other}`, `${other} ${one}`]);
        return rows.length === names.length && told.sort().join() === both.sort().join();
      },
    ),
  );
});

t.test('in a ring each row says who stands around its peer', async (t) => {
  const [s1, s2] = mesh(['s1', 's2'], [['s1', 's2']]) as [TopologyPeer, TopologyPeer];
  const ringed = [
    { ...s1, ring: { predecessor: 's2', successor: 's2', next: 's3' } },
    { ...s2, ring: {} },
  ];
  t.same(topologyList(ringed, 80).slice(1), ['s1  9000   s2 · after s2 before s2 then s3', 's2  9001   s1 · alone in the ring']);
});
