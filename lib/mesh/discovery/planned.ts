/**
 * The planned flood: nobody is asked twice, where everybody knows the whole network.
 *
 * Seed 001 sends a query to every neighbour, each to all of its others; in a mesh of ten that is 39 messages. Here a query
 * says whom its receiver is to see to (`reach`) and who is seen to at all (`covered`). The receiver splits its part
 * among its neighbours along the shortest ways that it knows, so a search of N peers takes N−1 queries and the fewest
 * hops; whoever knows of a peer that nobody covers sees to it as well.
 *
 * Answers flow back as an echo (Chang 1982; Segall 1983): once all that a peer was to see to has answered or cannot be
 * heard, it says so to whoever asked it. So the asker knows when its search is over, and who kept silent. Whoever loses
 * a link, or hears no echo in time, asks around it: that is why each peer keeps a share of its time for itself. Nobody speaks
 * for another: each that answered proves it to the asker, under a secret of those two, and of whom no proof comes is asked
 * around the neighbour that claimed it, as if it had been missed.
 */
import {
  HITS_PER_PEER,
  HITS_PER_QUERY,
  QUERIES_REMEMBERED,
  REMEMBER_HITS_MS,
  REMEMBER_QUERY_MS,
  RING_MESH_REACH,
  SEARCH_MS,
} from '../../config.ts';
import type { SharedFile } from '../../protocol/fields.ts';
import type { PeerId, QueryId } from '../../protocol/ids.ts';
import { answerText, hitsText } from '../../protocol/proofs.ts';
import type { MeshEffect, MeshEvent, MeshMessage } from '../events.ts';
import type { View } from './discovery.ts';
import { Harvest, type HitsMessage, holderOf } from './harvest.ts';
import { inMessages } from './hits.ts';
import {
  askMeant,
  askVia,
  assign,
  betweenUs,
  type Errand,
  end,
  isAwaited,
  isNews,
  opened,
  owe,
  type Round,
  send,
  settleDebts,
  tell,
} from './round.ts';
import { Seen } from './seen.ts';

type QueryMessage = Extract<MeshMessage, { type: 'query' }>;
type EchoMessage = Extract<MeshMessage, { type: 'echo' }>;

/**
 * Most that are asked once more through a neighbour that was lost. In a ring mesh of ten no neighbour has more to see to; of larger
 * parts too much would wait when it is dead. A guess.
 */
const MOST_MEDIATED = 1 + RING_MESH_REACH;

export class PlannedFlood {
  /** Queries that this peer sees to for others, or asks itself. */
  readonly #rounds = new Seen<QueryId, Round>(QUERIES_REMEMBERED, REMEMBER_QUERY_MS);
  /** Searches of our own, until their time is up: a loop that stood still may look so late that they are not remembered any more. */
  readonly #own = new Map<QueryId, Round>();
  /** What this peer itself answered: each query is looked up once. */
  readonly #answers = new Seen<QueryId, readonly SharedFile[]>(QUERIES_REMEMBERED, REMEMBER_QUERY_MS);
  /** What others answered through this peer. */
  readonly #harvests = new Seen<QueryId, Harvest>(QUERIES_REMEMBERED, REMEMBER_HITS_MS);

  /** As `Underway` has it. */
  get isBusy(): boolean {
    return this.#rounds
      .values()
      .some(({ path, debts, isOver }) => !isOver && path.length > 0 && debts.values().some(({ owed }) => owed.size > 0));
  }

  /** Of whom nothing was heard in a search of our own, `self`; it is complete when the search is over. */
  missed(query: QueryId, self: PeerId): readonly PeerId[] {
    return this.#rounds.get(query)?.debts.get(self)?.missed ?? [];
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    switch (event.type) {
      case 'search':
        return this.#begin(event, view);
      case 'cancel':
        return this.#cancel(event.query, view.self, view);
      case 'linkDown':
        return this.#linkDown(event.peer, view);
      case 'received':
        return this.#received(event.from, event.message, view);
      case 'timerFired':
        if (event.timer.of === 'echo') return this.#overdue(event.timer.query, view);
        if (event.timer.of === 'search') return this.#timeIsUp(event.timer.query, view);
        return [];
      default:
        return [];
    }
  }

