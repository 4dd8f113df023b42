/**
 * How copies come to be the same: what peers tell their neighbours of lists, and what they make of it.
 *
 * A new version is announced to all neighbours, who ask for what they lack and announce it in turn, so that it comes to each peer once
 * (lazy push, as Plumtree has it: Leitão, Pereira, Rodrigues 2007). Once a minute, and when they meet, neighbours compare eight sums
 * (anti-entropy: Demers et al. 1987), and only where these differ, versions. Whoever loses a link says so; who lives answers that
 * with a new version of its list, and who does not falls out (SWIM's suspicion).
 */
import { DOUBTS_AT_ONCE, DOUBTS_PER_SECOND, LIST_FILES, LIST_PARTS_AT_ONCE, LIST_PARTS_PER_SECOND } from '../../../config.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import { type Head, MAX_PEERS, type SharedFile } from '../../../protocol/messages.ts';
import { Allowance } from '../../allowance.ts';
import type { MeshMessage } from '../../events.ts';
import type { View } from '../discovery.ts';
import type { Copy } from './copy.ts';
import { type Errand, Fetching } from './fetching.ts';
import { digestOf, isGenuineHead, type Patch, partOf, patched, patchFrom } from './listed.ts';

type Message<Type extends MeshMessage['type']> = Extract<MeshMessage, { type: Type }>;
type ListMessage = Message<'list'>;
/** What this is told. */
export type Tidings = Message<'tally' | 'known' | 'wanted' | 'list' | 'doubted'>;

/** What is wanted of the strategy: to send; to tell on, soon, that there is a newer list; to say that we live. */
interface Teller {
  send(to: PeerId, message: Tidings): void;
  isNews(holder: PeerId, from: PeerId): void;
  refute(): void;
}

export class Exchanging {
  readonly #copy: Copy;
  readonly #teller: Teller;
  readonly #fetching = new Fetching();
  /** Neighbours of which all that they have has been compared, and is being fetched. */
  readonly #compared = new Set<PeerId>();
  readonly #parts = new Map<PeerId, Allowance>();
  readonly #doubts = new Map<PeerId, Allowance>();
  #hasAgreed = false;
  readonly #isNews = (holder: PeerId, version: number) => version > this.#copy.version(holder);

  constructor(copy: Copy, teller: Teller) {
    this.#copy = copy;
    this.#teller = teller;
  }

  /** Whether our copy has been the same as a neighbour's, and since then nothing is known that it lacks. */
  get isCurrent(): boolean {
    return this.#hasAgreed && this.#fetching.isIdle(this.#isNews);
  }

  received(from: PeerId, message: Tidings, view: View): void {
    switch (message.type) {
      case 'tally':
        return this.#tallied(from, message.sums);
      case 'known':
        return this.#known(from, message, view);
      case 'wanted':
        return this.#wanted(from, message, view);
      case 'list':
        return this.#listed(from, message, view);
      case 'doubted':
        return this.#doubted(from, message, view);
    }
  }

  /** The end with the lower id begins to compare. */
  compare(neighbor: PeerId, view: View): void {
    if (view.self < neighbor) this.#teller.send(neighbor, { type: 'tally', sums: this.#copy.sums });
  }

  lost(neighbor: PeerId, view: View): void {
    this.#fetching.lost(neighbor);
    this.#compared.delete(neighbor);
    this.#parts.delete(neighbor);
    this.#doubts.delete(neighbor);
    this.#pullAll(view);
  }

  /** Asks others for what does not come. */
  giveUpLate(view: View): void {
    if (this.#fetching.giveUpLate(view.now)) this.#pullAll(view);
  }

  /** Tells all neighbours but `but` that whoever told this version may be gone. */
  doubt(peer: PeerId, version: number, view: View, but?: PeerId): void {
    if (!this.#copy.doubt(peer, version, view.now)) return;
    for (const neighbor of view.neighbors) if (neighbor !== but) this.#teller.send(neighbor, { type: 'doubted', peer, version });
  }

  // --- comparing ------------------------------------------------------------------------------------------------------

  #tallied(from: PeerId, sums: readonly number[]): void {
    const own = this.#copy.sums;
    const buckets = [...own.keys()].filter((bucket) => own[bucket] !== sums[bucket]);
    if (buckets.length === 0) this.#hasAgreed = true;
    this.#tell(from, this.#copy.versions(new Set(buckets)), buckets.length === 0 ? { answer: true } : { buckets });
  }

  /** In as many messages as it takes; what is said `besides` is said with the last. */
  #tell(to: PeerId, lists: readonly [PeerId, number][], besides: Pick<Message<'known'>, 'buckets' | 'answer'> = {}): void {
    let start = 0;
    for (; lists.length - start > MAX_PEERS; start += MAX_PEERS)
      this.#teller.send(to, { type: 'known', lists: lists.slice(start, start + MAX_PEERS) });
    this.#teller.send(to, { type: 'known', lists: lists.slice(start), ...besides });
  }

  #known(from: PeerId, { lists, buckets, answer }: Message<'known'>, view: View): void {
    const older: [PeerId, number][] = [];
    const same = buckets && new Set<PeerId>();
    for (const [holder, version] of lists) {
      const own = this.#copy.version(holder);
      if (version > own) {
        // Nobody knows our own list better.
        if (holder !== view.self) this.#fetching.offered(from, holder, version);
      } else if (version === own && this.#copy.get(holder) !== undefined) same?.add(holder);
      else this.#contradict(from, holder, version, older);
    }
    if (buckets !== undefined) {
      const lacking = this.#copy.versions(new Set(buckets)).filter(([peer]) => !same?.has(peer));
      this.#tell(from, lacking, { answer: true });
    } else if (older.length > 0) this.#tell(from, older);
    if (buckets !== undefined || answer) this.#compared.add(from);
    this.#pull(from, view);
  }

