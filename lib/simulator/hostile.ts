/**
 * Members that speak the protocol wrongly on purpose: each kind is a mind that takes the place of the shipped one.
 *
 * All of them have a place in the network, so the server signed their contacts; they cannot sign others'. Each contains an honest
 * mind, which gets it its links and keeps them, and does its harm beside it.
 */
import type { MeshEffect, MeshEvent, MeshMessage } from '../mesh/events.ts';
import { Mesh, type MeshParts } from '../mesh/mesh.ts';
import { type Seal, signed } from '../mesh/seal.ts';
import { PEER_ID_LENGTH, type PeerId, peerId, QUERY_ID_LENGTH, type QueryId, queryId, rootOf } from '../protocol/ids.ts';
import { type Contact, MAX_REPORTS, type Provider, type Report } from '../protocol/messages.ts';
import type { Mind } from './host.ts';
import type { Random } from './random.ts';

export const HOSTILE_KINDS = ['silent', 'liar', 'flooder', 'reflector', 'replayer', 'greedy'] as const;

export type HostileKind = (typeof HOSTILE_KINDS)[number];

/** Who is hostile in `kind`; `random` is its chance. */
export function hostileMind(kind: HostileKind, parts: MeshParts, random: Random): Mind {
  switch (kind) {
    case 'silent':
      return new Silent(parts, random);
    case 'liar':
      return new Liar(parts, random);
    case 'flooder':
      return new Flooder(parts, random);
    case 'reflector':
      return new Reflector(parts, random);
    case 'replayer':
      return new Replayer(parts, random);
    case 'greedy':
      return new Greedy(parts, random);
  }
}

type Received = Extract<MeshEvent, { type: 'received' }>;
type Query = Extract<MeshMessage, { type: 'query' }>;

/** How often those who act by themselves do, and how much at once over each link: a hundred times what people ask. A guess. */
const TURN_MS = 100;
const AT_ONCE = 2;

class Hostile implements Mind {
  protected readonly honest: Mesh;
  protected readonly random: Random;
  /** Its own; it has no other's. */
  protected readonly seal: Seal;
  readonly #turn: QueryId;

  constructor(parts: MeshParts, random: Random) {
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

const OF_SEARCHES = new Set<MeshMessage['type']>(['query', 'hits', 'echo', 'cancel', 'call', 'callFailed']);

/** Has links, answers pings, tells of itself, and swallows everything else. */
class Silent extends Hostile {
  protected override received({ message }: Received): MeshEffect[] | undefined {
    return OF_SEARCHES.has(message.type) || message.type === 'probe' ? [] : undefined;
  }

  protected override lets(effect: MeshEffect): boolean {
    if (effect.type !== 'send' || effect.message.type !== 'reports') return true;
    return effect.message.reports.every(({ contact }) => contact.peer === this.honest.self);
  }
}

/** Answers every query with what nobody has, says that everybody has answered, and tells of others that they have left. */
class Liar extends Hostile {
  protected override received({ from, message }: Received): MeshEffect[] | undefined {
    if (message.type !== 'query') return message.type === 'hits' || message.type === 'echo' ? [] : undefined;
    const { query, reach } = message;
    return [
      { type: 'send', to: from, message: { type: 'hits', query, providers: this.#invented(message) } },
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
    return [...this.neighbors].map((to) => ({ type: 'send', to, message: { type: 'reports', reports: reports.slice(0, MAX_REPORTS) } }));
  }

  #invented({ want }: Query): Provider[] {
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
    return [...this.toAll(query), ...[...this.neighbors].map((to): MeshEffect => ({ type: 'send', to, message: tell }))];
  }
}

/** Lets others ask, answer, and be dialled who never wanted it. */
class Reflector extends Hostile {
  protected override received({ from, message }: Received): MeshEffect[] | undefined {
    if (message.type !== 'query' || message.want.by !== 'name') return undefined;
    const root = rootOf('0'.repeat(64));
    const providers = [{ peer: this.someone(), name: message.want.name, bytes: 1_000, root }];
    return [{ type: 'send', to: from, message: { type: 'hits', query: message.query, providers } }];
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
    return [...this.toAll(call), ...this.toAll(query)];
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

/** Wants a link with everybody, and lets none go; of what comes over them it passes nothing on. */
class Greedy extends Hostile {
  override hasRoom(): boolean {
    return true;
  }

  protected override received({ message }: Received): MeshEffect[] | undefined {
    return OF_SEARCHES.has(message.type) ? [] : undefined;
  }

  protected override lets(effect: MeshEffect): boolean {
    return effect.type !== 'hangUp';
  }

  protected override turn(): MeshEffect[] {
    const others = this.contactsKnown().filter(({ peer }) => peer !== this.honest.self && !this.neighbors.has(peer));
    return others.map((contact) => ({ type: 'dial', contact }));
  }
}
