/** Which content a person means by a name, when several are offered. */
import { FloodmeshError } from '../errors.ts';
import type { Provider, SharedFile } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import { titled } from '../protocol/titles.ts';
import { CONTENT_BYTES } from '../transfer/pieces.ts';

/** One content, under the name it is offered by, and who has it, in the order in which they answered. */
export interface Content extends SharedFile {
  readonly holders: readonly PeerId[];
}

/** Which of several contents is meant: the one of this number, counted from 1, or the one whose root begins so. */
export type Choice = { readonly number: number } | { readonly hash: string };

/**
 * The contents on offer, the likeliest first: those called exactly `name` before those of which it is the stem, then
 * those with most holders. Contents that differ are never mixed; equal ones are one, whatever they are called.
 */
export function contents(name: string, providers: readonly Provider[]): readonly Content[] {
  const found = new Map<string, Content>();
  for (const { peer, ...file } of providers) {
    if (file.bytes > CONTENT_BYTES) continue; // nobody can share so much: it is a claim
    // A manifest may be shared as a file, too: that is not the folder.
    const key = `${file.root} ${file.bytes} ${file.holds?.files ?? 0}`;
    const known = { ...titled(file), ...(found.get(key) ?? { ...file, holders: [] }) };
    const holders = known.holders.includes(peer) ? known.holders : [...known.holders, peer];
    found.set(key, { ...known, name: likelier(name, known.name, file.name), holders });
  }
  return [...found.values()].sort((a, b) => compare(name, a, b));
}

/**
 * The content that `choice` means among `offers`, the likeliest without one; undefined when there are no offers.
 * @throws USAGE, when none or several are meant.
 */
export function chosen(name: string, offers: readonly Content[], choice: Choice | undefined): Content | undefined {
  if (choice === undefined || offers.length === 0) return offers[0];
  const meant =
    'number' in choice
      ? offers.slice(Math.max(0, choice.number - 1), choice.number)
      : offers.filter(({ root }) => root.startsWith(choice.hash.toLowerCase()));
  const [content, another] = meant;
  if (content !== undefined && another === undefined) return content;
  const which = 'number' in choice ? `#${choice.number}` : `a hash that begins with ${choice.hash}`;
  const count = offers.length === 1 ? 'there is one content' : `there are ${offers.length} contents`;
  const message = `${content === undefined ? 'no' : 'more than one'} content of ${name} has ${which}: ${count} of that name`;
  throw new FloodmeshError('USAGE', message, `search ${name} shows them`);
}

/**
 * The likeliest of `offers`, counted from 1, that somebody stands by of whom nothing was asked in vain; undefined when nobody does.
 * A name is anybody's to claim: liars who offer something that they do not have must not keep the next content from being fetched.
 */
export function stoodBy(
  offers: readonly Content[],
  inVain: ReadonlySet<PeerId>,
): { readonly number: number; readonly content: Content } | undefined {
  for (const [index, offer] of offers.entries()) {
    const holders = offer.holders.filter((peer) => !inVain.has(peer));
    if (holders.length > 0) return { number: index + 1, content: { ...offer, holders } };
  }
  return undefined;
}

function likelier(name: string, one: string, other: string): string {
  if (isExact(name, one)) return one;
  return isExact(name, other) || other < one ? other : one;
}

function isExact(name: string, path: string): boolean {
  return path === name || path === `${name}/`;
}

function compare(name: string, a: Content, b: Content): number {
  const exact = Number(isExact(name, b.name)) - Number(isExact(name, a.name));
  if (exact !== 0 || a.holders.length !== b.holders.length) return exact || b.holders.length - a.holders.length;
  return `${a.name} ${a.root}` < `${b.name} ${b.root}` ? -1 : 1;
}
