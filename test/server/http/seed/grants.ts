import t from 'tap';
import { BRIDGE_ANSWERS, BRIDGE_GRANTS, BRIDGE_GRANTS_PER_ADDRESS, BRIDGE_MS } from '../../../../lib/config.ts';
import { PATH_BYTES } from '../../../../lib/protocol/names.ts';
import { type Content, Grants } from '../../../../lib/server/http/seed/grants.ts';

const [ONE, OTHER] = ['192.0.2.1', '192.0.2.2'];

function contentOf(text: string): Content {
  return { root: `root of ${text}`, bytes: Buffer.from(text), md5: '' };
}

class Table {
  readonly grants: Grants;
  #drawn = 0;

  constructor() {
    this.grants = new Grants(() => `drawn${++this.#drawn}`);
  }

  give(address: string, name = 'f', now = 0, content = contentOf('bytes')): string {
    return `${this.grants.give(address, name, content, now)}/${name}`;
  }

  take(address: string, datagram: string, now = 0): string | undefined {
    const bytes = this.grants.take(address, Buffer.from(datagram), now);
    return bytes && String(Buffer.from(bytes));
  }
}

t.test('who has asked has the file, a few times', async (t) => {
  const table = new Table();
  const path = table.give(ONE, 'über f');
  t.equal(path, 'drawn1/über f');
  for (let time = 0; time < BRIDGE_ANSWERS; time++) t.equal(table.take(ONE, path), 'bytes');
  t.equal(table.take(ONE, path), undefined);
  t.equal(table.grants.size, 0);
});

t.test('nobody else has it, from whatever address, and nothing else is had', async (t) => {
  const table = new Table();
  const path = table.give(ONE);
  t.equal(table.take(OTHER, path), undefined);
  for (const wrong of ['', '/', 'f', 'drawn1', 'drawn1/', 'drawn1/g', '/etc/hostname', '../x', `${path}\0`, 'x'.repeat(PATH_BYTES + 1)]) {
    t.equal(table.take(ONE, wrong), undefined, wrong.slice(0, 20));
  }
  t.equal(table.take(ONE, path), 'bytes', 'and none of that has cost anything');
});

t.test('it is had for a minute, and its bytes are forgotten then', async (t) => {
  const table = new Table();
  const path = table.give(ONE);
  t.equal(table.grants.known('root of bytes', BRIDGE_MS - 1)?.root, 'root of bytes');
  t.equal(table.grants.known('root of others', 0), undefined);
  t.equal(table.take(ONE, path, BRIDGE_MS - 1), 'bytes');
  t.equal(table.take(ONE, path, BRIDGE_MS), undefined);
  t.equal(table.grants.known('root of bytes', BRIDGE_MS), undefined);
  table.give(OTHER, 'g', BRIDGE_MS);
  t.equal(table.grants.size, 1);
});

t.test('one address takes no other its place, and all of them have so many', async (t) => {
  const table = new Table();
  const first = table.give(OTHER);
  const own = Array.from({ length: BRIDGE_GRANTS_PER_ADDRESS + 1 }, () => table.give(ONE));
  t.equal(table.grants.size, BRIDGE_GRANTS_PER_ADDRESS + 1);
  t.equal(table.take(ONE, own[0] ?? ''), undefined, 'its own oldest has ended');
  t.equal(table.take(ONE, own[1] ?? ''), 'bytes');
  t.equal(table.take(OTHER, first), 'bytes');
  for (let each = 0; each < BRIDGE_GRANTS; each++) table.give(`198.51.100.${each}`);
  t.equal(table.grants.size, BRIDGE_GRANTS);
  t.equal(table.take(OTHER, first), undefined, 'the oldest of all has ended');
});
