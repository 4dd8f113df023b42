/**
 * The hits of one query that came through a relay: each is passed on once to each asker, and is there for an asker that comes later.
 *
 * Two peers that ask around a lost link may come to ask each other. Without this memory a hit would go to and fro between them,
 * and among three of them it would multiply, until the bound on hits of one query ended it.
 */
import { HITS_PER_QUERY } from '../../config.ts';
import type { Provider } from '../../protocol/fields.ts';
import type { PeerId } from '../../protocol/ids.ts';
import { hitsText } from '../../protocol/proofs.ts';
import type { MeshMessage } from '../events.ts';

export type HitsMessage = Extract<MeshMessage, { type: 'hits' }>;

/** Messages under one proof that are kept. One is its maker's; the others are lies, of which only the asker can tell which. A guess. */
const MOST_ALIKE = 4;

export class Harvest {
  readonly #byHolder = new Map<PeerId, Map<string, HitsMessage[]>>();
  #size = 0;

  /** Takes hits in, when they are news and not too many. Without a proof, or of several peers, nobody would believe them. */
  add(message: HitsMessage): boolean {
    const { providers, proof } = message;
    const holder = holderOf(providers);
    if (holder === undefined || proof === undefined || this.#size + providers.length > HITS_PER_QUERY) return false;
    const ofHolder = this.#byHolder.get(holder) ?? new Map<string, HitsMessage[]>();
    const alike = ofHolder.get(proof) ?? [];
    if (alike.length === MOST_ALIKE || alike.some((known) => isSame(known, message))) return false;
    alike.push(message);
    ofHolder.set(proof, alike);
    this.#byHolder.set(holder, ofHolder);
    this.#size += providers.length;
    return true;
  }

  /** What came of one holder. */
  of(holder: PeerId): readonly HitsMessage[] {
    return [...(this.#byHolder.get(holder)?.values() ?? [])].flat();
  }
}

/** The peer whose hits these are; undefined, when they are of several, or of none. */
export function holderOf(providers: readonly Provider[]): PeerId | undefined {
  const [first] = providers;
  return providers.every(({ peer }) => peer === first?.peer) ? first?.peer : undefined;
}

function isSame(one: HitsMessage, other: HitsMessage): boolean {
  return hitsText(one.query, one.providers) === hitsText(other.query, other.providers);
}
