/**
 * A ring: files are found by their keys' homes, in about half of log2 of the members' number of steps (seed 000; Chord,
 * as Zave made it correct).
 *
 * Every member has a place on a circle, which follows from its id, and knows those that follow it (`seating`, `circle`) and some
 * far away (`fingers`). Under the keys of a file (`keys`) the members that follow their places remember who holds it (`records`,
 * `placing`); a search asks them, and then the holders (`lookup`, `search`); a list goes around (`tour`). All of it goes over side links,
 * so that the mesh stays what it is. Who is not seated yet, or stands in a ring that is still in motion, asks its neighbours as in a
 * network that floods: this strategy contains that one, which answers others, too.
 */
import { HITS_PER_PEER, RING_RECORD_MS } from '../../config.ts';
import { type Contact, MAX_HITS } from '../../protocol/fields.ts';
import { type AsideMessage, MAX_FOLLOWERS } from '../../protocol/messages/aside.ts';
import type { MeshEffect, MeshEvent, Placed, Standing } from '../events.ts';
import type { Discovery, Underway, View } from './discovery.ts';
import { FloodDiscovery } from './flood.ts';
import { inMessages } from './hits.ts';
import { isBetween, type Seat } from './ring/circle.ts';
import { Fingers } from './ring/fingers.ts';
import type { Lookups } from './ring/lookup.ts';
import { inParts, Placing } from './ring/placing.ts';
import { Records } from './ring/records.ts';
import { Requests } from './ring/requests.ts';
import { type Recourse, Searches } from './ring/search.ts';
import { isRound, Seating } from './ring/seating.ts';
import { type Neighborhood, Tours } from './ring/tour.ts';
import { type Member, memberOf, type Turn } from './ring/turn.ts';

/** All parts of one member; they come to be with its first event, which says who it is. */
interface Parts {
  readonly requests: Requests;
  readonly fingers: Fingers;
  readonly records: Records;
  readonly lookups: Lookups;
  readonly seating: Seating;
  readonly placing: Placing;
  readonly tours: Tours;
  readonly searches: Searches;
}

export class RingDiscovery implements Discovery {
  readonly name = 'ring';
  readonly underway: Underway;
  readonly #flood: Discovery;
  #parts: Parts | undefined;

  /** @param flood Asked where the ring cannot answer. Another than the product's is for measuring what the ring finds by itself. */
  constructor(flood: Discovery = new FloodDiscovery()) {
    this.#flood = flood;
    this.underway = flood.underway;
  }

  /** Where it stands, for whoever looks at all members from outside; undefined before its first event. */
  get seat(): Seat<Member> | undefined {
    return this.#parts?.seating.seat;
  }

