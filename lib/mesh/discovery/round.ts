/**
 * One query at one peer: whom it owes an answer for whom, whom it asked in its turn, and how each came out.
 *
 * What is open is shared out among neighbours, and asked anew another way, until everybody has answered or cannot be heard in time.
 */
import { LEAST_PATIENCE_MS, RING_MESH_REACH } from '../../config.ts';
import { MAX_LINKS, type Provider, type Want } from '../../protocol/fields.ts';
import type { PeerId, QueryId } from '../../protocol/ids.ts';
import type { MeshEffect, MeshMessage } from '../events.ts';
import type { View } from './discovery.ts';
import type { HitsMessage } from './harvest.ts';

type QueryMessage = Extract<MeshMessage, { type: 'query' }>;

/** Ways tried for one peer before it counts as not heard: as many as it has neighbours, so any five of ten may die meanwhile. */
const WAYS_TRIED = 2 * RING_MESH_REACH;

/** What is owed to one asker: the peers not settled yet, and how the others came out. */
export interface Debt {
  readonly owed: Set<PeerId>;
  readonly answered: PeerId[];
  /** What those prove. */
  readonly proofs: string[];
  readonly missed: PeerId[];
  /** The hits that were passed on to it. */
  readonly told: Set<HitsMessage>;
}

/** What one neighbour was asked to see to, and has not answered for; its echo is overdue at `due`. */
export interface Errand {
  readonly pending: Set<PeerId>;
  due: number;
  /** Who was asked for the same before, over a link that died, and is asked again by way of this neighbour, or is it. */
  via: PeerId | undefined;
}

/** One query at one peer. */
export interface Round {
  readonly query: QueryId;
  readonly want: Want;
  /** The way the query first came, asker first; empty at the asker. */
  readonly path: readonly PeerId[];
  /** Everybody the query came through on any way: it is never sent back there. */
  readonly upstream: Set<PeerId>;
  readonly covered: Set<PeerId>;
  readonly debts: Map<PeerId, Debt>;
  readonly asked: Map<PeerId, Errand>;
  /** Each peer that came out: what proves that it answered; false when it was missed. */
  readonly outcomes: Map<PeerId, string | false>;
  readonly ways: Map<PeerId, number>;
  /** Neighbours that let their time pass: not asked again in this round. */
  readonly mute: Set<PeerId>;
  /** Neighbours that claimed answers without proof: others are asked first. */
  readonly doubted: Set<PeerId>;
  /** How many hits came to the asker, and what was made of them. */
  hits: number;
  readonly found: Set<string>;
  deadline: number;
  isOver: boolean;
}

/** A query that is new here: nobody is asked yet. `trail`: the way that it came. */
export function opened({ query, want, trail }: Pick<QueryMessage, 'query' | 'want' | 'trail'>, now: number): Round {
  return {
    query,
    want,
    path: trail,
    upstream: new Set(),
    covered: new Set(),
    debts: new Map(),
    asked: new Map(),
    outcomes: new Map(),
    ways: new Map(),
    mute: new Set(),
    doubted: new Set(),
    hits: 0,
    found: new Set(),
    deadline: now,
    isOver: false,
  };
}

/** A message over the link with `to`. */
export function send(to: PeerId, message: MeshMessage): MeshEffect {
  return { type: 'send', to, message };
}

/**
 * Shares `peers` out among the neighbours through whom they are reached: not through `failed` where there is another way,
 * and never with it as the first step. Who cannot be reached, or not in time, comes out as missed.
 */
export function assign(round: Round, peers: readonly PeerId[], view: View, failed?: PeerId): MeshEffect[] {
  if (peers.length === 0) return [];
  const avoided = new Set([...round.upstream, ...round.mute]);
  const around = failed === undefined ? undefined : view.routes(new Set([...avoided, ...round.doubted, failed]));
  const routes = view.routes(avoided);
  const parts = new Map<PeerId, Part>();
  for (const peer of peers) {
    const ways = round.ways.get(peer) ?? 0;
    const route = around?.get(peer) ?? routes.get(peer);
    if (route === undefined || route.through === failed || ways >= WAYS_TRIED || !isWorthAsking(round, route.hops, view.now)) {
      round.outcomes.set(peer, false);
      continue;
    }
    round.ways.set(peer, ways + 1);
    const part = parts.get(route.through) ?? { reach: [], hops: 0 };
    parts.set(route.through, { reach: [...part.reach, peer], hops: Math.max(part.hops, route.hops) });
  }
  const asked = [...parts].map(([neighbor, part]) => ask(round, neighbor, part, view));
  // Those asked at one moment for peers as far away are overdue at one moment.
  const patiences = new Set([...parts.values()].map(({ hops }) => patience(round, hops, view.now)));
  const timers = [...patiences].map((afterMs): MeshEffect => ({ type: 'setTimer', timer: { of: 'echo', query: round.query }, afterMs }));
  return [...asked, ...timers];
}

/** A neighbour that has a link with the one that we lost. */
export function betweenUs(round: Round, lost: PeerId, view: View): PeerId | undefined {
  const route = view.routes(new Set([...round.upstream, ...round.mute, ...round.doubted])).get(lost);
  return route?.hops === 2 ? route.through : undefined;
}

