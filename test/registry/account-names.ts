import t from 'tap';
import { accountNameFault, skeleton } from '../../lib/registry/account-names.ts';

t.test('names that people have are accepted, in their own writing', async (t) => {
  const names = [
    'anna',
    'Anna Lena',
    'o.k_b-2',
    'Ωμέγα',
    'Жанна',
    'José',
    'שרה',
    'محمد',
    'अनिल',
    '李小龍',
    'さくらTokyo',
    'コーヒー',
    '한국Kim',
    'สมชาย',
  ];
  for (const name of names) t.equal(accountNameFault(name), undefined, name);
});

t.test('names that could not be told from others, or hide something, are refused with the reason', async (t) => {
  for (const [name, why] of [
    ['pаul', /mixes writing systems/], // a Cyrillic а
    ['Αnna', /mixes writing systems/], // a Greek Α
    ['ᚠᚢᚦ', /rare one/],
    ['anna٣', /digits/],
    ['anna①', /digits/],
    ['ａｎｎａ', /NFKC/],
    ['ﬁona', /NFKC/],
    ['xㅤy', /invisible/], // a Hangul filler
    ['a\uFE0Fb', /invisible/],
    ['aʼb', /invisible/],
    ['a\u0301', /NFC/],
    ['x\u0301\u0302\u0303\u0304\u0305', /heaps marks/],
    ['a  b', /two spaces/],
    ['', /1 to 32/],
    ['../anna', /1 to 32/],
    ["'; DROP TABLE account; --", /1 to 32/],
    ['a\u202Eb', /1 to 32/],
    ['CON', /device/],
    ['a'.repeat(33), /1 to 32/],
  ] as const)
    t.match(accountNameFault(name), why, JSON.stringify(name));
});

t.test('names that look alike have one skeleton, others have not', async (t) => {
  for (const [one, other] of [
    ['paul', 'раul'],
    ['ABC', 'АВС'],
    ['рау', 'pay'],
    ['s1', 'sI'],
    ['s1', 'sl'],
    ['anna0', 'annao'],
    ['Ivan', 'lvan'],
    ['moon', 'rnoon'],
    ['МАРА', 'mapa'],
    ['will', 'vvi11'],
    ['ANNA', 'anna'],
    ['ａnna', 'anna'],
  ] as const)
    t.equal(skeleton(one), skeleton(other), `${one} and ${other}`);
  for (const [one, other] of [
    ['anna', 'anne'],
    ['user1', 'user2'],
    ['ivan', 'lvan'],
    ['王', '玉'],
  ] as const)
    t.not(skeleton(one), skeleton(other), `${one} and ${other}`);
});