  /** What they have is older than what we have, or of somebody who is gone. */
  #contradict(to: PeerId, holder: PeerId, version: number, older: [PeerId, number][]): void {
    const head = this.#copy.head(holder);
    if (head === undefined) return;
    if (head.left) {
      if (version < head.version) this.#teller.send(to, { type: 'list', head, start: 0, removed: [], put: [] });
    } else if (this.#copy.get(holder) === undefined) this.#teller.send(to, { type: 'doubted', peer: holder, version });
    else older.push([holder, head.version]);
  }

  // --- asking ---------------------------------------------------------------------------------------------------------

  #pull(from: PeerId, view: View): void {
    const errands = this.#fetching.next(from, view.now, this.#isNews);
    for (const { holder } of errands) {
      const { head } = this.#copy.get(holder) ?? {};
      this.#teller.send(from, { type: 'wanted', peer: holder, base: head?.version ?? 0, start: 0 });
    }
    if (this.#compared.has(from) && !this.#fetching.isLacking(from)) this.#hasAgreed = true;
  }

  #pullAll(view: View): void {
    for (const neighbor of view.neighbors) this.#pull(neighbor, view);
  }

  #wanted(from: PeerId, { peer, base, start }: Message<'wanted'>, view: View): void {
    const listed = this.#copy.get(peer);
    const head = this.#copy.head(peer);
    if (head === undefined || !mayDo(this.#parts, from, LIST_PARTS_PER_SECOND, LIST_PARTS_AT_ONCE, view)) return;
    if (listed?.files === undefined) return this.#teller.send(from, { type: 'list', head, start: 0, removed: [], put: [] });
    const patch = base > 0 && start === 0 ? patchFrom(base, this.#copy.patches(peer)) : undefined;
    if (patch !== undefined)
      return this.#teller.send(from, { type: 'list', head, base, start, removed: [...patch.removed], put: [...patch.put] });
    const put = partOf(listed.files, start) as SharedFile[];
    const hasMore = start + put.length < listed.files.length;
    this.#teller.send(from, { type: 'list', head, start, removed: [], put, ...(hasMore && { more: true as const }) });
  }

  // --- what comes -----------------------------------------------------------------------------------------------------

  #listed(from: PeerId, message: ListMessage, view: View): void {
    const { head } = message;
    const { peer } = head.contact;
    const errand = this.#fetching.errand(peer, from);
    if (peer === view.self || (errand === undefined && !head.left)) return;
    // Of the parts of one version the head is one, and looked at once.
    const isNews = head.version > this.#copy.version(peer);
    const isGenuine = isNews && (errand?.head?.signature === head.signature || isGenuineHead(head, view));
    if (isGenuine && head.left) this.#take(from, head, [], undefined, view);
    else if (isGenuine && errand !== undefined && this.#gather(errand, message, view)) return;
    if (errand !== undefined) this.#fetching.over(errand);
    this.#pull(from, view);
  }

  /** Takes a part in; whether the list is on its way still. */
  #gather(errand: Errand, message: ListMessage, view: View): boolean {
    const { head, base, start, removed, put, more } = message;
    const { from } = errand;
    if (base !== undefined) return this.#patch(errand, head, { base, version: head.version, removed, put }, view);
    // Another version than that of the parts before: from the beginning.
    if (start > 0 && errand.head?.version !== head.version) return this.#ask(errand, 0, view);
    errand.files = start === 0 ? put : [...errand.files, ...put];
    errand.head = head;
    if (more === undefined || head.entries > LIST_FILES) {
      const isUntold = head.entries > LIST_FILES;
      if (isUntold || isThat(errand.files, head, view)) this.#take(from, head, isUntold ? [] : errand.files, undefined, view);
      return false;
    }
    if (put.length === 0 || errand.files.length >= head.entries) return false;
    return this.#ask(errand, errand.files.length, view);
  }

  #patch(errand: Errand, head: Head, patch: Patch, view: View): boolean {
    const before = this.#copy.get(head.contact.peer);
    const files = before?.head.version === patch.base && before.files !== undefined ? patched(before.files, patch) : undefined;
    if (files === undefined || !isThat(files, head, view)) return this.#ask(errand, 0, view);
    this.#take(errand.from, head, files, patch, view);
    return false;
  }

  #ask(errand: Errand, start: number, view: View): true {
    errand.askedAt = view.now;
    this.#teller.send(errand.from, { type: 'wanted', peer: errand.holder, base: 0, start });
    return true;
  }

  #take(from: PeerId, head: Head, files: readonly SharedFile[], patch: Patch | undefined, view: View): void {
    this.#copy.take(head, files, view.now, patch);
    this.#teller.isNews(head.contact.peer, from);
  }

  #doubted(from: PeerId, { peer, version }: Message<'doubted'>, view: View): void {
    if (!mayDo(this.#doubts, from, DOUBTS_PER_SECOND, DOUBTS_AT_ONCE, view)) return;
    const own = this.#copy.version(peer);
    if (peer === view.self) {
      if (version === own) this.#teller.refute();
    } else if (own > version && this.#copy.get(peer) !== undefined) this.#tell(from, [[peer, own]]);
    else this.doubt(peer, version, view, from);
  }
}

function isThat(files: readonly SharedFile[], { entries, digest }: Head, view: View): boolean {
  return files.length === entries && digestOf(files, view) === digest;
}

function mayDo(allowances: Map<PeerId, Allowance>, neighbor: PeerId, perSecond: number, atOnce: number, { now }: View): boolean {
  const allowance = allowances.get(neighbor) ?? new Allowance(perSecond, atOnce, now);
  allowances.set(neighbor, allowance);
  return allowance.take(now);
}
