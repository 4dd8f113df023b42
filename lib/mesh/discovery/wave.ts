/**
 * Searching where nobody knows the whole network: by waves (`mesh/wave`), with hits on the way back, in stages.
 *
 * A search for a few holders goes two hops, then five, then everywhere, while it lacks some: a file that one in a hundred
 * has costs a fraction of a flood, and no cancel has to catch up with a wave that waits. Hits carry their holder's signed contact and
 * go back to up to three neighbours that asked, each holder's once a peer, so that a neighbour that swallows them does not
 * matter. A survey asks everybody for its links; what they say streams to the asker, a few reports at each hop.
 */
import {
  HIT_DETOURS,
  HIT_WAYS,
  HITS_DETOURED,
  HITS_PER_NEIGHBOR,
  HITS_PER_PEER,
  HITS_PER_QUERY,
  QUERIES_REMEMBERED,
  QUIET_MS,
  REMEMBER_QUERY_MS,
  REPORTS_PER_NEIGHBOR,
  STUCK_MS,
  WAVE_STAGES,
  WAVES_AT_ONCE,
  WAVES_PER_SECOND,
  WIDE_SEARCH_MS,
} from '../../config.ts';
import type { Contact } from '../../protocol/fields.ts';
import { type PeerId, type QueryId, queryId } from '../../protocol/ids.ts';
import { MAX_REPORTS, type Question, type Report } from '../../protocol/messages/link.ts';
import { hitsText, waveText } from '../../protocol/proofs.ts';
import { Allowance } from '../allowance.ts';
import type { MeshEffect, MeshEvent, MeshMessage, Placed } from '../events.ts';
import { isGenuine } from '../seal.ts';
import { type Asked, empty, Wave, type WaveMessage } from '../wave.ts';
import type { Discovery, Stuck, Underway, View } from './discovery.ts';
import { inMessages } from './hits.ts';
import { Seen } from './seen.ts';

type Hits = Extract<MeshMessage, { type: 'hits' }>;

/** One search at one peer. What few have comes to be when it does: a flood makes one of these at every peer. */
interface Round {
  readonly wave: Wave;
  readonly asking: Asking | undefined;
  /** Our own hits, for neighbours that ask later, and to whom they went. */
  own: readonly Hits[] | undefined;
  toldOwn: PeerId[] | undefined;
  /** The hits that went through here, by what they say: altered ones do not keep true ones back. At the asker by holder and part. */
  passed: Set<string> | undefined;
  /** Hits and reports that each neighbour brought. */
  brought: Map<PeerId, number> | undefined;
  hits: number;
  /** Reports on the way to the asker. */
  readonly reports: Report[] | undefined;
}

/** What is remembered of a search: all of it until it can be over, then that it was. */
interface Slot {
  round: Round | undefined;
  readonly until: number;
}

type Stages = typeof WAVE_STAGES;
type Stage = Stages[number];

type Search = Extract<MeshEvent, { type: 'search' }>;

/** What is wanted of a search of our own, or of a survey: how many holders, within how much time, and whether by stages where few are. */
interface Wanted {
  readonly enough: number;
  readonly isAtOnce?: true;
  readonly ask: number | undefined;
  readonly withinMs: number;
}

/** What the asker keeps of a search of its own. */
interface Asking {
  /** How many holders are wanted, or the survey that is answered. */
  readonly enough: number;
  readonly ask: number | undefined;
  readonly deadline: number;
  readonly holders: Set<PeerId>;
  stage: Stage;
  /** When it ends, unless another holder is found. */
  quietAt: number;
}

export class WaveFlood implements Discovery, Underway {
  readonly name = 'wave';
  /** Searches that came: each is looked up once. */
  readonly #slots = new Seen<QueryId, Slot>(QUERIES_REMEMBERED, REMEMBER_QUERY_MS);
  /** Those that may be under way, the oldest first: they take about a KiB each. */
  readonly #live: Slot[] = [];
  /** Searches and surveys of our own, until their time is up, by the digest of what they ask: a loop that stood still may look so late that all others have forgotten them. */
  readonly #own = new Map<QueryId, Round>();
  readonly #allowances = new Map<PeerId, Allowance>();
  readonly #stages: Stages;
  /** What was asked last: its copies come from several neighbours within a moment, and only the first is digested. */
  #latest: Asked | undefined;

  /** @param stages How a search goes on; others than those of the product are for measuring. */
  constructor(stages: Stages = WAVE_STAGES) {
    this.#stages = stages;
  }

  get underway(): Underway {
    return this;
  }

  get isBusy(): boolean {
    return this.#live.some(({ round }) => round !== undefined && round.asking === undefined && !round.wave.isOver && !round.wave.isSettled);
  }

