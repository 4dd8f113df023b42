/**
 * The contents that a peer fetches: finding what a name means, choosing among contents, and going on with what was left.
 */
import { FloodmeshError } from '../errors.ts';
import { type PeerId, rootOf } from '../protocol/ids.ts';
import type { Contact, Provider, Want } from '../protocol/messages.ts';
import type { AlreadyHere, Downloaded, PeerEvent } from '../trace.ts';
import { type Choice, type Content, chosen, contents } from './choice.ts';
import { deliver } from './delivery.ts';
import { bounded, type Finder } from './finder.ts';
import type { Shelves } from './shelves.ts';
import type { LinkTo } from './ways.ts';

/** What a get of a file came to. */
export type Outcome = ({ readonly type: 'downloaded' } & Downloaded) | ({ readonly type: 'alreadyHere' } & AlreadyHere);

export interface TransfersParts {
  readonly self: PeerId;
  readonly linkTo: LinkTo;
  readonly shelves: Shelves;
  readonly finder: Finder;
  /** Where a peer listens, as its lease says; undefined when it is not known. */
  readonly contact: (peer: PeerId) => Contact | undefined;
  readonly nameOf: (peer: PeerId) => string;
  readonly emit: (event: PeerEvent) => void;
  /** Fires when the peer ends. */
  readonly ending: AbortSignal;
}

export class Transfers {
  readonly #parts: TransfersParts;
  #running = 0;

  constructor(parts: TransfersParts) {
    this.#parts = parts;
  }

  /** How many contents are being fetched. */
  get count(): number {
    return this.#running;
  }

  /** Finds and fetches, as `Peer.get` says. */
  async get(name: string, choice: Choice | undefined, signal: AbortSignal | undefined): Promise<Outcome> {
    const began = performance.now();
    const { shelves } = this.#parts;
    const own = choice === undefined ? shelves.ownNamed(name) : undefined;
    if (own !== undefined) return { type: 'alreadyHere', ...own };
    const content = await this.#choose(name, choice, signal);
    const here = content === undefined ? shelves.fetchedNamed(name) : await shelves.ofContent(content, signal);
    if (here !== undefined) return { type: 'alreadyHere', ...here };
    if (content === undefined) throw new FloodmeshError('NOT_FOUND', `nobody has ${name}`);
    return this.#fetch(content, began, signal);
  }

  /** Goes on with what an earlier run left and somebody has, one after the other, as `Peer.resume` says. */
  async resume(signal: AbortSignal | undefined): Promise<readonly Outcome[]> {
    const { shelves, finder } = this.#parts;
    const outcomes: Outcome[] = [];
    for (const { name, bytes, root } of shelves.downloads.unfinished) {
      const holders: PeerId[] = [];
      for await (const { peer } of finder.holders({ root, bytes }, signal)) holders.push(peer);
      const here = await shelves.ofContent({ root, bytes }, signal);
      if (here !== undefined) outcomes.push({ type: 'alreadyHere', ...here });
      else if (holders.length > 0) outcomes.push(await this.#fetch({ name, bytes, root, holders }, performance.now(), signal));
    }
    return outcomes;
  }

  /** The content that is meant; that there are several is told. Undefined when nobody else has any. */
  async #choose(name: string, choice: Choice | undefined, signal: AbortSignal | undefined): Promise<Content | undefined> {
    const { finder, emit, nameOf } = this.#parts;
    const providers = await finder.providers(name, wanted(name, choice), signal);
    const offers = contents(name, choice === undefined ? providers : [...this.#own(name), ...providers]);
    const content = chosen(name, offers, choice);
    if (offers.length > 1) {
      const told = offers.map(({ root, holders, ...offer }) => ({ ...offer, hash: root, peers: holders.map(nameOf) }));
      emit({ type: 'offers', name, chosen: content === undefined ? 0 : offers.indexOf(content) + 1, contents: told });
    }
    return content;
  }

  // Counted as a search counts them: what is here under this name is one of the contents.
  #own(name: string): readonly Provider[] {
    const own = this.#parts.shelves.library.find(name);
    return own === undefined ? [] : [{ peer: this.#parts.self, ...own }];
  }

  async #fetch(content: Content, began: number, signal: AbortSignal | undefined): Promise<Outcome> {
    const { linkTo, shelves, contact, emit, finder, ending } = this.#parts;
    this.#running += 1;
    try {
      const parts = {
        linkTo,
        shelves,
        contact,
        emit,
        watchForHolders: (wanted: Content, found: (peer: PeerId) => void, until: AbortSignal) => void finder.watch(wanted, found, until),
      };
      const either = signal === undefined ? ending : AbortSignal.any([signal, ending]);
      return { type: 'downloaded', ...(await deliver(content, began, parts, either)) };
    } finally {
      this.#running -= 1;
    }
  }
}

// A whole root finds its content under any name; the start of one only tells contents of one name apart.
function wanted(name: string, choice: Choice | undefined): Want {
  const hash = choice !== undefined && 'hash' in choice ? choice.hash.toLowerCase() : '';
  return /^[0-9a-f]{64}$/.test(hash) ? { by: 'root', root: rootOf(hash) } : { by: 'name', name: bounded(name) };
}
