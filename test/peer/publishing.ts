/** Peers of any network publish what they share, where its server wants that. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { authority } from '../../lib/protocol/host.ts';
import type { Store } from '../../lib/registry/store.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';
import { freePorts } from '../ports.ts';
import { next, Stage, server, stage } from './cast.ts';

const FOR_ALL = { type: 'all' } as const;

/** The paths in the index of a register, sorted. */
async function indexed(store: Store): Promise<string[]> {
  const { found } = await store.catalog.locate({ network: 'p2p', way: { by: FOR_ALL.type }, after: 0, limit: 100 }, Date.now());
  return found.map(({ entry, holder }) => `${entry.name} at ${holder.type === 'member' ? holder.lease.name : 'a stranger'}`).sort();
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

t.test('what is shared, comes and goes is in the index at once; other servers show it over HTTP', async (t) => {
  const store = new MemoryStore();
  const it = await stage(t, { store, index: true });
  const one = await it.joined('s1', { 'f1.txt': 'one' });
  await it.joined('s2', { 'f2.txt': 'two' });
  await until(async () => (await indexed(store)).length === 2);
  t.same(await indexed(store), ['f1.txt at s1', 'f2.txt at s2']);
  const at = authority(it.address);
  const listed = (await (await fetch(`http://${at}/v1/files`)).json()) as { readonly files?: readonly { readonly name: string }[] };
  t.match(JSON.stringify(listed), 'f1.txt');
  const seed = (await (await fetch(`http://${at}/resource`)).json()) as { readonly data: string };
  t.match(seed.data, '"resource_name": "f2.txt"', 'as a peer of seed 004 is told');
  await writeFile(join(it.folder('s1', 'files'), 'f3.txt'), 'three');
  await until(async () => (await indexed(store)).includes('f3.txt at s1'));
  await rm(join(it.folder('s1', 'files'), 'f1.txt'));
  await until(async () => !(await indexed(store)).includes('f1.txt at s1'));
  await one.leave();
  t.same(await indexed(store), ['f2.txt at s2']);
});

t.test('a server that comes back without its memory is told everything again', async (t) => {
  const [port = 0, ...ports] = await freePorts(3);
  const first = await server(t, { port, ports, index: true });
  const one = await new Stage(t, first.address).joined('s1', { 'f1.txt': 'one' });
  const back = next(one, 'serverBack');
  await first.close();
  const store = new MemoryStore();
  await server(t, { port, ports, index: true, store });
  await back;
  await until(async () => (await indexed(store)).length === 1);
  t.pass();
});

t.test('elsewhere nothing is published', async (t) => {
  const store = new MemoryStore();
  const it = await stage(t, { store });
  const one = await it.joined('s1', { 'f1.txt': 'one' });
  await one.peers('all');
  t.same(await indexed(store), []);
});