  uses(peer: PeerId): boolean {
    return this.#live.some(({ round }) => round?.wave.uses(peer) === true);
  }

  stuck(now: number): Stuck | undefined {
    const late = this.#live.filter(({ round, until }) => round?.wave.isUnderWay === true && now >= until - WIDE_SEARCH_MS + STUCK_MS);
    if (late.length === 0) return undefined;
    return late.some(({ round }) => round?.asking !== undefined) ? 'ours' : 'others';
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    const effects: MeshEffect[] = [];
    this.#take(event, view, effects);
    return effects;
  }

  #take(event: MeshEvent, view: View, effects: MeshEffect[]): void {
    switch (event.type) {
      case 'search': {
        const { query, want, only, enough = only === undefined ? Number.POSITIVE_INFINITY : 1 } = event;
        return this.#begin(asked(query, want, only, view), { enough, ask: undefined, withinMs: WIDE_SEARCH_MS }, view, effects);
      }
      case 'askTopology': {
        if (event.survey === undefined) return;
        const wanted = { enough: Number.POSITIVE_INFINITY, ask: event.ask, withinMs: WIDE_SEARCH_MS };
        return this.#begin(asked(event.survey, { by: 'peers' }, undefined, view), wanted, view, effects);
      }
      case 'cancel': {
        const own = this.#own.values().find(({ wave }) => wave.asked.query === event.query);
        return own?.wave.end(view, effects);
      }
      case 'linkUp':
        for (const { round } of this.#live) round?.wave.linkUp(event.contact.peer, view, effects);
        return;
      case 'linkDown':
        return this.#linkDown(event.peer, view, effects);
      case 'received':
        return this.#received(event.from, event.message, view, effects);
      case 'timerFired':
        if (event.timer.of === 'echo') return this.#overdue(event.timer.query, view, effects);
        if (event.timer.of === 'search') return this.#timeIsUp(event.timer.query, view, effects);
        return this.#forget(view.now);
      default:
        return;
    }
  }

