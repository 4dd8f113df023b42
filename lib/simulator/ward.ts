/**
 * What is kept about one watched peer: the links that it was told of, and what it did with each query.
 *
 * It stands between the body and the mind: it sees each event before the mind and each effect before the body.
 */
import type { MeshEffect, MeshEvent, MeshMessage } from '../mesh/events.ts';
import type { Mind } from '../mesh/mind.ts';
import type { Offer } from '../mesh/shelf.ts';
import type { Contact, Provider, SharedFile, Want } from '../protocol/fields.ts';
import type { PeerId, QueryId } from '../protocol/ids.ts';

/** One query at one peer. */
export interface QueryNotes {
  /** From whom it came; those among them who wanted others seen to; and to whom it was sent. */
  readonly cameFrom: Set<PeerId>;
  readonly upstream: Set<PeerId>;
  readonly sentTo: Set<PeerId>;
  /** What others told in answer, and what was told to this peer's person. */
  readonly heard: Set<string>;
  readonly found: Set<string>;
  /** How often this peer's files were looked through for it. */
  lookups: number;
  isOwn: boolean;
}

export class Ward implements Mind {
  readonly name: string;
  readonly mind: Mind;
  readonly links = new Set<PeerId>();
  readonly queries = new Map<QueryId, QueryNotes>();
  readonly shared = new Set<string>();
  isOver = false;
  /** The lease that it has. */
  serial = 0;
  /** How often its files were looked through since somebody asked that. */
  lookups = 0;
  readonly #failed: (what: string) => void;

  constructor(name: string, mind: Mind, failed: (what: string) => void) {
    this.name = name;
    this.mind = mind;
    this.#failed = failed;
  }

  get neighbors(): ReadonlySet<PeerId> {
    return this.mind.neighbors;
  }

  get members(): readonly PeerId[] {
    return this.mind.members;
  }

  contact(peer: PeerId): Contact | undefined {
    return this.mind.contact(peer);
  }

  hasRoom(peer: PeerId): boolean {
    return this.mind.hasRoom(peer);
  }

  handle(event: MeshEvent, now: number): readonly MeshEffect[] {
    this.lookups = 0;
    const told: MeshEvent = event.type === 'shared' ? { ...event, offer: this.#counted(event.offer) } : event;
    try {
      return this.mind.handle(told, now);
    } catch (error) {
      this.#failed(`${event.type}: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    }
  }

  begin(serial: number): void {
    this.serial = serial;
  }

  query(query: QueryId): QueryNotes {
    const known = this.queries.get(query);
    if (known !== undefined) return known;
    const notes: QueryNotes = {
      cameFrom: new Set(),
      upstream: new Set(),
      sentTo: new Set(),
      heard: new Set(),
      found: new Set(),
      lookups: 0,
      isOwn: false,
    };
    this.queries.set(query, notes);
    return notes;
  }

  #counted(offer: Offer): Offer {
    return {
      matching: (want: Want, limit: number): readonly SharedFile[] => {
        this.lookups += 1;
        return offer.matching(want, limit);
      },
      changes: (since) => offer.changes(since),
    };
  }
}

/** What tells one hit from another. */
export function hitOf({ peer, root, name }: Provider): string {
  return `${peer} ${root} ${name}`;
}

/** Notes what an event and its effects say, after they were judged. */
export function note(ward: Ward, self: PeerId, event: MeshEvent, effects: readonly MeshEffect[]): void {
  if (event.type === 'linkUp') ward.links.add(event.contact.peer);
  else if (event.type === 'linkDown') ward.links.delete(event.peer);
  else if (event.type === 'search') ward.query(event.query).isOwn = true;
  else if (event.type === 'received') noteReceived(ward, self, event.from, event.message);
  if (event.type === 'assigned') ward.serial = event.contact.serial;
  for (const effect of effects) {
    if (effect.type === 'stopped') ward.isOver = true;
    else if (effect.type === 'found') ward.query(effect.query).found.add(hitOf(effect.provider));
    else if (effect.type === 'send' && effect.message.type === 'query') ward.query(effect.message.query).sentTo.add(effect.to);
  }
}

function noteReceived(ward: Ward, self: PeerId, from: PeerId, message: MeshMessage): void {
  if (message.type === 'query') {
    const notes = ward.query(message.query);
    notes.cameFrom.add(from);
    // Who answers for nobody but itself keeps nothing of the way.
    if (message.reach.some((peer) => peer !== self)) notes.upstream.add(from);
    notes.lookups += ward.lookups;
  } else if (message.type === 'hits') {
    const { heard } = ward.query(message.query);
    for (const provider of message.providers) heard.add(hitOf(provider));
  }
}
