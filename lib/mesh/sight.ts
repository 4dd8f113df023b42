/** What a strategy sees of its peer: one object for the life of a mesh, because it is needed with every message. */
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Report } from '../protocol/messages/link.ts';
import type { View } from './discovery/discovery.ts';
import type { Overlay } from './overlay.ts';
import type { Seal } from './seal.ts';
import type { Offer } from './shelf.ts';
import type { Route } from './topology.ts';

interface SightParts {
  readonly contact: Contact;
  readonly trusts: (contact: Contact) => boolean;
  readonly seal: Seal;
}

export class Sight implements View {
  readonly neighbors: ReadonlySet<PeerId>;
  readonly #trusts: (contact: Contact) => boolean;
  readonly #seal: Seal;
  now = 0;
  contact: Contact;
  library: Offer;
  #overlay: Overlay;

  constructor({ contact, trusts, seal }: SightParts, library: Offer, neighbors: ReadonlySet<PeerId>, overlay: Overlay) {
    this.neighbors = neighbors;
    this.#trusts = trusts;
    this.#seal = seal;
    this.contact = contact;
    this.library = library;
    this.#overlay = overlay;
  }

  /** The view at another moment, when this regime holds. */
  at(now: number, overlay: Overlay): View {
    this.now = now;
    this.#overlay = overlay;
    return this;
  }

  get self(): PeerId {
    return this.contact.peer;
  }

  get knowsAll(): boolean {
    return this.#overlay.knowsAll;
  }

  trusts(contact: Contact): boolean {
    return this.#trusts(contact);
  }

  get report(): Report {
    return this.#overlay.report;
  }

  get seal(): Seal {
    return this.#seal;
  }

  prove(peer: PeerId, text: string): string {
    const keys = this.#overlay.keys(peer);
    return keys === undefined ? '' : this.#seal.prove(keys, text);
  }

  members(): readonly PeerId[] {
    return this.#overlay.members();
  }

  isLost(peer: PeerId): boolean {
    return this.#overlay.isLost(peer);
  }

  routes(without: ReadonlySet<PeerId>): ReadonlyMap<PeerId, Route> {
    return this.#overlay.routes(without);
  }
}
