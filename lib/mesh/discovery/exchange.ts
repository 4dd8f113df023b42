/**
 * The exchanged index, as seed 003 has it: every peer has a copy of what all others share, and searches that: an answer at once.
 *
 * The seed's peers ask the server who is there, ask each other's index, and merge. Here copies come to be the same over the links
 * that the mesh has (`exchange/tidings`): each list is signed by its owner, so that nobody between can lie. The server is asked how many
 * members live, and, where that is another number than ours, who they are: so nobody has to say again and again that it is there. Where
 * the server is away each does, a little before the life of its list is over. A copy that is not whole, or not compared with a
 * neighbour's yet, answers nothing: the search goes as a flood then, which others always answer.
 */
import {
  DOUBT_MS,
  EXCHANGE_ROUND_MS,
  HITS_PER_QUERY,
  LIST_CHANGES_AT_ONCE,
  LIST_CHANGES_PER_SECOND,
  LIST_LIFE_MS,
  NEWS_TOLD_MS,
  ROUNDS_PER_COUNT,
} from '../../config.ts';
import { MAX_PEERS, type SharedFile } from '../../protocol/fields.ts';
import type { PeerId } from '../../protocol/ids.ts';
import type { InquiryAnswer } from '../../protocol/messages/server.ts';
import { Allowance } from '../allowance.ts';
import { hashOf } from '../chains.ts';
import type { Mark } from '../changes.ts';
import type { MeshEffect, MeshEvent } from '../events.ts';
import type { Discovery, View } from './discovery.ts';
import { Copy } from './exchange/copy.ts';
import { difference, headOf, type Patch, patched } from './exchange/listed.ts';
import { Exchanging, type Tidings } from './exchange/tidings.ts';
import { FloodDiscovery } from './flood.ts';

/** Under which answers of the server come: how many members there are; a part of who they are. */
const COUNT = 'exchange count';
const MEMBERS = 'exchange members';
/** The timer after which news are told on. */
const TELL = 'tell';
/** The part of its life with which a list is told anew, or its owner looked for among the members. */
const OLD = 0.25;

type Search = Extract<MeshEvent, { type: 'search' }>;

/** What is to be said of a version of a list, to all neighbours but those who know it. */
interface News {
  readonly version: number;
  readonly knowers: readonly PeerId[];
}

export class ExchangeDiscovery implements Discovery {
  readonly name = 'exchange';
  readonly #lifeMs: number;
  readonly #roundsPerCount: number;
  readonly #flood = new FloodDiscovery();
  readonly underway = this.#flood.underway;
  readonly #copy: Copy;
  readonly #exchanging: Exchanging;
  /** Whose lists are newer than what neighbours were told. */
  readonly #news = new Map<PeerId, News>();
  /** Who is doubted since neighbours were told, in which version, and which of these know that. */
  readonly #doubts = new Map<PeerId, News>();
  #effects: MeshEffect[] = [];
  #mark: Mark | undefined;
  /** What we share, as it was told last. */
  #own: readonly SharedFile[] = [];
  readonly #changes = new Allowance(LIST_CHANGES_PER_SECOND, LIST_CHANGES_AT_ONCE, 0);
  #isDoubted = false;
  #roundAt = 0;
  #rounds = 0;
  #members: Set<PeerId> | undefined;
  #salt = 0;

