/**
 * Searching where nobody knows the whole network: by waves (`mesh/wave`), with hits on the way back, in stages.
 *
 * A search for a few holders goes two hops, then five, then everywhere, while it lacks some: a file that one in a hundred
 * has costs a fraction of a flood, and no cancel has to catch up with a wave that waits. Hits carry their holder's signed contact and
 * go back to up to three neighbours that asked, each holder's once a peer, so that a neighbour that swallows them does not
 * matter. A survey asks everybody for its links; what they say streams to the asker, a few reports at each hop.
 */
import {
  HIT_WAYS,
  HITS_PER_NEIGHBOR,
  HITS_PER_PEER,
  HITS_PER_QUERY,
  QUERIES_REMEMBERED,
  REMEMBER_QUERY_MS,
  REPORTS_PER_NEIGHBOR,
  WAVE_LIMITS,
  WAVE_SHARES,
  WAVES_AT_ONCE,
  WAVES_PER_SECOND,
  WIDE_SEARCH_MS,
} from '../../config.ts';
import type { PeerId, QueryId } from '../../protocol/ids.ts';
import { MAX_REPORTS, type Question, type Report } from '../../protocol/messages.ts';
import { Allowance } from '../allowance.ts';
import type { MeshEffect, MeshEvent, MeshMessage, Placed } from '../events.ts';
import { type Asked, empty, Wave, type WaveMessage } from '../wave.ts';
import type { Discovery, View } from './discovery.ts';
import { inMessages } from './hits.ts';
import { Seen } from './seen.ts';

type Hits = Extract<MeshMessage, { type: 'hits' }>;

/** One search at one peer. */
interface Round {
  readonly wave: Wave;
  readonly asking: Asking | undefined;
  /** Our own hits, for neighbours that ask later, and to whom they went. */
  own: readonly Hits[];
  readonly toldOwn: PeerId[];
  /** The hits that went through here, by holder and part. */
  passed: Set<string> | undefined;
  /** Hits and reports that each neighbour brought. */
  brought: Map<PeerId, number> | undefined;
  hits: number;
  /** Reports on the way to the asker. */
  reports: Report[];
}

/** What the asker keeps of a search of its own. */
interface Asking {
  /** How many holders are wanted, or the survey that is answered. */
  readonly enough: number;
  readonly ask: number | undefined;
  readonly deadline: number;
  readonly holders: Set<PeerId>;
  stage: number;
}

const LAST_STAGE = WAVE_LIMITS.length - 1;

export class WaveFlood implements Discovery {
  readonly name = 'wave';
  /** Searches that may be under way: they take a few hundred bytes each. */
  readonly #rounds = new Seen<QueryId, Round>(QUERIES_REMEMBERED, WIDE_SEARCH_MS);
  /** Searches that came: each is looked up once. */
  readonly #known = new Seen<QueryId, true>(QUERIES_REMEMBERED, REMEMBER_QUERY_MS);
  readonly #allowances = new Map<PeerId, Allowance>();

  get isBusy(): boolean {
    return this.#rounds.values().some(({ asking, wave }) => asking === undefined && !wave.isOver && !wave.isSettled);
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    const effects: MeshEffect[] = [];
    this.#take(event, view, effects);
    return effects;
  }

  #take(event: MeshEvent, view: View, effects: MeshEffect[]): void {
    switch (event.type) {
      case 'search': {
        const { query, want, only, enough } = event;
        return this.#begin({ query, want, only }, enough ?? (only === undefined ? Number.POSITIVE_INFINITY : 1), undefined, view, effects);
      }
      case 'askTopology':
        if (event.survey === undefined) return;
        return this.#begin({ query: event.survey, want: { by: 'peers' } }, Number.POSITIVE_INFINITY, event.ask, view, effects);
      case 'cancel': {
        const round = this.#rounds.get(event.query);
        return round?.asking === undefined ? undefined : round.wave.end(view, effects);
      }
      case 'linkUp':
        for (const { wave } of this.#rounds.values()) wave.linkUp(event.contact.peer, view, effects);
        return;
      case 'linkDown':
        return this.#linkDown(event.peer, view, effects);
      case 'received':
        return this.#received(event.from, event.message, view, effects);
      case 'timerFired':
        if (event.timer.of === 'echo') return this.#overdue(event.timer.query, view, effects);
        if (event.timer.of === 'search') return this.#timeIsUp(event.timer.query, view, effects);
        return;
      default:
        return;
    }
  }

