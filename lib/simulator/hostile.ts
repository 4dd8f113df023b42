/**
 * Members that speak the protocol wrongly on purpose: each kind is a mind that takes the place of the shipped one.
 *
 * All of them have a place in the network, so the server signed their contacts; they cannot sign others'. Each contains an honest
 * mind, which gets it its links and keeps them, and does its harm beside it.
 */
import type { MeshEffect, MeshEvent, MeshMessage } from '../mesh/events.ts';
import { Mesh, type MeshParts } from '../mesh/mesh.ts';
import type { Mind } from '../mesh/mind.ts';
import { type Seal, signed } from '../mesh/seal.ts';
import { type Contact, type Provider, WAVE_HOPS, type Want } from '../protocol/fields.ts';
import { PEER_ID_LENGTH, type PeerId, peerId, QUERY_ID_LENGTH, type QueryId, queryId, rootOf } from '../protocol/ids.ts';
import { MAX_REPORTS, type Report } from '../protocol/messages/link.ts';
import { hitsText } from '../protocol/proofs.ts';
import type { Random } from './random.ts';

export const HOSTILE_KINDS = ['silent', 'liar', 'flooder', 'reflector', 'replayer', 'greedy'] as const;

export type HostileKind = (typeof HOSTILE_KINDS)[number];

/** Who is hostile in `kind`; `random` is its chance, `isWide` says that it does its harm by waves, in a network that nobody knows whole. */
export function hostileMind(kind: HostileKind, parts: MeshParts, random: Random, isWide = false): Mind {
  switch (kind) {
    case 'silent':
      return new Silent(parts, random, isWide);
    case 'liar':
      return new Liar(parts, random, isWide);
    case 'flooder':
      return new Flooder(parts, random, isWide);
    case 'reflector':
      return new Reflector(parts, random, isWide);
    case 'replayer':
      return new Replayer(parts, random, isWide);
    case 'greedy':
      return new Greedy(parts, random, isWide);
  }
}

type Received = Extract<MeshEvent, { type: 'received' }>;
type Wave = Extract<MeshMessage, { type: 'wave' }>;
type Hits = Extract<MeshMessage, { type: 'hits' }>;

/** How often those who act by themselves do, and how much at once over each link: a hundred times what people ask. A guess. */
const TURN_MS = 100;
const AT_ONCE = 2;
/**
 * How likely they begin a wave in such a turn: a search in three seconds each, ten times what people ask. A guess; each of these floods
 * costs the whole network some messages a peer.
 */
const WAVE_CHANCE = 0.03;

class Hostile implements Mind {
  protected readonly honest: Mesh;
  protected readonly random: Random;
  /** Its own; it has no other's. */
  protected readonly seal: Seal;
  /** Whether the network is one that nobody knows whole. */
  protected readonly isWide: boolean;
  readonly #turn: QueryId;

  constructor(parts: MeshParts, random: Random, isWide: boolean) {
    this.isWide = isWide;
    this.honest = new Mesh(parts);
    this.random = random;
    this.seal = parts.seal;
    this.#turn = this.drawn();
  }

  get neighbors(): ReadonlySet<PeerId> {
    return this.honest.neighbors;
  }

  get members(): readonly PeerId[] {
    return this.honest.members;
  }

  contact(peer: PeerId): Contact | undefined {
    return this.honest.contact(peer);
  }

  hasRoom(peer: PeerId): boolean {
    return this.honest.hasRoom(peer);
  }