  /** @param lifeMs How long the list of a peer is believed of which nothing is heard. */
  constructor(lifeMs = LIST_LIFE_MS) {
    this.#lifeMs = lifeMs;
    this.#roundsPerCount = Math.max(1, Math.min(ROUNDS_PER_COUNT, Math.floor((lifeMs * OLD) / EXCHANGE_ROUND_MS)));
    this.#copy = new Copy(lifeMs);
    this.#exchanging = new Exchanging(this.#copy, {
      send: (to, message) => this.#send(to, message),
      isNews: (holder, version, knowers) => this.#tellSoon(this.#news, holder, { version, knowers }),
      isDoubted: (peer, version, knowers) => this.#tellSoon(this.#doubts, peer, { version, knowers }),
      refute: () => {
        this.#isDoubted = true;
      },
    });
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    if (event.type === 'received' && isTidings(event.message)) this.#exchanging.received(event.from, event.message, view);
    else if (event.type === 'search' && this.#knows(event, view)) this.#answer(event, view);
    else {
      this.#take(event, view);
      this.#effects.push(...this.#flood.handle(event, view));
    }
    if (this.#isDoubted) this.#renew(view);
    return this.#effects.splice(0);
  }

  #take(event: MeshEvent, view: View): void {
    switch (event.type) {
      case 'linkUp':
        this.#look(view);
        return this.#exchanging.compare(event.contact.peer, view);
      case 'linkDown':
        this.#exchanging.lost(event.peer, view);
        if (event.cause === 'crashed' || event.cause === 'silent' || event.cause === 'left')
          this.#exchanging.doubt(event.peer, this.#copy.version(event.peer), view);
        return;
      case 'timerFired':
        if (event.timer.of === 'pulse') this.#pulse(view);
        else if (event.timer.of === 'discovery' && event.timer.task === TELL) this.#tell(view);
        return;
      case 'serverAnswered':
        if (event.ask === COUNT) this.#counted(event.answer, view);
        else if (event.ask === MEMBERS) this.#listed(event.answer, view);
        return;
      case 'shared':
        this.#mark = undefined;
        return;
      case 'leave':
        return this.#leave(view);
      default:
        return;
    }
  }

  // --- searching ------------------------------------------------------------------------------------------------------

  #knows({ only }: Search, view: View): boolean {
    if (only !== undefined) return this.#copy.get(only)?.shared !== undefined;
    return this.#copy.isWholeFor(view.self) && (this.#exchanging.isCurrent || view.neighbors.size === 0);
  }

  #answer({ query, want, only }: Search, view: View): void {
    // Secret, for strangers choose the names; nobody else can sign for us.
    if (this.#salt === 0) this.#salt = hashOf(view.seal.sign('floodmesh shelf 1'), 0);
    const members = view.knowsAll ? new Set(view.members()) : undefined;
    const others = [...(only === undefined ? this.#copy.peers() : [only])].filter(
      (peer) => peer !== view.self && members?.has(peer) !== false,
    );
    let left = HITS_PER_QUERY;
    for (const peer of others) {
      const contact = this.#copy.head(peer)?.contact;
      for (const file of this.#copy.matching(peer, want, this.#salt).slice(0, left)) {
        left -= 1;
        this.#effects.push({ type: 'found', query, provider: { peer, ...file }, ...(contact !== undefined && { contact }) });
      }
    }
    this.#effects.push({ type: 'searchEnded', query, asked: others.length, silent: 0 });
  }

  // --- our own list ---------------------------------------------------------------------------------------------------

  /** Makes a new version of our own list when it, or where we are, has changed. */
  #look(view: View): void {
    const changes = view.library.changes(this.#mark);
    const change = changes.isWhole ? difference(this.#own, changes.put) : changes;
    const head = this.#copy.head(view.self);
    const isSame = head?.contact.serial === view.contact.serial && change.removed.length === 0 && change.put.length === 0;
    // What is not told now is there the next time.
    if (isSame || !this.#changes.take(view.now)) return;
    this.#mark = changes.mark;
    this.#become(patched(this.#own, change), head === undefined ? undefined : change, view);
  }

  /** Says again what we share: others doubt that we are there, or are about to. */
  #renew(view: View): void {
    this.#isDoubted = false;
    this.#become(this.#own, { removed: [], put: [] }, view);
  }

  #become(files: readonly SharedFile[], change: Pick<Patch, 'removed' | 'put'> | undefined, view: View): void {
    const base = this.#copy.version(view.self);
    const version = base + 1;
    const patch = change === undefined ? undefined : { base, version, removed: change.removed, put: change.put };
    this.#own = files;
    this.#copy.take({ head: headOf(files, version, false, view), shared: files }, view.now, patch);
    this.#tellSoon(this.#news, view.self, { version, knowers: [] });
  }

  #leave(view: View): void {
    const head = headOf([], this.#copy.version(view.self) + 1, true, view);
    for (const neighbor of view.neighbors) this.#send(neighbor, { type: 'lists', told: [{ head, shared: [] }] });
  }

  // --- telling --------------------------------------------------------------------------------------------------------

  #tellSoon(what: Map<PeerId, News>, peer: PeerId, news: News): void {
    if (this.#news.size + this.#doubts.size === 0)
      this.#effects.push({ type: 'setTimer', timer: { of: 'discovery', task: TELL }, afterMs: NEWS_TOLD_MS });
    what.set(peer, news);
  }

  #tell({ neighbors }: View): void {
    // What is over by now, or has changed, is said anew or not at all.
    const isStill = ([peer, { version }]: readonly [PeerId, News]) => this.#copy.version(peer) === version;
    const news = [...this.#news].filter((each) => isStill(each) && (this.#copy.get(each[0]) ?? this.#copy.head(each[0])?.left));
    const doubts = [...this.#doubts].filter((each) => isStill(each) && this.#copy.get(each[0]));
    this.#news.clear();
    this.#doubts.clear();
    for (const neighbor of neighbors) {
      // Who is doubted is told, to say that it lives; what it shares it knows best.
      for (const lists of messagesOf(news, neighbor, neighbor)) this.#send(neighbor, { type: 'known', lists });
      for (const lists of messagesOf(doubts, neighbor)) this.#send(neighbor, { type: 'doubted', lists });
    }
  }

  #send(to: PeerId, message: Tidings): void {
    this.#effects.push({ type: 'send', to, message });
  }

  // --- time -----------------------------------------------------------------------------------------------------------

  #pulse(view: View): void {
    this.#look(view);
    this.#copy.settleDoubts(view.now - DOUBT_MS, view.now);
    this.#exchanging.giveUpLate(view);
    if (this.#isOld(view.self, view)) this.#renew(view);
    if (view.now < this.#roundAt) return;
    this.#roundAt = view.now + EXCHANGE_ROUND_MS;
    this.#round(view);
  }

  #round(view: View): void {
    this.#copy.confirm(view.neighbors, view.now);
    this.#copy.expire(view.now);
    for (const neighbor of view.neighbors) this.#exchanging.compare(neighbor, view);
    this.#rounds += 1;
    if (this.#rounds % this.#roundsPerCount === 0) this.#ask(COUNT, 1);
  }

  #isOld(peer: PeerId, { now }: View): boolean {
    return this.#copy.until(peer) - now < this.#lifeMs * OLD;
  }

  // --- what the server knows ------------------------------------------------------------------------------------------

  #ask(ask: string, most: number | undefined, cursor?: string): void {
    const page = { ...(most !== undefined && { most }), ...(cursor !== undefined && { cursor }) };
    this.#effects.push({ type: 'askServer', ask, request: { type: 'contacts', ...page } });
  }

  // As many as we know: then those. Members come and go in pairs, but seldom just so, and not for the life of a list.
  #counted(answer: InquiryAnswer | undefined, view: View): void {
    if (answer?.type !== 'contactList') return;
    if (answer.members === this.#copy.living) return this.#copy.confirm(this.#copy.peers(), view.now);
    this.#copy.confirm([view.self], view.now);
    if (this.#members !== undefined || ![...this.#copy.peers()].some((peer) => this.#isOld(peer, view))) return;
    this.#members = new Set();
    this.#ask(MEMBERS, undefined);
  }

  #listed(answer: InquiryAnswer | undefined, view: View): void {
    const members = this.#members;
    if (members === undefined) return;
    if (answer?.type === 'contactList') for (const { peer } of answer.found) members.add(peer);
    if (answer?.type === 'contactList' && answer.cursor !== undefined) return this.#ask(MEMBERS, undefined, answer.cursor);
    this.#members = undefined;
    if (answer?.type !== 'contactList') return;
    this.#copy.confirm(members, view.now);
    for (const peer of [...this.#copy.peers()]) if (!members.has(peer) && this.#isOld(peer, view)) this.#copy.drop(peer, view.now);
  }
}

/** What of it a neighbour does not know, and is not about `but`, in as many messages as it takes. */
function* messagesOf(news: readonly (readonly [PeerId, News])[], neighbor: PeerId, but?: PeerId): Generator<[PeerId, number][]> {
  const lists = news.flatMap(([peer, { version, knowers }]): [PeerId, number][] =>
    peer === but || knowers.includes(neighbor) ? [] : [[peer, version]],
  );
  for (let start = 0; start < lists.length; start += MAX_PEERS) yield lists.slice(start, start + MAX_PEERS);
}

function isTidings(message: { readonly type: string }): message is Tidings {
  return ['tally', 'known', 'wanted', 'lists', 'doubted'].includes(message.type);
}
