/**
 * How copies come to be the same: what peers tell their neighbours of lists, and what they make of it.
 *
 * A new version is announced to all neighbours, who ask for what they lack and announce it in turn, so that it comes to each peer once
 * (lazy push, as Plumtree has it: Leitão, Pereira, Rodrigues 2007). Once a minute, and when they meet, neighbours compare eight sums
 * (anti-entropy: Demers et al. 1987), and only where these differ, versions. Whoever loses a link says so; who lives answers that
 * with a new version of its list, and who does not falls out (SWIM's suspicion).
 */
import { DOUBTS_AT_ONCE, DOUBTS_PER_SECOND, LIST_FILES, LIST_PARTS_AT_ONCE, LIST_PARTS_PER_SECOND } from '../../../config.ts';
import { MAX_PEERS, type SharedFile } from '../../../protocol/fields.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import { type Head, MAX_WANTED, type Told } from '../../../protocol/messages/link.ts';
import { Allowance } from '../../allowance.ts';
import type { MeshMessage } from '../../events.ts';
import type { View } from '../discovery.ts';
import type { Copy } from './copy.ts';
import { Fetching, type Lack } from './fetching.ts';
import { Bundle, digestOf, isGenuineHead, type Listed, type Patch, patched } from './listed.ts';

type Message<Type extends MeshMessage['type']> = Extract<MeshMessage, { type: Type }>;
/** What this is told. */
export type Tidings = Message<'tally' | 'known' | 'wanted' | 'lists' | 'doubted'>;

/** What is wanted of the strategy: to send; to tell on, soon, that there is a newer list, or a doubt, to all but those; to say that we live. */
interface Teller {
  send(to: PeerId, message: Tidings): void;
  isNews(holder: PeerId, version: number, knowers: readonly PeerId[]): void;
  isDoubted(peer: PeerId, version: number, knowers: readonly PeerId[]): void;
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

  constructor(copy: Copy, teller: Teller) {
    this.#copy = copy;
    this.#teller = teller;
  }

  /** Whether our copy has been the same as a neighbour's, and since then nothing is known that it lacks. */
  get isCurrent(): boolean {
    return this.#hasAgreed && this.#fetching.isIdle;
  }

