import fc from 'fast-check';
import t from 'tap';
import type { Want } from '../../lib/protocol/fields.ts';
import { peerId, queryId, rootOf } from '../../lib/protocol/ids.ts';
import { answerText, headText, helloText, hitsText, listText, reportText, type Unsigned, waveText } from '../../lib/protocol/proofs.ts';
import { peer, report } from './samples.ts';

const other = peerId('ABC_-6789012');
const query = queryId('q'.repeat(22));

t.test('no two reports have one text', async (t) => {
  const { contact } = report;
  const reports: readonly Unsigned[] = [
    report,
    { ...report, version: 4 },
    { ...report, neighbors: [] },
    { ...report, neighbors: [peer, other] },
    { ...report, neighbors: [other, peer] },
    { ...report, left: true },
    { ...report, partial: true },
    { ...report, left: true, partial: true },
    { ...report, contact: { ...contact, peer: other } },
    { ...report, contact: { ...contact, serial: 8 } },
  ];
  t.equal(new Set(reports.map(reportText)).size, reports.length);
  t.equal(reportText(report), '["floodmesh report 1","abcdefghijkl",7,3,["ABC_-6789012"],false,false]');
});

t.test('an answer is to one question of one search, by one peer, in whatever order the question was written', async (t) => {
  const wants: readonly Want[] = [{ by: 'name', name: 'text' }, { by: 'text', text: 'name' }, { by: 'text', text: 'text' }, { by: 'all' }];
  t.equal(new Set(wants.map((want) => answerText(query, want, peer))).size, wants.length);
  t.not(answerText(query, { by: 'all' }, peer), answerText(query, { by: 'all' }, other));
  t.not(answerText(query, { by: 'all' }, peer), answerText(queryId('r'.repeat(22)), { by: 'all' }, peer));
  t.equal(answerText(query, { name: 'x', by: 'name' }, peer), answerText(query, { by: 'name', name: 'x' }, peer));
});

t.test('a wave is one question of one search, to everybody or to one, in whatever order the question was written', async (t) => {
  const wants = [{ by: 'name', name: 'text' }, { by: 'text', text: 'name' }, { by: 'all' }, { by: 'peers' }] as const;
  t.equal(new Set(wants.flatMap((want) => [waveText(query, want, undefined), waveText(query, want, peer)])).size, 2 * wants.length);
  t.not(waveText(query, { by: 'all' }, peer), waveText(query, { by: 'all' }, other));
  t.not(waveText(query, { by: 'all' }, peer), waveText(queryId('r'.repeat(22)), { by: 'all' }, peer));
  t.equal(waveText(query, { name: 'x', by: 'name' }, peer), waveText(query, { by: 'name', name: 'x' }, peer));
});

t.test('no text of one kind is one of another, and both nonces and the speaker count', async (t) => {
  t.not(helloText('a', 'b', peer), helloText('b', 'a', peer));
  t.not(helloText('a', 'b', peer), helloText('a', 'b', other));
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, two) => {
      const texts = [helloText(one, two, peer), answerText(queryId(one), { by: 'name', name: two }, peer), reportText(report)];
      return new Set(texts.map((text) => JSON.parse(text)[0])).size === 3;
    }),
  );
  t.pass();
});

t.test('hits with another holder, name, length, root, folder, title or number have another text', async (t) => {
  const file = { peer, name: 'f', bytes: 1, root: rootOf('0f'.repeat(32)) };
  const others = [
    { peer: other },
    { name: 'g' },
    { bytes: 2 },
    { root: rootOf('1f'.repeat(32)) },
    { holds: { files: 1, bytes: 1 } },
    { title: 'x' },
    { number: 'x' },
  ];
  const texts = [file, ...others.map((change) => ({ ...file, ...change }))].map((one) => hitsText(query, [one]));
  t.equal(new Set([...texts, hitsText(query, [])]).size, others.length + 2);
});

t.test('lists with another order, name, length, root, folder, title or number have another text, and so have heads', async (t) => {
  const file = { name: 'f', bytes: 1, root: rootOf('0f'.repeat(32)) };
  const changes = [
    { name: 'g' },
    { bytes: 2 },
    { root: rootOf('1f'.repeat(32)) },
    { holds: { files: 1, bytes: 1 } },
    { title: 'x' },
    { number: 'x' },
  ];
  const others = changes.map((change) => ({ ...file, ...change }));
  const [first = file] = others;
  const texts = [...[file, ...others].map((one) => listText([one])), listText([]), listText([file, first]), listText([first, file])];
  t.equal(new Set(texts).size, others.length + 4);
  const head = { contact: report.contact, version: 1, entries: 1, digest: 'd'.repeat(22) };
  const heads = [
    head,
    { ...head, version: 2 },
    { ...head, entries: 2 },
    { ...head, digest: 'e'.repeat(22) },
    { ...head, left: true as const },
  ];
  t.equal(new Set(heads.map(headText)).size, heads.length);
});
