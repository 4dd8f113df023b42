/** Three liars of four holders, each in its own way: what comes, what it costs, and who is named. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { type Behaviour, identified, piece } from '../peer/holders.ts';
import { Member, offering } from './member.ts';
import { story } from './processes.ts';

t.setTimeout(300_000);

const MIB = 1024 * 1024;

for (const bytes of [1_200_000, 8 * MIB, 40 * MIB]) {
  const content = identified(randomBytes(bytes));
  const right = (index: number) => piece(content.content, index);
  const lies: Readonly<Record<string, Behaviour>> = {
    'liar-in-the-layer': { layer: flipped(content.layer), piece: right },
    'liar-in-each-piece': { piece: (index) => flipped(right(index)) },
    'liar-from-the-third': { piece: late(right) },
  };

  story(
    `of four holders three lie: ${bytes} bytes come right, at most as many are wasted, and the liars are named`,
    { ports: 12 },
    async (t, network) => {
      let sent = 0;
      const lied = new Set<string>();
      const counted = (name: string, behaviour: Behaviour): Behaviour => ({
        ...behaviour,
        piece: (index, link) => {
          const bytes = behaviour.piece?.(index, link) ?? new Uint8Array();
          sent += bytes.length;
          if (!Buffer.from(bytes).equals(right(index))) lied.add(`${name} lied`);
          return bytes;
        },
      });
      const asker = await network.peer('s1');
      for (const [name, behaviour] of Object.entries({ ...lies, honest: { piece: right } })) {
        const member = await Member.join(network, name, offering('gold.bin', content, counted(name, behaviour)));
        await member.linkedWith(['s1']);
      }
      const file = await asker.fetch('gold');
      t.ok(readFileSync(network.downloads('s1', 'gold.bin')).equals(content.content), 'the file is right');
      t.same(
        readdirSync(network.downloads('s1')).filter((name) => name !== '.floodmesh.lock'),
        ['gold.bin'],
      );
      t.ok(sent <= 2 * bytes, `${sent} bytes were sent by all of them`);
      t.equal(
        file.providers.reduce((sum, { bytes }) => sum + bytes, 0),
        bytes,
        'who sent how much of it adds up',
      );
      const lost = asker.said.flatMap(({ event }) => (event.type === 'holderLost' ? [`${event.peer} ${event.why}`] : []));
      // One that has not come to its lie is not found out.
      t.same(new Set(lost.filter((words) => words !== 'liar-in-the-layer lied')), lied, 'the liars are named, and nobody else');
      t.equal(new Set(lost).size, lost.length, 'each once');
      if (bytes > MIB * 2) t.equal(lost.length, 3);
      t.comment(`${bytes} bytes: ${sent} sent in all, from ${file.providers.map(({ peer, bytes }) => `${peer} ${bytes}`).join(', ')}`);
    },
  );
}

/** One bit in it is wrong. */
function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.with(bytes.length >> 1, (bytes[bytes.length >> 1] ?? 0) ^ 1);
}

/** Right until the third piece that it is asked for. */
function late(right: (index: number) => Uint8Array): (index: number) => Uint8Array {
  let asked = 0;
  return (index) => (++asked < 3 ? right(index) : flipped(right(index)));
}
