/**
 * What an account may be called, and when two names are too much alike.
 *
 * Accounts are told apart by their names alone, so a name has one way to be written, and nobody may take one that looks like
 * another's. The rules are those of Unicode's UTS 39, in small: one writing system ("highly restrictive", section 5.2), digits
 * 0 to 9, nothing invisible; and two names are alike when they have one skeleton (section 4), made with the letters of
 * its confusables.txt that look like Latin ones in most fonts. Other pairs (ß and β, kana among themselves) are not known here.
 */
import { folded, peerNameFault } from '../protocol/names.ts';

/** Scripts in everyday use (UAX 31, table 5) whose letters a name may have, and the three mixtures that people write in. */
const SCRIPTS = [
  ...['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Georgian', 'Hebrew', 'Arabic', 'Thaana', 'Ethiopic', 'Devanagari', 'Bengali'],
  ...['Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu', 'Kannada', 'Malayalam', 'Sinhala', 'Thai', 'Lao', 'Tibetan', 'Myanmar', 'Khmer'],
].map((script) => [script]);
const MIXTURES = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];
const WRITINGS = [...SCRIPTS, ...MIXTURES].map((scripts) => {
  const letters = ['Common', 'Inherited', ...scripts].map((script) => `\\p{scx=${script}}`).join('');
  return new RegExp(`^[${letters}]+$`, 'u');
});

/** Invisible though no control (Hangul fillers, variation selectors); marks that stand alone and look like quotes (not kana's long sign). */
const UNSEEN = /\p{Default_Ignorable_Code_Point}|[[\p{Lm}&&\p{sc=Common}]--\p{scx=Hiragana}]/v;
const FOREIGN_DIGIT = /[\p{N}--[0-9]]/v;
/** More marks than this on one letter run into the lines above (UTS 39, section 5.4). */
const HEAPED = /\p{M}{5}/u;

/** Letters that look like Latin ones, in the case in which they do. */
const LOOKALIKES = new Map<string, string>(
  Object.entries({
    a: 'аɑα',
    b: 'ЬьƄ',
    c: 'сϲᴄ',
    d: 'ԁժ',
    e: 'еҽ',
    g: 'ɡցɢ',
    h: 'һհ',
    i: 'іιıɩ',
    j: 'јϳȷ',
    k: 'кκ',
    l: 'I1ӀІΙ',
    n: 'ոռпη',
    o: '0оοօσОΟՕ',
    p: 'рρ',
    q: 'ԛգզ',
    r: 'гᴦ',
    s: 'ѕꜱ',
    u: 'υսᴜ',
    v: 'ѵνᴠ',
    x: 'х',
    y: 'уγү',
    z: 'ᴢ',
    A: 'АΑ',
    B: 'ВΒв',
    C: 'СϹ',
    E: 'ЕΕ',
    F: 'Ϝ',
    H: 'НΗн',
    J: 'ЈͿ',
    K: 'КΚ',
    M: 'МΜм',
    N: 'Ν',
    P: 'РΡ',
    S: 'ЅՏ',
    T: 'ТΤт',
    U: 'Ս',
    X: 'ХΧ',
    Y: 'УΥҮ',
    Z: 'Ζ',
    w: 'ωшԝ',
  }).flatMap(([looks, letters]) => [...letters].map((letter) => [letter, looks])),
);

/** Why `name` may not be an account's name, in a few words; undefined when it may. */
export function accountNameFault(name: string): string | undefined {
  const fault = peerNameFault(name);
  if (fault !== undefined) return fault;
  if (UNSEEN.test(name)) return 'it has an invisible character';
  if (FOREIGN_DIGIT.test(name)) return 'its digits are not 0 to 9';
  if (name !== name.normalize('NFKC')) return 'there is a plainer way to write it (NFKC)';
  if (HEAPED.test(name)) return 'it heaps marks on a letter';
  if (name.includes('  ')) return 'it has two spaces in a row';
  return WRITINGS.some((writing) => writing.test(name)) ? undefined : 'it mixes writing systems, or uses a rare one';
}

/** What `name` looks like: names of one skeleton are taken for each other. No name to show. */
export function skeleton(name: string): string {
  const shapes = [...name.normalize('NFKC')].map((letter) => LOOKALIKES.get(letter) ?? letter).join('');
  return folded(shapes).replaceAll('m', 'rn').replaceAll('w', 'vv');
}