  received(from: PeerId, message: Tidings, view: View): void {
    switch (message.type) {
      case 'tally':
        return this.#tallied(from, message.sums);
      case 'known':
        return this.#known(from, message, view);
      case 'wanted':
        return this.#wanted(from, message, view);
      case 'lists':
        return this.#lists(from, message, view);
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

  /** Whoever told this version may be gone: so it is said to all neighbours but `from`. */
  doubt(peer: PeerId, version: number, view: View, from?: PeerId): void {
    if (this.#copy.doubt(peer, version, view.now)) this.#teller.isDoubted(peer, version, from === undefined ? [] : [from]);
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
    const contradiction = new Contradiction();
    const same = buckets && new Set<PeerId>();
    for (const [holder, version] of lists) {
      const own = this.#copy.version(holder);
      if (version > own) {
        // Nobody knows our own list better.
        if (holder !== view.self) this.#fetching.offered(from, holder, version);
      } else if (version === own && this.#copy.get(holder) !== undefined) same?.add(holder);
      else this.#contradict(contradiction, holder, version);
    }
    if (contradiction.told.length > 0) this.#teller.send(from, { type: 'lists', told: contradiction.told });
    if (contradiction.doubted.length > 0) this.#teller.send(from, { type: 'doubted', lists: contradiction.doubted });
    if (buckets !== undefined) {
      const lacking = this.#copy.versions(new Set(buckets)).filter(([peer]) => !same?.has(peer));
      this.#tell(from, lacking, { answer: true });
    } else if (contradiction.older.length > 0) this.#tell(from, contradiction.older);
    if (buckets !== undefined || answer) this.#compared.add(from);
    this.#pull(from, view);
  }

  /** What they have is older than what we have, or of somebody who is gone. */
  #contradict({ told, doubted, older }: Contradiction, holder: PeerId, version: number): void {
    const head = this.#copy.head(holder);
    if (head === undefined) return;
    if (head.left) {
      if (version < head.version && told.length < MAX_WANTED) told.push({ head, shared: [] });
    } else if (this.#copy.get(holder) === undefined) doubted.push([holder, version]);
    else older.push([holder, head.version]);
  }

  // --- asking ---------------------------------------------------------------------------------------------------------

  #pull(from: PeerId, view: View): void {
    const lacks = this.#fetching.next(from, view.now);
    if (lacks.length > 0) this.#teller.send(from, { type: 'wanted', wants: lacks.map((lack) => this.#want(lack)) });
    if (this.#compared.size > 0 && this.#fetching.isIdle) this.#hasAgreed = true;
  }

  #want({ holder, isWantedWhole, files }: Lack): [holder: PeerId, base: number, start: number] {
    const isWhole = isWantedWhole || files.length > 0;
    return [holder, isWhole ? 0 : (this.#copy.get(holder)?.head.version ?? 0), files.length];
  }

  #pullAll(view: View): void {
    for (const neighbor of view.neighbors) this.#pull(neighbor, view);
  }

  #wanted(from: PeerId, { wants }: Message<'wanted'>, view: View): void {
    if (!mayDo(this.#parts, from, LIST_PARTS_PER_SECOND, LIST_PARTS_AT_ONCE, view)) return;
    const bundle = new Bundle();
    for (const [peer, base, start] of wants) {
      const head = this.#copy.head(peer);
      if (head === undefined) continue;
      const listed = this.#copy.get(peer) ?? { head, shared: undefined };
      if (!bundle.add(listed, this.#copy.patches(peer), base, start)) break;
    }
    this.#teller.send(from, { type: 'lists', told: bundle.told, answer: true });
  }

  // --- what comes -----------------------------------------------------------------------------------------------------

  #lists(from: PeerId, { told, answer }: Message<'lists'>, view: View): void {
    for (const each of told) this.#listed(from, each, view);
    if (answer && this.#fetching.answered(from)) this.#pullAll(view);
    else this.#pull(from, view);
  }

  #listed(from: PeerId, told: Told, view: View): void {
    const { head } = told;
    const { peer } = head.contact;
    const lack = this.#fetching.asked(peer, from);
    if (peer === view.self || (lack === undefined && !head.left)) return;
    if (lack !== undefined) lack.outcome = 'other';
    // Of the parts of one version the head is one, and looked at once.
    const isNews = head.version > this.#copy.version(peer);
    const isGenuine = isNews && (lack?.head?.signature === head.signature || isGenuineHead(head, view));
    if (isGenuine && head.left) this.#take(from, { head, shared: [] }, undefined, view);
    else if (isGenuine && lack !== undefined) this.#gather(from, lack, told, view);
  }

  #gather(from: PeerId, lack: Lack, told: Told, view: View): void {
    const { head, shared, start = 0, base, more } = told;
    if (base !== undefined)
      return this.#patch(from, lack, told, { base, version: head.version, removed: told.removed ?? [], put: shared }, view);
    // Another version than that of the parts before: from the beginning.
    if (start > 0 && lack.head?.version !== head.version) return anew(lack);
    const gathered = start === 0 ? shared : [...lack.files, ...shared];
    const isUntold = head.entries > LIST_FILES;
    if (isUntold) this.#take(from, { head, shared: [] }, undefined, view);
    else if (more !== undefined) {
      if (shared.length === 0 || gathered.length >= head.entries) return;
      lack.head = head;
      lack.files = gathered;
      lack.outcome = 'part';
    } else if (isThat(gathered, head, view)) this.#take(from, isWhole(told) ? told : { head, shared: gathered }, undefined, view);
  }

  #patch(from: PeerId, lack: Lack, { head }: Told, patch: Patch, view: View): void {
    const before = this.#copy.get(head.contact.peer);
    const files = before?.head.version === patch.base && before.shared !== undefined ? patched(before.shared, patch) : undefined;
    if (files !== undefined && isThat(files, head, view)) this.#take(from, { head, shared: files }, patch, view);
    else anew(lack);
  }

  #take(from: PeerId, listed: Listed & { readonly shared: readonly SharedFile[] }, patch: Patch | undefined, view: View): void {
    const { contact, version } = listed.head;
    this.#copy.take(listed, view.now, patch);
    const knowers = this.#fetching.took(contact.peer, version);
    this.#teller.isNews(contact.peer, version, knowers.includes(from) ? knowers : [from]);
  }

  #doubted(from: PeerId, { lists }: Message<'doubted'>, view: View): void {
    const newer: [PeerId, number][] = [];
    for (const [peer, version] of lists) {
      if (!mayDo(this.#doubts, from, DOUBTS_PER_SECOND, DOUBTS_AT_ONCE, view)) break;
      const own = this.#copy.version(peer);
      if (peer === view.self) {
        if (version === own) this.#teller.refute();
      } else if (own > version && this.#copy.get(peer) !== undefined) newer.push([peer, own]);
      else this.doubt(peer, version, view, from);
    }
    if (newer.length > 0) this.#tell(from, newer);
  }
}

/** What is said to who knows something that is older than what we know. */
class Contradiction {
  readonly told: Told[] = [];
  readonly doubted: [PeerId, number][] = [];
  readonly older: [PeerId, number][] = [];
}

/** Whether it is as it is to be kept. */
function isWhole({ start, removed }: Told): boolean {
  return start === undefined && removed === undefined;
}

/** The list is to be told whole, from its beginning; by somebody else, if that was asked before. */
function anew(lack: Lack): void {
  if (lack.isWantedWhole) return;
  lack.isWantedWhole = true;
  lack.outcome = 'part';
  lack.head = undefined;
  lack.files = [];
}

function isThat(files: readonly SharedFile[], { entries, digest }: Head, view: View): boolean {
  return files.length === entries && digestOf(files, view) === digest;
}

function mayDo(allowances: Map<PeerId, Allowance>, neighbor: PeerId, perSecond: number, atOnce: number, { now }: View): boolean {
  const allowance = allowances.get(neighbor) ?? new Allowance(perSecond, atOnce, now);
  allowances.set(neighbor, allowance);
  return allowance.take(now);
}