  /** Until it is seated the mesh knows more. */
  get surveys(): boolean {
    return this.#parts?.seating.isUnseated !== true;
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    const turn: Turn = { view, effects: [] };
    this.#parts ??= partsOf(memberOf(view.contact, view), (search, { view, effects }) => effects.push(...this.#flood.handle(search, view)));
    take(this.#parts, event, turn);
    if (this.#isOfFlood(event)) turn.effects.push(...this.#flood.handle(event, view));
    return turn.effects;
  }

  /** Searches and surveys of our own go to the ring, which knows when it cannot answer them. */
  #isOfFlood({ type }: MeshEvent): boolean {
    if (type === 'search') return false;
    return type !== 'askTopology' || !this.surveys;
  }
}

function partsOf(self: Member, flood: Recourse['flood']): Parts {
  const { peer } = self.contact;
  const requests = new Requests();
  const fingers = new Fingers(self.at);
  const records = new Records();
  const seating: Seating = new Seating(self, requests, fingers, {
    preceded: (predecessor, turn) => handOver(records, self, predecessor, turn),
    arrived: (turn) => placing.renew(turn),
  });
  const { lookups } = seating;
  const placing = new Placing(peer, lookups, records);
  const tours = new Tours(() => seating.seat, requests, fingers, lookups);
  const recourse: Recourse = {
    get isUnseated() {
      return seating.isUnseated;
    },
    isSettled: (now) => seating.isSettled(now),
    flood,
  };
  const searches = new Searches(peer, requests, lookups, records, tours, recourse);
  return { requests, fingers, records, lookups, seating, placing, tours, searches };
}

function take(parts: Parts, event: MeshEvent, turn: Turn): void {
  const { requests, seating, placing, records, searches } = parts;
  switch (event.type) {
    case 'begin':
      return seating.begin(turn);
    case 'assigned':
      return seating.become(memberOf(event.contact, turn.view));
    case 'shared':
      return placing.begin(turn);
    case 'linkUp':
      return seating.linkUp(memberOf(event.contact, turn.view), turn);
    case 'linkDown':
      return seating.linkDown(event.peer);
    case 'delivered':
      seating.met(memberOf(event.from, turn.view), turn);
      return heard(parts, event.from, event.message, turn);
    case 'undelivered': {
      const isGone = event.cause === 'crashed' || event.cause === 'left';
      requests.undelivered(event.peer, isGone, turn);
      return isGone ? seating.gone(event.peer, turn) : undefined;
    }
    case 'timerFired':
      if (isRound(event.timer)) {
        records.sweep(turn.view.now);
        placing.look(turn);
      }
      seating.timerFired(event.timer, turn);
      requests.timerFired(event.timer, turn);
      return searches.timerFired(event.timer, turn);
    case 'search':
      return searches.begin(event, turn);
    case 'cancel':
      return searches.cancel(event.query);
    case 'askTopology':
      return event.survey === undefined || seating.isUnseated ? undefined : survey(parts, event.ask, turn);
    case 'leave':
      return leave(parts, turn);
    default:
      return;
  }
}

function heard(parts: Parts, from: Contact, message: AsideMessage, turn: Turn): void {
  const { view } = turn;
  const answer = (...answers: readonly AsideMessage[]) => {
    for (const each of answers) turn.effects.push({ type: 'deliver', contact: from, message: each });
  };
  switch (message.type) {
    case 'seek':
      return answer(parts.lookups.sought(message.ask, message.at));
    case 'around':
      return answer(parts.seating.neighborhood(message.ask, message.until, turn));
    case 'holders':
      return answer(...holdings(message.ask, parts.records.holders(message.key, view.now)));
    case 'inquire':
      return answer(...offers(message, view));
    case 'precede':
      return parts.seating.precedes(memberOf(from, view), turn);
    case 'depart':
      return parts.seating.departs(from.peer, message.predecessor, message.successors, turn);
    case 'keep':
      return parts.records.keep(from, message.keys, view.now + Math.min(message.lifeMs, RING_RECORD_MS));
    case 'inherit':
      if (view.trusts(message.contact))
        parts.records.keep(message.contact, message.keys, view.now + Math.min(message.lifeMs, RING_RECORD_MS));
      return;
    case 'sought':
    case 'neighborhood':
    case 'holding':
    case 'offered':
      return parts.requests.answered(from.peer, message, turn);
  }
}

/** Whoever comes before us is the home of what lies before it, and keeps copies of what lies farther: all that we have of that. */
function handOver(records: Records, self: Member, { at, contact }: Member, turn: Turn): void {
  const isOurs = (key: number) => key === self.at || isBetween(at, key, self.at);
  bequeath(records, (key) => !isOurs(key), contact, turn);
}

// Those behind us have what we are the home of, save the one that is a copy's keeper only once we are gone.
function leave({ seating, records }: Parts, turn: Turn): void {
  const { self, predecessor, successors } = seating.seat;
  const last = successors[MAX_FOLLOWERS - 1];
  if (last !== undefined && predecessor !== undefined) {
    bequeath(records, (key) => key === self.at || isBetween(predecessor.at, key, self.at), last.contact, turn);
  }
  seating.leave(turn);
}

function bequeath(records: Records, isMeant: (key: number) => boolean, heir: Contact, { view, effects }: Turn): void {
  for (const { contact, keys, lifeMs } of records.under(isMeant, view.now)) {
    if (contact.peer === heir.peer) continue;
    for (const some of inParts(keys))
      effects.push({ type: 'deliver', contact: heir, message: { type: 'inherit', contact, keys: some, lifeMs } });
  }
}

function holdings(ask: number, contacts: readonly Contact[]): AsideMessage[] {
  const parts = Array.from({ length: Math.max(1, Math.ceil(contacts.length / MAX_HITS)) }, (_, part) => {
    return contacts.slice(part * MAX_HITS, (part + 1) * MAX_HITS);
  });
  return parts.map((some, part) => ({ type: 'holding', ask, holders: some, ...(part < parts.length - 1 ? { more: true } : {}) }));
}

function offers({ ask, want }: Extract<AsideMessage, { type: 'inquire' }>, { self, library }: View): AsideMessage[] {
  const groups = [...inMessages(self, library.matching(want, HITS_PER_PEER))];
  if (groups.length === 0) return [{ type: 'offered', ask, providers: [] }];
  return groups.map((providers, part) => ({ type: 'offered', ask, providers, ...(part < groups.length - 1 ? { more: true } : {}) }));
}

// --- who is there ---------------------------------------------------------------------------------------------------------

/** Members that are told of at once; fewer are told of together, and drawn. */
const TOLD_AT_ONCE = 48;

function survey({ tours, seating }: Parts, ask: number, turn: Turn): void {
  const { predecessor, successors } = seating.seat;
  const peers: Placed[] = [
    {
      contact: turn.view.contact,
      neighbors: [...turn.view.neighbors],
      ring: standing(
        predecessor?.contact,
        successors.map(({ contact }) => contact),
      ),
    },
  ];
  tours.begin(
    turn,
    ({ contact }, answer, { effects }) => {
      if (answer === undefined) return;
      peers.push({ contact, neighbors: answer.linked, ring: standing(answer.predecessor, answer.successors) });
      if (peers.length > TOLD_AT_ONCE) effects.push({ type: 'topology', ask, peers: peers.splice(0), more: true });
    },
    ({ effects }) => effects.push({ type: 'topology', ask, peers }),
  );
}

function standing(predecessor: Neighborhood['predecessor'], [successor, next]: readonly Contact[]): Standing {
  const ids = { predecessor: predecessor?.peer, successor: successor?.peer, next: next?.peer };
  return Object.fromEntries(Object.entries(ids).filter(([, peer]) => peer !== undefined)) as Standing;
}