  #received(from: PeerId, message: MeshMessage, view: View): MeshEffect[] {
    switch (message.type) {
      case 'query':
        return this.#queried(from, message, view);
      case 'hits':
        return this.#hit(from, message, view);
      case 'echo':
        return this.#echoed(from, message, view);
      case 'cancel':
        return this.#cancel(message.query, from, view);
      default:
        return [];
    }
  }

  #begin({ query, want, only }: Extract<MeshEvent, { type: 'search' }>, view: View): MeshEffect[] {
    const others = view.members().filter((peer) => peer !== view.self);
    const reach = only === undefined ? others : [only];
    const round = this.#open({ query, want, trail: [] }, view);
    this.#own.set(query, round);
    round.deadline = view.now + SEARCH_MS;
    for (const peer of view.members()) round.covered.add(peer);
    owe(round, view.self, reach);
    const effects: MeshEffect[] = [{ type: 'setTimer', timer: { of: 'search', query }, afterMs: SEARCH_MS }];
    return [...effects, ...assign(round, reach, view), ...settleDebts(round, view)];
  }

  #queried(from: PeerId, message: QueryMessage, view: View): MeshEffect[] {
    // Our own question, or one that has already come through here, handed back: we do not ask ourselves.
    if (message.trail.includes(view.self)) return [send(from, missing(message.query, message.reach))];
    const known = this.#rounds.get(message.query);
    if (known?.isOver) return [];
    const uncovered = this.#uncovered(message, known, view);
    const own = message.reach.includes(view.self) || uncovered.includes(view.self) ? this.#hits(from, message, view) : [];
    // Ids that we do not know can be invented without end: nothing is kept of them; whoever they are, we miss them.
    const members = new Set(view.members());
    const strangers = message.reach.filter((peer) => !members.has(peer));
    const part = [...message.reach.filter((peer) => members.has(peer)), ...uncovered];
    const others = part.filter((peer) => peer !== view.self);
    const proof = provenTo(message.trail[0], from, () => answerText(message.query, message.want, view.self), view);
    // Most peers of a mesh see to nobody but themselves: that costs them no more than an answer.
    if (others.length === 0 && known === undefined)
      return [...own, send(from, { ...missing(message.query, strangers), answered: [view.self], proofs: [proof] })];
    const round = known ?? this.#open(message, view);
    round.deadline = Math.max(round.deadline, view.now + Math.min(message.patienceMs, SEARCH_MS));
    for (const peer of [...message.trail, from]) if (members.has(peer)) round.upstream.add(peer);
    for (const peer of [...message.covered, ...uncovered]) if (members.has(peer)) round.covered.add(peer);
    round.outcomes.set(view.self, proof);
    const debt = owe(round, from, part);
    const missed = strangers.length === 0 ? [] : [send(from, missing(message.query, strangers))];
    // What came for somebody else is told again: it may have gone down with the link to the earlier asker.
    const harvest = this.#harvests.get(message.query);
    const heard = others.flatMap((peer) => harvest?.of(peer) ?? []).flatMap((hits) => tell(from, debt, hits));
    const open = others.filter((peer) => !round.outcomes.has(peer) && !(message.via === view.self && isAwaited(round, peer)));
    const { via = view.self } = message;
    const asked = via === view.self ? assign(round, open, view) : askMeant(round, open, via, view);
    return [...own, ...missed, ...heard, ...asked, ...settleDebts(round, view)];
  }

  /** The members that nobody sees to yet, as far as we know. */
  #uncovered(message: QueryMessage, known: Round | undefined, view: View): readonly PeerId[] {
    const covered = new Set([...message.covered, ...message.trail]);
    return view.members().filter((peer) => !covered.has(peer) && !known?.covered.has(peer) && !known?.upstream.has(peer));
  }

  #hits(from: PeerId, { query, want, trail }: QueryMessage, view: View): MeshEffect[] {
    const known = this.#answers.get(query);
    const files = known ?? view.library.matching(want, HITS_PER_PEER);
    if (known === undefined) this.#answers.set(query, files, view.now);
    return [...inMessages(view.self, files)].map((providers) => {
      const proof = provenTo(trail[0], from, () => hitsText(query, providers), view);
      return send(from, { type: 'hits', query, providers, ...(proof === '' ? {} : { proof }) });
    });
  }

  #open(question: Pick<QueryMessage, 'query' | 'want' | 'trail'>, view: View): Round {
    const round = opened(question, view.now);
    this.#rounds.set(round.query, round, view.now);
    return round;
  }

  // A hit travels only a path that its query travelled: it comes from somebody we asked, and goes to who asked us.
  #hit(from: PeerId, message: HitsMessage, view: View): MeshEffect[] {
    const { query, providers } = message;
    const round = this.#rounds.get(query);
    if (round === undefined || round.isOver || !round.asked.has(from)) return [];
    if (!round.debts.has(view.self)) return this.#pass(from, message, round, view);
    round.hits += providers.length;
    if (round.hits > HITS_PER_QUERY || !isTheHolders(message, from, view)) return [];
    return providers.filter((provider) => isNews(round, provider, view)).map((provider) => ({ type: 'found', query, provider }));
  }

  #pass(from: PeerId, message: HitsMessage, round: Round, view: View): MeshEffect[] {
    const known = this.#harvests.get(message.query);
    const harvest = known ?? new Harvest();
    if (!harvest.add(message)) return [];
    if (known === undefined) this.#harvests.set(message.query, harvest, view.now);
    const askers = [...round.debts].filter(([asker, { owed }]) => asker !== from && owed.size > 0);
    return askers.flatMap(([asker, debt]) => tell(asker, debt, message));
  }

  #echoed(from: PeerId, { query, answered, proofs, missed }: EchoMessage, view: View): MeshEffect[] {
    const round = this.#rounds.get(query);
    const pending = round?.asked.get(from)?.pending;
    if (round === undefined || pending === undefined || round.isOver) return [];
    const unheard = missed.filter((peer) => pending.delete(peer));
    for (const [index, peer] of answered.entries()) {
      if (!pending.delete(peer)) continue;
      const proof = proofs[index] ?? '';
      if (isBelieved(round, from, peer, proof, view)) round.outcomes.set(peer, proof);
      else {
        round.doubted.add(from);
        unheard.push(peer);
      }
    }
    return [...assign(round, unheard, view, from), ...settleDebts(round, view)];
  }

  #overdue(query: QueryId, view: View): MeshEffect[] {
    const round = this.#rounds.get(query);
    if (round === undefined || round.isOver) return [];
    const late = [...round.asked].filter(([, { pending, due }]) => pending.size > 0 && view.now >= due);
    for (const [neighbor] of late) round.mute.add(neighbor);
    return late.flatMap(([neighbor, { pending }]) => this.#askAround(round, neighbor, pending, view));
  }

  #linkDown(peer: PeerId, view: View): MeshEffect[] {
    const effects: MeshEffect[] = [];
    for (const round of this.#rounds.values()) {
      if (round.isOver) continue;
      round.debts.delete(peer);
      const errand = round.asked.get(peer);
      if (errand !== undefined && errand.pending.size > 0) effects.push(...this.#askAgain(round, peer, errand, view));
    }
    return effects;
  }

  // A link that died may have left both its ends alive: the other one has asked for its part, and may have heard already. So it is
  // asked for all of it by way of a neighbour that both have, which takes two queries; around it each of the part takes its own.
  // Once: of a peer that died many hear at different moments, and would ask each other for it in circles.
  #askAgain(round: Round, lost: PeerId, { pending, via }: Errand, view: View): MeshEffect[] {
    const isFew = pending.size > 1 && pending.size <= MOST_MEDIATED;
    const between = via === undefined && isFew ? betweenUs(round, lost, view) : undefined;
    if (via === lost && pending.delete(lost)) round.outcomes.set(lost, false);
    if (between === undefined) return this.#askAround(round, lost, pending, view);
    const unheard = [...pending];
    pending.clear();
    return [...askVia(round, between, unheard, lost, view), ...settleDebts(round, view)];
  }

  // The neighbour itself may still be heard another way; when it kept silent, `mute` keeps it from being asked again.
  #askAround(round: Round, neighbor: PeerId, pending: Set<PeerId>, view: View): MeshEffect[] {
    const unheard = [...pending];
    pending.clear();
    return [...assign(round, unheard, view, neighbor), ...settleDebts(round, view)];
  }

  #cancel(query: QueryId, asker: PeerId, view: View): MeshEffect[] {
    const round = this.#rounds.get(query);
    if (round === undefined || round.isOver || !round.debts.delete(asker) || round.debts.size > 0) return [];
    return end(round, view);
  }

  #timeIsUp(query: QueryId, view: View): MeshEffect[] {
    const round = this.#own.get(query);
    this.#own.delete(query);
    if (round === undefined || round.isOver) return [];
    const cancelled: MeshEffect[] = [];
    for (const [neighbor, { pending }] of round.asked) {
      if (pending.size > 0) cancelled.push(send(neighbor, { type: 'cancel', query }));
      for (const peer of pending) round.outcomes.set(peer, false);
      pending.clear();
    }
    return [...cancelled, ...settleDebts(round, view)];
  }
}

function missing(query: QueryId, missed: PeerId[]): EchoMessage {
  return { type: 'echo', query, answered: [], proofs: [], missed };
}

/** What proves to the asker what we say; nothing, where it asks us itself: its link has proven who we are. */
function provenTo(asker: PeerId | undefined, from: PeerId, text: () => string, view: View): string {
  return asker === undefined || asker === from ? '' : view.prove(asker, text());
}

// Only the asker can tell.
function isBelieved({ query, want, debts }: Round, from: PeerId, peer: PeerId, proof: string, view: View): boolean {
  if (!debts.has(view.self) || peer === from) return true;
  return proof !== '' && proof === view.prove(peer, answerText(query, want, peer));
}

// Nobody says of others what they have: hits made up in their names would outvote those who have the right file.
function isTheHolders({ query, providers, proof }: HitsMessage, from: PeerId, view: View): boolean {
  const holder = holderOf(providers);
  if (holder === undefined) return false;
  return holder === from || (proof !== undefined && proof === view.prove(holder, hitsText(query, providers)));
}