  #received(from: PeerId, message: MeshMessage, view: View, effects: MeshEffect[]): void {
    switch (message.type) {
      case 'wave':
        return this.#waved(from, message, view, effects);
      case 'extend': {
        const round = this.#round(message.query);
        if (round === undefined) effects.push(send(from, empty(message.query)));
        else round.wave.extended(from, message, view, effects);
        return;
      }
      case 'ebb': {
        const round = this.#round(message.query);
        round?.wave.ebbed(from, message, view, effects);
        return this.#stageMayBeOver(round, view, effects);
      }
      case 'hits':
        return this.#hit(from, message, view, effects);
      case 'placed':
        return this.#placed(from, message.query, message.reports, view, effects);
      case 'cancel':
        return this.#round(message.query)?.wave.cancelled(from, view, effects);
      default:
        return;
    }
  }

  #linkDown(peer: PeerId, view: View, effects: MeshEffect[]): void {
    this.#allowances.delete(peer);
    for (const { round } of this.#live) round?.wave.linkDown(peer, view, effects);
  }

  #round(id: QueryId): Round | undefined {
    return this.#slots.get(id)?.round;
  }

  #forget(now: number): void {
    for (let [oldest] = this.#live; oldest !== undefined && oldest.until <= now; [oldest] = this.#live) {
      oldest.round = undefined;
      this.#live.shift();
    }
  }

  // --- being asked ----------------------------------------------------------------------------------------------------

  #waved(from: PeerId, copy: WaveMessage, view: View, effects: MeshEffect[]): void {
    const question = this.#asked(copy, view);
    const slot = this.#slots.get(question.id);
    if (slot?.round !== undefined) {
      slot.round.wave.came(from, copy, view, effects);
      this.#tellOwn(slot.round, from, effects);
      return this.#stageMayBeOver(slot.round, view, effects);
    }
    if (slot !== undefined || copy.depth > copy.limit || !this.#mayAsk(from, view.now)) {
      effects.push(send(from, empty(question.id)));
      return;
    }
    const round = this.#open(question, copy.depth, copy.limit, undefined, view);
    this.#answer(round, copy.want, view);
    this.#tellOwn(round, from, effects);
    round.wave.came(from, copy, view, effects);
  }

  #asked(copy: WaveMessage, view: View): Asked {
    if (this.#latest === undefined || !isCopy(copy, this.#latest)) this.#latest = asked(copy.query, copy.want, copy.only, view);
    return this.#latest;
  }

  #mayAsk(neighbor: PeerId, now: number): boolean {
    const allowance = this.#allowances.get(neighbor) ?? new Allowance(WAVES_PER_SECOND, WAVES_AT_ONCE, now);
    this.#allowances.set(neighbor, allowance);
    return allowance.take(now);
  }

  #open(asked: Asked, depth: number, limit: number, asking: Asking | undefined, view: View): Round {
    const { id, want } = asked;
    const reports: Report[] | undefined = want.by === 'peers' ? [] : undefined;
    const wave = new Wave(asked, depth, limit, reports === undefined ? undefined : (to, effects) => flush(id, reports, to, effects));
    const round: Round = { wave, asking, own: undefined, toldOwn: undefined, passed: undefined, brought: undefined, hits: 0, reports };
    const slot = { round, until: view.now + WIDE_SEARCH_MS };
    this.#forget(view.now);
    this.#live.push(slot);
    this.#slots.set(id, slot, view.now);
    return round;
  }

  #answer(round: Round, want: Question, view: View): void {
    const { id, only } = round.wave.asked;
    if (want.by === 'peers') {
      round.reports?.push(view.report);
      return;
    }
    if (only !== undefined && only !== view.self) return;
    const files = view.library.matching(want, HITS_PER_PEER);
    if (files.length === 0) return;
    const groups = [...inMessages(view.self, files)];
    const { contact, seal } = view;
    round.own = groups.map((providers, part): Hits => {
      const signature = seal.sign(hitsText(id, providers));
      return { type: 'hits', query: id, providers, contact, part, detours: HIT_DETOURS, keys: seal.keys, signature };
    });
  }

  /** Tells our hits to a neighbour that asks, when not enough know them. */
  #tellOwn(round: Round, to: PeerId, effects: MeshEffect[]): void {
    if (round.own === undefined) return;
    round.toldOwn ??= [];
    if (round.toldOwn.length >= HIT_WAYS || round.toldOwn.includes(to)) return;
    round.toldOwn.push(to);
    for (const hits of round.own) effects.push(send(to, hits));
  }

  // --- what comes back ------------------------------------------------------------------------------------------------

  #hit(from: PeerId, hits: Hits, view: View, effects: MeshEffect[]): void {
    const round = this.#round(hits.query);
    const { contact, providers, part = 0 } = hits;
    if (round === undefined || contact === undefined || contact.peer === view.self || !this.#mayBring(round, from, providers.length))
      return;
    if (providers.some(({ peer }) => peer !== contact.peer)) return;
    round.hits += providers.length;
    const key = round.asking === undefined ? view.seal.digest(JSON.stringify({ ...hits, detours: 0 })) : `${contact.peer} ${part}`;
    round.passed ??= new Set();
    if (round.hits > HITS_PER_QUERY || round.passed.has(key)) return;
    if (round.asking !== undefined && !isBelievedHit(hits, contact, view)) return;
    round.passed.add(key);
    if (round.asking === undefined) {
      const detours = round.passed.size <= HITS_DETOURED ? (hits.detours ?? 0) : 0;
      const [first, ...others] = round.wave.upstream(view, from);
      if (first !== undefined) effects.push(send(first, { ...hits, detours }));
      if (detours > 0) for (const to of others.slice(0, HIT_WAYS - 1)) effects.push(send(to, { ...hits, detours: detours - 1 }));
      return;
    }
    for (const provider of providers) effects.push({ type: 'found', query: round.wave.asked.query, provider, contact });
    this.#foundAt(contact.peer, round.asking, hits.query, view, effects);
    // All that one peer has may take several messages: when only one is asked, it is enough when its stage is over.
    if (hasEnough(round.asking) && round.wave.asked.only === undefined) this.#end(round, view, effects);
  }

  // Whoever wants few has waited long enough when some are there, and somebody somewhere keeps silent.
  #foundAt(holder: PeerId, asking: Asking, id: QueryId, view: View, effects: MeshEffect[]): void {
    asking.holders.add(holder);
    if (asking.enough === Number.POSITIVE_INFINITY) return;
    asking.quietAt = Math.min(asking.deadline, view.now + QUIET_MS);
    effects.push({ type: 'setTimer', timer: { of: 'search', query: id }, afterMs: QUIET_MS });
  }

  #mayBring(round: Round, from: PeerId, count: number, most = HITS_PER_NEIGHBOR): boolean {
    if (round.wave.isOver || count === 0 || !round.wave.knows(from)) return false;
    round.brought ??= new Map();
    const brought = (round.brought.get(from) ?? 0) + count;
    round.brought.set(from, brought);
    return brought <= most;
  }

  #placed(from: PeerId, query: QueryId, reports: readonly Report[], view: View, effects: MeshEffect[]): void {
    const round = this.#round(query);
    if (round?.reports === undefined || !this.#mayBring(round, from, reports.length, REPORTS_PER_NEIGHBOR)) return;
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

  /** Asks everybody at once, and takes so long at most; less when `enough` holders are found, or none for a while after the first. */
  search({ query, want, only }: Search, withinMs: number, view: View, enough = Number.POSITIVE_INFINITY): MeshEffect[] {
    const effects: MeshEffect[] = [];
    const wanted = { enough, isAtOnce: true, ask: undefined, withinMs } as const;
    this.#begin(asked(query, want, only, view), wanted, view, effects);
    return effects;
  }

  #begin(asked: Asked, { enough, isAtOnce, ask, withinMs }: Wanted, view: View, effects: MeshEffect[]): void {
    const isAll = enough === Number.POSITIVE_INFINITY || isAtOnce === true;
    const deadline = view.now + withinMs;
    const stage = isAll ? this.#stages.reduce((_, last) => last) : this.#stages[0];
    const asking: Asking = { enough, ask, deadline, holders: new Set(), stage, quietAt: deadline };
    const round = this.#open(asked, 0, stage.limit, asking, view);
    this.#own.set(asked.id, round);
    effects.push({ type: 'setTimer', timer: { of: 'search', query: asked.id }, afterMs: withinMs });
    round.wave.begin(patience(asking, view.now), view, effects);
    this.#stageMayBeOver(round, view, effects);
  }

  #overdue(query: QueryId, view: View, effects: MeshEffect[]): void {
    const round = this.#round(query);
    round?.wave.overdue(view, effects);
    this.#stageMayBeOver(round, view, effects);
  }

  #stageMayBeOver(round: Round | undefined, view: View, effects: MeshEffect[]): void {
    if (round?.asking === undefined || round.wave.isOver || !round.wave.isSettled) return;
    const { asking, wave } = round;
    const next = this.#stages[this.#stages.indexOf(asking.stage) + 1];
    if (hasEnough(asking) || !wave.hasEdge || next === undefined) return this.#end(round, view, effects);
    asking.stage = next;
    wave.goOn(next.limit, next.part, patience(asking, view.now), view, effects);
    this.#stageMayBeOver(round, view, effects);
  }

  #timeIsUp(query: QueryId, view: View, effects: MeshEffect[]): void {
    const round = this.#own.get(query);
    if (round?.asking === undefined) return;
    if (!round.wave.isOver && view.now >= round.asking.quietAt) this.#end(round, view, effects);
    if (round.wave.isOver) this.#own.delete(query);
  }

  #end({ wave, asking }: Round, view: View, effects: MeshEffect[]): void {
    const { asked, silent } = wave.outcome;
    wave.end(view, effects);
    if (asking?.ask === undefined) effects.push({ type: 'searchEnded', query: wave.asked.query, asked, silent });
    else effects.push({ type: 'topology', ask: asking.ask, peers: [ownPlace(view)] });
  }
}

