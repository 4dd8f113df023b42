/** Which content a person means by a name, when several are offered. */
import type { PeerId, Root } from '../protocol/ids.ts';
import type { Provider } from '../protocol/messages.ts';
import { CONTENT_BYTES } from '../transfer/pieces.ts';

/** One content, under the name it is offered by, and who has it, in the order in which they answered. */
export interface Content {
  readonly name: string;
  readonly bytes: number;
  readonly root: Root;
  readonly holders: readonly PeerId[];
}

/**
 * The contents on offer, the likeliest first: those called exactly `name` before those of which it is the stem, then
 * those with most holders. Contents that differ are never mixed; equal ones are one, whatever they are called.
 */
export function contents(name: string, providers: readonly Provider[]): readonly Content[] {
  const found = new Map<string, Content>();
  for (const { peer, name: called, bytes, root } of providers) {
    if (bytes > CONTENT_BYTES) continue; // nobody can share so much: it is a claim
    const key = `${root} ${bytes}`;
    const known = found.get(key) ?? { name: called, bytes, root, holders: [] };
    const holders = known.holders.includes(peer) ? known.holders : [...known.holders, peer];
    found.set(key, { ...known, name: likelier(name, known.name, called), holders });
  }
  return [...found.values()].sort((a, b) => compare(name, a, b));
}

function likelier(name: string, one: string, other: string): string {
  if (one === name || other === name) return name;
  return one < other ? one : other;
}

function compare(name: string, a: Content, b: Content): number {
  const exact = Number(b.name === name) - Number(a.name === name);
  if (exact !== 0 || a.holders.length !== b.holders.length) return exact || b.holders.length - a.holders.length;
  return `${a.name} ${a.root}` < `${b.name} ${b.root}` ? -1 : 1;
}
