import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { METADATA_BYTES, WARNINGS_NAMED } from '../../lib/config.ts';
import { Metadata, metadataIn } from '../../lib/disk/metadata.ts';

const FTP = { number: '959', title: 'FILE TRANSFER PROTOCOL (FTP)', format: 'txt' };
const CIDR = { number: 4632, title: ' Classless Inter-domain Routing (CIDR) ', format: 'pdf' };
const text = (...rfcs: unknown[]) => JSON.stringify({ rfcs });

t.test('each entry is about the file of its number and format', async (t) => {
  const { titles, faults } = metadataIn(text(FTP, CIDR));
  t.same(
    titles,
    new Map([
      ['959.txt', { number: '959', title: FTP.title }],
      ['4632.pdf', { number: '4632', title: CIDR.title.trim() }],
    ]),
  );
  t.same(faults, []);
});

t.test('entries with faults are told by their place, and the sound ones count', async (t) => {
  const bad: unknown[] = [
    null,
    'x',
    {},
    { ...FTP, title: 7 },
    { ...FTP, format: undefined },
    { ...FTP, number: 1.5 },
    { ...FTP, number: '1', title: 'a\u202eb' },
    { ...FTP, number: '2', format: '/../../x' },
    { ...FTP },
  ];
  const { titles, faults } = metadataIn(text(FTP, ...bad, CIDR));
  t.same([...titles.keys()], ['959.txt', '4632.pdf']);
  t.equal(faults.length, bad.length);
  for (const [index, fault] of faults.entries()) t.match(fault, `entry ${index + 2}: `);
  t.match(faults.at(-1), /twice/);
});

t.test('what is no list of entries is one fault; of many faults the first are named', async (t) => {
  for (const wrong of ['', '{', 'null', '[]', '{"rfcs": {}}', '7']) {
    const { titles, faults } = metadataIn(wrong);
    t.same([titles.size, faults.length], [0, 1], wrong);
  }
  const { faults } = metadataIn(text(...Array.from({ length: WARNINGS_NAMED + 5 }, () => 0)));
  t.equal(faults.length, WARNINGS_NAMED + 1);
  t.equal(faults.at(-1), '5 more');
});

t.test('it is read again when it changed; whoever may be called otherwise is told', async (t) => {
  const folder = t.testdir({});
  const path = join(folder, 'metadata.json');
  const metadata = new Metadata();
  t.same(await metadata.refresh(folder), new Set());
  t.same(metadata.faults, [], 'there need be none');
  await writeFile(path, text(FTP));
  t.same(await metadata.refresh(folder), new Set(['959.txt']));
  t.same(metadata.of('959.txt'), { number: '959', title: FTP.title });
  t.same(await metadata.refresh(folder), new Set(), 'nothing changed');
  await writeFile(path, text(CIDR, CIDR));
  t.same(await metadata.refresh(folder), new Set(['959.txt', '4632.pdf']));
  t.equal(metadata.of('959.txt'), undefined);
  t.equal(metadata.faults.length, 1);
  await rm(path);
  t.same(await metadata.refresh(folder), new Set(['4632.pdf']));
  t.same(metadata.faults, []);
});

t.test('what is too long, or no plain file, is not read, and told', async (t) => {
  const folder = t.testdir({ 'other.json': text(FTP) });
  const path = join(folder, 'metadata.json');
  const metadata = new Metadata();
  await writeFile(path, '');
  await truncate(path, METADATA_BYTES + 1);
  await metadata.refresh(folder);
  t.match(metadata.faults, [/longer/]);
  await rm(path);
  await symlink(join(folder, 'other.json'), path);
  await metadata.refresh(folder);
  t.match(metadata.faults, [/cannot be read/]);
  await rm(path);
  await mkdir(path);
  await metadata.refresh(folder);
  t.match(metadata.faults, [/cannot be read/]);
});