function asked(query: QueryId, want: Question, only: PeerId | undefined, view: View): Asked {
  return { id: queryId(view.seal.digest(waveText(query, want, only))), query, want, only };
}

/** Whether a copy asks this very question. One whose parts are in another order is digested like any other. */
function isCopy(copy: WaveMessage, { query, want, only }: Asked): boolean {
  return copy.query === query && copy.only === only && (copy.want === want || JSON.stringify(copy.want) === JSON.stringify(want));
}

function send(to: PeerId, message: MeshMessage): MeshEffect {
  return { type: 'send', to, message };
}

function flush(query: QueryId, reports: Report[], to: PeerId, effects: MeshEffect[]): void {
  if (reports.length > 0) effects.push(send(to, { type: 'placed', query, reports: reports.splice(0) }));
}

/** What a stage may take: the last all the time that is left. */
function patience({ stage: { share }, deadline }: Asking, now: number): number {
  return share === 1 ? deadline - now : Math.floor(share * WIDE_SEARCH_MS);
}

function ownPlace({ contact, neighbors }: View): Placed {
  return { contact, neighbors: [...neighbors] };
}

// Who passes hits on need not check them: only the asker acts on them.
function isBelievedHit({ query, providers, keys = '', signature = '' }: Hits, contact: Contact, view: View): boolean {
  return view.trusts(contact) && view.seal.isSigned(contact.peer, keys, hitsText(query, providers), signature);
}

function isBelieved(report: Report, view: View): boolean {
  return report.contact.peer !== view.self && view.trusts(report.contact) && isGenuine(report, view.seal);
}

function placed({ contact, neighbors }: Report): Placed {
  return { contact, neighbors };
}

function hasEnough({ holders, enough }: Asking): boolean {
  return holders.size >= enough;
}
