/**
 * The arrows of docs/ARCHITECTURE.md. A row may import the rows below it; nothing in a row imports its row-mates.
 *
 *        bin                                   chooses and starts
 *     repl                                     what people see
 *   peer · server · simulator                  bodies: make things happen
 *   net · disk · registry/stores               the world
 *        mesh · transfer · registry            minds: decide, and only decide
 *            protocol                          the language
 *
 * `config`, `errors` and `trace` are tables and types that any layer may import; `lib/index.ts` is the door for others.
 */
const rows = [
  ['repl'],
  ['peer', 'server', 'simulator'],
  ['net', 'disk', 'registry/stores'],
  ['mesh', 'transfer', 'registry'],
  ['protocol'],
];

const rooms = rows.flat();
const above = (room) =>
  rows
    .slice(
      0,
      rows.findIndex((row) => row.includes(room)),
    )
    .flat();
const mates = (room) => rows.find((row) => row.includes(room)).filter((mate) => mate !== room);

const path = (room) => (room === 'registry' ? '^lib/registry/(?!stores/)' : `^lib/${room}/`);

const arrowsGoDown = rooms.map((room) => ({
  name: `${room} imports only what is below it`,
  severity: 'error',
  from: { path: path(room) },
  to: { path: [...above(room), ...mates(room)].map(path).concat('^bin/', '^lib/index\\.ts$') },
}));

export default {
  forbidden: [
    ...arrowsGoDown,
    { name: 'no cycle, counting types', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'tables import only each other and the language',
      severity: 'error',
      from: { path: '^lib/(config|errors|trace)\\.ts$' },
      to: { path: '^lib/', pathNot: '^lib/(config|errors|trace)\\.ts$|^lib/protocol/' },
    },
    {
      name: 'minds and the language use no machine: no node: module',
      severity: 'error',
      from: { path: [path('mesh'), path('transfer'), path('registry'), path('protocol')] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'minds cannot be killed: they only decide',
      severity: 'error',
      from: { path: [path('mesh'), path('transfer'), path('registry'), path('protocol')] },
      to: { path: '^lib/failpoints\\.ts$' },
    },
    {
      name: 'minds use nothing from outside',
      severity: 'error',
      from: { path: [path('mesh'), path('transfer'), path('registry')] },
      to: { path: 'node_modules' },
    },
    {
      name: 'the simulator makes its world up: no socket, no disk, no machine',
      severity: 'error',
      from: { path: path('simulator') },
      to: { path: ['^lib/(net|disk)/', '^lib/registry/stores/(?!memory)', 'node_modules'] },
    },
    {
      name: 'the simulator uses no node: module',
      severity: 'error',
      from: { path: path('simulator') },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'only net knows ws',
      severity: 'error',
      from: { path: '^(lib|bin)/', pathNot: '^lib/net/' },
      to: { path: 'node_modules/(ws|@types/ws)/' },
    },
    {
      name: "only the server's HTTP face knows Fastify and prom-client",
      severity: 'error',
      from: { path: '^(lib|bin)/', pathNot: '^lib/server/http/' },
      to: { path: 'node_modules/(fastify|prom-client)/' },
    },
    {
      name: 'only disk knows the file system',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/disk/' },
      to: { path: '^(node:)?fs(/promises)?$', dependencyTypes: ['core'] },
    },
    {
      name: 'only stores know SQL',
      severity: 'error',
      from: { path: '^(lib|bin)/', pathNot: '^lib/registry/stores/' },
      to: { path: '^(node:)?sqlite$|node_modules/pg/' },
    },
    {
      name: 'mesh.ts names no strategy',
      severity: 'error',
      from: { path: '^lib/mesh/mesh\\.ts$' },
      to: { path: '^lib/mesh/discovery/', pathNot: '^lib/mesh/discovery/discovery\\.ts$' },
    },
    {
      name: 'registry.ts names no store',
      severity: 'error',
      from: { path: '^lib/registry/registry\\.ts$' },
      to: { path: '^lib/registry/stores/' },
    },
    { name: 'nothing shipped imports a test or a bench', severity: 'error', from: { path: '^(lib|bin)/' }, to: { path: '^(test|bench)/' } },
    { name: 'every import is found', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
};
