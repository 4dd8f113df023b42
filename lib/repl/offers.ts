/** Contents under names: how a person says which one is meant, and how several are shown. */
import type { Choice } from '../peer/choice.ts';
import { authority } from '../protocol/host.ts';
import { shown } from '../protocol/names.ts';
import { type Titled, titled } from '../protocol/titles.ts';
import type { ForeignFile, Found, Offer } from '../trace.ts';
import { bytes, counted } from './units.ts';
import { padded } from './width.ts';

/** A file name as it was typed, and which of its contents is meant, if that was said. */
export interface Meant {
  readonly name: string;
  readonly choice?: Choice;
}

const NAME_COLUMNS = 32;
const SIZE_COLUMNS = 8;
/** How much of a hash is shown: enough to tell apart what a person sees at once. */
const HASH_COLUMNS = 8;

/** `f1`, `f1 #2`, `f1 --hash 3fa9`, or `--hash` and a whole root without a name; quotes around a name keep it as it is. */
export function meant(typed: string): Meant {
  const [, name = '', number, hash] = /^(.*?)(?:^|\s+)(?:#(\d{1,6})|--hash[ =]([0-9a-f]{1,64}))$/is.exec(typed) ?? [];
  if (number !== undefined && name !== '') return { name: unquoted(name), choice: { number: Number(number) } };
  if (hash !== undefined) return { name: name === '' ? hash : unquoted(name), choice: { hash: hash.toLowerCase() } };
  return { name: unquoted(typed) };
}

/** `text` without the quotes around it. */
export function unquoted(text: string): string {
  return /^(["'])(.+)\1$/s.exec(text)?.[2] ?? text;
}

/** What was found, by name and content: equal contents of one name are one, those with most holders first. */
export function grouped(found: readonly Found[]): Offer[] {
  const groups = new Map<string, { offer: Found; peers: string[] }>();
  for (const each of found) {
    const key = `${each.name} ${each.hash} ${each.bytes}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { offer: each, peers: [each.peer] });
    else if (!group.peers.includes(each.peer)) group.peers.push(each.peer);
  }
  return Array.from(groups.values(), ({ offer, peers }): Offer => {
    const { name, bytes, hash, holds } = offer;
    return { name, bytes, hash, ...(holds === undefined ? {} : { holds }), ...titled(offer), peers };
  }).sort(before);
}

/** A line a content. Where one name has several, each has its number, as `get` takes it. */
export function offerLines(offers: readonly Offer[]): string[] {
  const names = new Map<string, number>();
  for (const { name } of offers) names.set(name, (names.get(name) ?? 0) + 1);
  const counts = new Map<string, number>();
  return offers.map((offer) => {
    const number = (counts.get(offer.name) ?? 0) + 1;
    counts.set(offer.name, number);
    return offerLine(offer, (names.get(offer.name) ?? 0) > 1 ? number : undefined);
  });
}

/** One content: its name, size, the start of its hash, who has it, and what it is called besides. */
export function offerLine({ name, bytes: size, hash, holds, peers, ...titles }: Offer, number: number | undefined): string {
  const called = number === undefined ? shown(name) : `${shown(name)} #${number}`;
  const files = holds === undefined ? '' : `, ${counted(holds.files, 'file')}`;
  const sized = bytes(holds?.bytes ?? size).padStart(SIZE_COLUMNS);
  return `${padded(called, NAME_COLUMNS)}  ${sized}  ${hash.slice(0, HASH_COLUMNS)}  ${peers.map(shown).join(', ')}${files}${titleWords(titles)}`;
}

/** What a holder outside the network has: its length is not known, and its hash is an MD5. */
export function foreignLine({ name, md5, host, port }: ForeignFile): string {
  const at = authority({ host: shown(host), port });
  return `${padded(shown(name), NAME_COLUMNS)}  ${'?'.padStart(SIZE_COLUMNS)}  ${shown(md5).slice(0, HASH_COLUMNS)}  ${at}, outside the network: an MD5 is all that is known`;
}

function titleWords({ title, number }: Titled): string {
  const words = [...(number === undefined ? [] : [`no. ${number}`]), ...(title === undefined ? [] : [title])];
  return words.length === 0 ? '' : `  ${words.map(shown).join(': ')}`;
}

// As `peer/choice` numbers them, so that what is seen in a search can be typed after get.
function before(a: Offer, b: Offer): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return b.peers.length - a.peers.length || (a.hash < b.hash ? -1 : 1);
}