  #received(from: PeerId, message: MeshMessage, view: View, effects: MeshEffect[]): void {
    switch (message.type) {
      case 'wave':
        return this.#waved(from, message, view, effects);
      case 'extend': {
        const round = this.#rounds.get(message.query);
        if (round === undefined) effects.push(send(from, empty(message.query)));
        else round.wave.extended(from, message, view, effects);
        return;
      }
      case 'ebb': {
        const round = this.#rounds.get(message.query);
        round?.wave.ebbed(from, message, view, effects);
        return this.#stageMayBeOver(round, view, effects);
      }
      case 'hits':
        return this.#hit(from, message, view, effects);
      case 'placed':
        return this.#placed(from, message.query, message.reports, view, effects);
      case 'cancel':
        return this.#rounds.get(message.query)?.wave.cancelled(from, view, effects);
      default:
        return;
    }
  }

  #linkDown(peer: PeerId, view: View, effects: MeshEffect[]): void {
    this.#allowances.delete(peer);
    for (const { wave } of this.#rounds.values()) wave.linkDown(peer, view, effects);
  }

  // --- being asked ----------------------------------------------------------------------------------------------------

  #waved(from: PeerId, copy: WaveMessage, view: View, effects: MeshEffect[]): void {
    const known = this.#rounds.get(copy.query);
    if (known !== undefined) {
      known.wave.came(from, copy, view, effects);
      this.#tellOwn(known, from, effects);
      return this.#stageMayBeOver(known, view, effects);
    }
    if (this.#known.get(copy.query) || copy.depth > copy.limit || !this.#mayAsk(from, view.now)) {
      effects.push(send(from, empty(copy.query)));
      return;
    }
    const round = this.#open(copy, copy.depth, copy.limit, undefined, view);
    this.#answer(round, copy.want, view);
    this.#tellOwn(round, from, effects);
    round.wave.came(from, copy, view, effects);
  }

  #mayAsk(neighbor: PeerId, now: number): boolean {
    const allowance = this.#allowances.get(neighbor) ?? new Allowance(WAVES_PER_SECOND, WAVES_AT_ONCE, now);
    this.#allowances.set(neighbor, allowance);
    return allowance.take(now);
  }

  #open(asked: Asked, depth: number, limit: number, asking: Asking | undefined, view: View): Round {
    const { query, want, only } = asked;
    const reports: Report[] = [];
    const flush = (to: PeerId, effects: MeshEffect[]) => {
      if (reports.length > 0) effects.push(send(to, { type: 'placed', query, reports: reports.splice(0) }));
    };
    const wave = new Wave({ query, want, only }, depth, limit, want.by === 'peers' ? flush : undefined);
    const round: Round = { wave, asking, own: NONE, toldOwn: [], passed: undefined, brought: undefined, hits: 0, reports };
    this.#rounds.set(query, round, view.now);
    this.#known.set(query, true, view.now);
    return round;
  }

  #answer(round: Round, want: Question, view: View): void {
    const { query, only } = round.wave.asked;
    if (want.by === 'peers') {
      round.reports.push(view.report);
      return;
    }
    if (only !== undefined && only !== view.self) return;
    const files = view.library.matching(want, HITS_PER_PEER);
    if (files.length === 0) return;
    const groups = [...inMessages(view.self, files)];
    round.own = groups.map((providers, part): Hits => ({ type: 'hits', query, providers, contact: view.contact, part }));
  }

  /** Tells our hits to a neighbour that asks, when not enough know them. */
  #tellOwn({ own, toldOwn }: Round, to: PeerId, effects: MeshEffect[]): void {
    if (own.length === 0 || toldOwn.length >= HIT_WAYS || toldOwn.includes(to)) return;
    toldOwn.push(to);
    for (const hits of own) effects.push(send(to, hits));
  }

  // --- what comes back ------------------------------------------------------------------------------------------------

  #hit(from: PeerId, hits: Hits, view: View, effects: MeshEffect[]): void {
    const round = this.#rounds.get(hits.query);
    const { contact, providers, part = 0 } = hits;
    if (round === undefined || contact === undefined || contact.peer === view.self || !this.#mayBring(round, from, providers.length))
      return;
    if (providers.some(({ peer }) => peer !== contact.peer)) return;
    round.hits += providers.length;
    const key = part === 0 ? contact.peer : `${contact.peer} ${part}`;
    round.passed ??= new Set();
    if (round.hits > HITS_PER_QUERY || round.passed.has(key)) return;
    if (round.asking !== undefined && !view.trusts(contact)) return;
    round.passed.add(key);
    if (round.asking === undefined) {
      for (const to of round.wave.upstream(view, from).slice(0, HIT_WAYS)) effects.push(send(to, hits));
      return;
    }
    for (const provider of providers) effects.push({ type: 'found', query: hits.query, provider, contact });
    round.asking.holders.add(contact.peer);
    // All that one peer has may take several messages: when only one is asked, it is enough when its stage is over.
    if (hasEnough(round.asking) && round.wave.asked.only === undefined) this.#end(round, view, effects);
  }

  #mayBring(round: Round, from: PeerId, count: number, most = HITS_PER_NEIGHBOR): boolean {
    if (round.wave.isOver || count === 0 || !round.wave.knows(from)) return false;
    round.brought ??= new Map();
    const brought = (round.brought.get(from) ?? 0) + count;
    round.brought.set(from, brought);
    return brought <= most;
  }

  #placed(from: PeerId, query: QueryId, reports: readonly Report[], view: View, effects: MeshEffect[]): void {
    const round = this.#rounds.get(query);
    if (round === undefined || !this.#mayBring(round, from, reports.length, REPORTS_PER_NEIGHBOR)) return;
    if (round.asking?.ask !== undefined) {
      const peers = reports.filter((report) => isBelieved(report, view)).map(placed);
      if (peers.length > 0) effects.push({ type: 'topology', ask: round.asking.ask, peers, more: true });
      return;
    }
    const to = round.wave.told;
    round.reports.push(...reports);
    while (round.reports.length >= MAX_REPORTS) {
      const full = round.reports.splice(0, MAX_REPORTS);
      if (to !== undefined) effects.push(send(to, { type: 'placed', query, reports: full }));
    }
  }

  // --- asking ---------------------------------------------------------------------------------------------------------

  #begin(asked: Asked, enough: number, ask: number | undefined, view: View, effects: MeshEffect[]): void {
    const { query } = asked;
    const stage = enough === Number.POSITIVE_INFINITY ? LAST_STAGE : 0;
    const asking: Asking = { enough, ask, deadline: view.now + WIDE_SEARCH_MS, holders: new Set(), stage };
    const round = this.#open(asked, 0, limitOf(stage), asking, view);
    effects.push({ type: 'setTimer', timer: { of: 'search', query }, afterMs: WIDE_SEARCH_MS });
    round.wave.begin(patienceOf(asking, view.now), view, effects);
    this.#stageMayBeOver(round, view, effects);
  }

  #overdue(query: QueryId, view: View, effects: MeshEffect[]): void {
    const round = this.#rounds.get(query);
    round?.wave.overdue(view, effects);
    this.#stageMayBeOver(round, view, effects);
  }

  #stageMayBeOver(round: Round | undefined, view: View, effects: MeshEffect[]): void {
    if (round?.asking === undefined || round.wave.isOver || !round.wave.isSettled) return;
    const { asking, wave } = round;
    if (hasEnough(asking) || wave.tally.edge === 0 || asking.stage === LAST_STAGE) return this.#end(round, view, effects);
    asking.stage += 1;
    wave.goOn(limitOf(asking.stage), patienceOf(asking, view.now), view, effects);
    this.#stageMayBeOver(round, view, effects);
  }

  #timeIsUp(query: QueryId, view: View, effects: MeshEffect[]): void {
    const round = this.#rounds.get(query);
    if (round?.asking !== undefined && !round.wave.isOver) this.#end(round, view, effects);
  }

  #end({ wave, asking }: Round, view: View, effects: MeshEffect[]): void {
    const { asked, silent } = wave.tally;
    wave.end(view, effects);
    if (asking?.ask === undefined) effects.push({ type: 'searchEnded', query: wave.asked.query, asked, silent });
    else effects.push({ type: 'topology', ask: asking.ask, peers: [{ contact: view.contact, neighbors: [...view.neighbors] }] });
  }
}

const NONE: readonly Hits[] = [];

function send(to: PeerId, message: MeshMessage): MeshEffect {
  return { type: 'send', to, message };
}

function isBelieved(report: Report, view: View): boolean {
  return report.contact.peer !== view.self && view.trusts(report.contact) && view.isGenuine(report);
}

function placed({ contact, neighbors }: Report): Placed {
  return { contact, neighbors };
}

function hasEnough({ holders, enough }: Asking): boolean {
  return holders.size >= enough;
}

function limitOf(stage: number): number {
  return WAVE_LIMITS[stage] ?? 0;
}

/** What a stage may take: the last all the time that is left. */
function patienceOf({ stage, deadline }: Asking, now: number): number {
  const share = WAVE_SHARES[stage];
  return share === undefined ? deadline - now : Math.floor(share * WIDE_SEARCH_MS);
}