/** Has `neighbor` see to all of these by asking `via`, which was asked for them before; who was asked for too often comes out as missed. */
export function askVia(round: Round, neighbor: PeerId, peers: readonly PeerId[], via: PeerId, view: View): MeshEffect[] {
  const hops = neighbor === via ? 2 : 3;
  const reach: PeerId[] = [];
  for (const peer of peers) {
    const ways = round.ways.get(peer) ?? 0;
    if (ways >= WAYS_TRIED || !isWorthAsking(round, hops, view.now)) round.outcomes.set(peer, false);
    else reach.push(peer);
    round.ways.set(peer, ways + 1);
  }
  if (reach.length === 0) return [];
  const timer = { of: 'echo', query: round.query } as const;
  const afterMs = patience(round, hops, view.now);
  return [ask(round, neighbor, { reach, hops }, view, via), { type: 'setTimer', timer, afterMs }];
}

/** Has our neighbour `via` see to all of these; when it is none any more, it is missed, so that the others do not wait for it. */
export function askMeant(round: Round, peers: readonly PeerId[], via: PeerId, view: View): MeshEffect[] {
  if (view.neighbors.has(via) && !round.upstream.has(via)) return askVia(round, via, peers, via, view);
  if (peers.includes(via)) round.outcomes.set(via, false);
  const others = peers.filter((peer) => peer !== via);
  return assign(round, others, view, via);
}

/** Whether somebody else was asked for this peer, and may still answer. */
export function isAwaited(round: Round, peer: PeerId): boolean {
  return round.asked.values().some(({ pending }) => pending.has(peer));
}

/** What one neighbour is to see to: whom, and how many hops the farthest is away. */
interface Part {
  readonly reach: PeerId[];
  readonly hops: number;
}

/** Each hop of a way keeps an equal share of the time for itself, to ask around whoever keeps silent after it. */
function patience(round: Round, hops: number, now: number): number {
  return Math.floor(((round.deadline - now) * hops) / (hops + 1));
}

function isWorthAsking(round: Round, hops: number, now: number): boolean {
  return patience(round, hops, now) >= LEAST_PATIENCE_MS && round.path.length + hops < MAX_LINKS;
}

function ask(round: Round, neighbor: PeerId, { reach, hops }: Part, view: View, via?: PeerId): MeshEffect {
  const { query, want, covered, path } = round;
  const patienceMs = patience(round, hops, view.now);
  const errand: Errand = round.asked.get(neighbor) ?? { pending: new Set(), due: 0, via: undefined };
  errand.via ??= via;
  for (const peer of reach) errand.pending.add(peer);
  errand.due = view.now + patienceMs;
  round.asked.set(neighbor, errand);
  return send(neighbor, {
    type: 'query',
    query,
    want,
    reach: [...reach],
    covered: [...covered],
    trail: [...path, view.self],
    patienceMs,
    ...(via === undefined ? {} : { via }),
  });
}

/** `asker` is to hear of each of these how it came out. */
export function owe(round: Round, asker: PeerId, peers: readonly PeerId[]): Debt {
  const debt = round.debts.get(asker) ?? { owed: new Set(), answered: [], proofs: [], missed: [], told: new Set() };
  for (const peer of peers) debt.owed.add(peer);
  round.debts.set(asker, debt);
  return debt;
}

/** Tells each asker whose whole part has come out; at the asker of all, the search is over. */
export function settleDebts(round: Round, view: View): MeshEffect[] {
  const effects: MeshEffect[] = [];
  for (const [asker, debt] of round.debts) {
    for (const peer of debt.owed) {
      const proof = round.outcomes.get(peer);
      if (proof === undefined) continue;
      debt.owed.delete(peer);
      if (proof === false) debt.missed.push(peer);
      else {
        debt.answered.push(peer);
        debt.proofs.push(proof);
      }
    }
    if (debt.owed.size > 0) continue;
    const { answered, proofs, missed } = debt;
    if (asker === view.self) {
      round.isOver = true;
      effects.push({ type: 'searchEnded', query: round.query, asked: answered.length, silent: missed.length });
    } else if (answered.length + missed.length > 0) {
      const { query } = round;
      effects.push(send(asker, { type: 'echo', query, answered: answered.splice(0), proofs: proofs.splice(0), missed: missed.splice(0) }));
    }
  }
  return effects;
}

/** Drops what is under way: whoever was asked need not answer. */
export function end(round: Round, view: View): MeshEffect[] {
  round.isOver = true;
  const waiting = [...round.asked].filter(([neighbor, { pending }]) => pending.size > 0 && view.neighbors.has(neighbor));
  return waiting.map(([neighbor]) => send(neighbor, { type: 'cancel', query: round.query }));
}

/** Whether the asker has not been told of this hit: it can come twice, when a link died after it had passed on one way. */
export function isNews(round: Round, { peer, root, name }: Provider, view: View): boolean {
  const key = `${peer} ${root} ${name}`;
  if (peer === view.self || round.found.has(key)) return false;
  round.found.add(key);
  return true;
}

/** Each asker is told of a hit once. */
export function tell(asker: PeerId, { told }: Debt, message: HitsMessage): MeshEffect[] {
  if (told.has(message)) return [];
  told.add(message);
  return [send(asker, message)];
}