  handle(event: MeshEvent, now: number): MeshEffect[] {
    // A timer that no honest mind knows is the hostile one's own.
    if (event.type === 'timerFired' && event.timer.of === 'search' && event.timer.query === this.#turn) {
      return [...this.turn(), this.#next()];
    }
    const harm = event.type === 'received' ? this.received(event) : undefined;
    const effects = harm ?? this.honest.handle(event, now).filter((effect) => this.lets(effect));
    return event.type === 'begin' ? [...effects, this.#next()] : effects;
  }

  /** What comes instead of an honest answer; undefined: an honest one. */
  protected received(_event: Received): MeshEffect[] | undefined {
    return undefined;
  }

  /** Whether it does what its honest mind would. */
  protected lets(_effect: MeshEffect): boolean {
    return true;
  }

  /** What it does by itself. */
  protected turn(): MeshEffect[] {
    return [];
  }

  protected toAll(message: () => MeshMessage): MeshEffect[] {
    return [...this.neighbors].flatMap((to) =>
      Array.from({ length: AT_ONCE }, (): MeshEffect => ({ type: 'send', to, message: message() })),
    );
  }

  /** Tells all neighbours the same, so often that it is a wave. */
  protected wave(more: Partial<Wave> = {}): MeshEffect[] {
    if (!this.random.happens(WAVE_CHANCE)) return [];
    const wave: Wave = { type: 'wave', query: this.drawn(), want: { by: 'all' }, depth: 1, limit: WAVE_HOPS, patienceMs: 5_000, ...more };
    return this.tellAll(wave);
  }

  protected tellAll(message: MeshMessage, but?: PeerId): MeshEffect[] {
    return [...this.neighbors].filter((to) => to !== but).map((to) => ({ type: 'send', to, message }));
  }

  protected drawn(): QueryId {
    return queryId(this.random.text(QUERY_ID_LENGTH));
  }

  protected someone(): PeerId {
    return this.random.pick(this.members.filter((peer) => peer !== this.honest.self)) ?? this.invented();
  }

  protected invented(): PeerId {
    return peerId(this.random.text(PEER_ID_LENGTH));
  }

  protected contactsKnown(): Contact[] {
    return this.members.flatMap((peer) => this.contact(peer) ?? []);
  }

  #next(): MeshEffect {
    return { type: 'setTimer', timer: { of: 'search', query: this.#turn }, afterMs: TURN_MS };
  }
}

const OF_SEARCHES = new Set<MeshMessage['type']>([
  ...(['query', 'hits', 'echo', 'cancel', 'call', 'callFailed'] as const),
  ...(['wave', 'ebb', 'extend', 'placed'] as const),
]);
/** What serves others' links where nobody knows the whole network. */
const OF_OTHERS = new Set<MeshMessage['type']>(['probe', 'walk', 'swap', 'shuffle', 'shuffled']);

/** Has links, answers pings, tells of itself, and swallows everything else. */
class Silent extends Hostile {
  protected override received({ message }: Received): MeshEffect[] | undefined {
    return OF_SEARCHES.has(message.type) || OF_OTHERS.has(message.type) ? [] : undefined;
  }

  protected override lets(effect: MeshEffect): boolean {
    if (effect.type !== 'send' || effect.message.type !== 'reports') return true;
    return effect.message.reports.every(({ contact }) => contact.peer === this.honest.self);
  }
}

/**
 * Answers every query with what nobody has, says that everybody has answered, and tells of others that they have left. Of a wave it passes
 * on another question under its id, as if that came from next to the asker and ended there, and others' hits altered.
 */
class Liar extends Hostile {
  /** What it has lied about: two liars would else do so to each other for ever. */
  readonly #done = new Set<string>();

  protected override received({ from, message }: Received): MeshEffect[] | undefined {
    if (message.type === 'wave') return this.#isNew(message.query) ? this.#waved(from, message) : [];
    if (message.type === 'hits' && message.contact !== undefined) {
      return this.#isNew(`${message.query} ${message.contact.peer}`) ? this.tellAll(this.#altered(message), from) : [];
    }
    if (message.type !== 'query') return OF_SEARCHES.has(message.type) ? [] : undefined;
    const { query, reach } = message;
    return [
      { type: 'send', to: from, message: { type: 'hits', query, providers: this.#invented(message.want) } },
      { type: 'send', to: from, message: { type: 'echo', query, answered: reach, proofs: reach.map(() => 'x'.repeat(16)), missed: [] } },
    ];
  }

  protected override turn(): MeshEffect[] {
    if (!this.random.happens(0.1)) return [];
    const reports = this.contactsKnown().flatMap((contact): Report[] => {
      const version = 1_000_000 + this.random.below(1_000_000);
      if (contact.peer === this.honest.self) return [];
      return [
        signed(
          this.random.happens(0.5) ? { contact, version, neighbors: [], left: true } : { contact, version, neighbors: [this.invented()] },
          this.seal,
        ),
      ];
    });
    return this.tellAll({ type: 'reports', reports: reports.slice(0, MAX_REPORTS) });
  }

  #isNew(matter: string): boolean {
    if (this.#done.has(matter)) return false;
    this.#done.add(matter);
    return true;
  }

  #waved(from: PeerId, wave: Wave): MeshEffect[] {
    if (wave.want.by === 'peers') return [];
    const { query, want } = wave;
    const contact = this.contact(this.honest.self);
    const providers = this.#invented(want).filter(({ peer }) => peer === this.honest.self);
    const { keys } = this.seal;
    const hits: Hits = { type: 'hits', query, providers, keys, signature: this.seal.sign(hitsText(query, providers)) };
    const other: Wave = { ...wave, want: { by: 'name', name: this.random.text(8) }, depth: 1, limit: 1 };
    const ebb: MeshMessage = { type: 'ebb', query, asked: 1_000, silent: 0, edge: 0 };
    return [
      ...this.tellAll(other, from),
      { type: 'send', to: from, message: contact === undefined ? hits : { ...hits, contact, part: 0, detours: 3 } },
      { type: 'send', to: from, message: ebb },
    ];
  }

  #altered(hits: Hits): Hits {
    return { ...hits, detours: 0, signature: this.seal.sign('something else') };
  }

  #invented(want: Want): Provider[] {
    const name = want.by === 'name' ? want.name : 'anything';
    const root =
      want.by === 'root'
        ? want.root
        : rootOf(
            this.random
              .text(64)
              .toLowerCase()
              .replace(/[^0-9a-f]/g, '0'),
          );
    return [this.honest.self, this.someone(), this.invented()].map((peer) => ({ peer, name, bytes: 1_000, root }));
  }
}

/** Asks without end, and tells of itself without end. */
class Flooder extends Hostile {
  #version = 1_000;

  protected override turn(): MeshEffect[] {
    const own = this.contact(this.honest.self);
    if (own === undefined) return [];
    const query = (): MeshMessage => ({
      ...{ type: 'query', query: this.drawn(), want: { by: 'all' }, reach: this.members.filter((peer) => peer !== this.honest.self) },
      ...{ covered: [...this.members], trail: [this.honest.self], patienceMs: 1_800 },
    });
    this.#version += 1;
    const report = signed({ contact: own, version: this.#version, neighbors: [...this.neighbors] }, this.seal);
    const tell: MeshMessage = { type: 'reports', reports: [report] };
    if (this.isWide) return [...this.wave(), ...this.tellAll(tell)];
    return [...this.toAll(query), ...this.tellAll(tell)];
  }
}

/** Lets others ask, answer, and be dialled who never wanted it. */
class Reflector extends Hostile {
  protected override received({ from, message }: Received): MeshEffect[] | undefined {
    if ((message.type !== 'query' && message.type !== 'wave') || message.want.by !== 'name') return undefined;
    const root = rootOf('0'.repeat(64));
    const peer = this.someone();
    const contact = this.contact(peer);
    const providers = [{ peer, name: message.want.name, bytes: 1_000, root }];
    const hits: Hits = { type: 'hits', query: message.query, providers };
    if (message.type === 'query' || contact === undefined) return [{ type: 'send', to: from, message: hits }];
    const { keys } = this.seal;
    const signature = this.seal.sign(hitsText(message.query, providers));
    return [{ type: 'send', to: from, message: { ...hits, contact, part: 0, detours: 3, keys, signature } }];
  }

  protected override turn(): MeshEffect[] {
    const victim = this.someone();
    const call = (): MeshMessage => ({
      ...{ type: 'call', call: this.drawn(), holder: this.someone(), root: rootOf('0'.repeat(64)), trail: [victim, this.honest.self] },
    });
    const query = (): MeshMessage => ({
      ...{ type: 'query', query: this.drawn(), want: { by: 'all' }, reach: [...this.members], covered: [] },
      ...{ trail: [victim, this.honest.self], patienceMs: 1_800 },
    });
    return [...this.toAll(call), ...(this.isWide ? this.wave({ only: victim }) : this.toAll(query))];
  }
}

/** Most messages that a replayer keeps. */
const KEPT = 500;

/** Says again what it once heard, to anybody. */
class Replayer extends Hostile {
  readonly #heard: MeshMessage[] = [];

  protected override received({ message }: Received): undefined {
    if (message.type === 'stop') return;
    if (this.#heard.length < KEPT) this.#heard.push(message);
    else this.#heard[this.random.below(KEPT)] = message;
  }

  protected override turn(): MeshEffect[] {
    return this.toAll(() => this.random.pick(this.#heard) ?? { type: 'ping' });
  }
}

/** Most contacts that a greedy one keeps of those that it hears of. */
const MET = 1_024;
/** Most that it dials in a turn. */
const DIALS_AT_ONCE = 8;

/** Wants a link with everybody, and lets none go; of what comes over them it passes nothing on. */
class Greedy extends Hostile {
  readonly #met = new Map<PeerId, Contact>();

  override hasRoom(): boolean {
    return true;
  }

  protected override received({ message }: Received): MeshEffect[] | undefined {
    if (message.type === 'shuffle' || message.type === 'shuffled') for (const contact of message.contacts) this.#meet(contact);
    return OF_SEARCHES.has(message.type) ? [] : undefined;
  }

  protected override lets(effect: MeshEffect): boolean {
    return effect.type !== 'hangUp';
  }

  #meet(contact: Contact): void {
    if (this.#met.size < MET) this.#met.set(contact.peer, contact);
  }

  protected override turn(): MeshEffect[] {
    const others = [...this.contactsKnown(), ...this.#met.values()].filter(
      ({ peer }) => peer !== this.honest.self && !this.neighbors.has(peer),
    );
    return this.random.some(others, DIALS_AT_ONCE).map((contact) => ({ type: 'dial', contact }));
  }
}
