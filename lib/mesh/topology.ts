/**
 * What a peer knows of the whole network: the last report of every peer, and what follows from them.
 *
 * Link-state knowledge, as OSPF keeps it (RFC 2328, without areas): each peer reports its own links under a growing
 * version, reports are flooded, everybody computes from the same reports. A link counts when both ends report it, our
 * own when we have it. Costs a report of about 300 bytes for each peer, and one flood for each change of links; good for
 * hundreds of peers, not for ten thousand.
 */
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Report } from '../protocol/messages/link.ts';
import type { Unsigned } from '../protocol/proofs.ts';

/** A way to a peer: the neighbour it goes through first, and its length. */
export interface Route {
  readonly through: PeerId;
  readonly hops: number;
}

/** A report as it is known: of a neighbour whose own word has not come yet it is made up here, without a signature. */
export type KnownReport = Unsigned & Partial<Report>;

export class Topology {
  #own: Unsigned;
  readonly #reports = new Map<PeerId, KnownReport>();
  /** The latest contact of each peer, which may be another than its report has. */
  readonly #contacts = new Map<PeerId, Contact>();
  readonly #unreachableSince = new Map<PeerId, number>();
  /** What follows from the reports, until one changes. */
  #members: readonly PeerId[] | undefined;
  readonly #links = new Map<PeerId, readonly PeerId[]>();

  /** @param version That of our last report, where there were some before. */
  constructor(contact: Contact, version = 0) {
    this.#own = { contact, version: version + 1, neighbors: [] };
  }

  /** Our own report. */
  get own(): Unsigned {
    return this.#own;
  }

  /** Notes our own links or contact; the version grows. */
  become(change: Partial<Pick<Unsigned, 'contact' | 'neighbors' | 'left'>>): void {
    const before = this.#own;
    this.#own = { ...before, ...change, version: before.version + 1 };
    this.#changed(before);
    this.#changed(this.#own);
  }

  /** Whether a report tells more of its peer than is known. Of ourselves nobody tells us anything. */
  isNews({ contact: { peer }, version }: KnownReport): boolean {
    return peer !== this.#own.contact.peer && version > (this.#reports.get(peer)?.version ?? -1);
  }

  /** Takes a report in, if it is news; whether it was. */
  learn(report: KnownReport): boolean {
    if (!this.isNews(report)) return false;
    const { contact } = report;
    const known = this.#reports.get(contact.peer);
    this.#reports.set(contact.peer, report);
    if ((this.#contacts.get(contact.peer)?.serial ?? -1) < contact.serial) this.#contacts.set(contact.peer, contact);
    if (known !== undefined) this.#changed(known);
    this.#changed(report);
    return true;
  }

  /** The contact of a peer, as its lease says; undefined for a peer never heard of. */
  contact(peer: PeerId): Contact | undefined {
    return peer === this.#own.contact.peer ? this.#own.contact : this.#contacts.get(peer);
  }

  /** The public keys of another peer; undefined before a report of it has come. */
  keys(peer: PeerId): string | undefined {
    return this.#reports.get(peer)?.keys;
  }

  /** Everybody of whom there is a report, but ourselves. */
  others(): readonly PeerId[] {
    return [...this.#reports.keys()];
  }

  /** The last reports of all others, as they signed them. */
  told(): readonly Report[] {
    return [...this.#reports.values()].filter(isSigned);
  }

  /** Whether a peer has said that it leaves. */
  hasLeft(peer: PeerId): boolean {
    return this.#reports.get(peer)?.left === true;
  }

  /** Whether a peer has said that it has a partial view: of its links we do not know. */
  isPartial(peer: PeerId): boolean {
    return this.#reports.get(peer)?.partial === true;
  }

  /** Everybody who can be reached from here, ourselves among them, in the agreed order: that of the ids. */
  members(): readonly PeerId[] {
    this.#members ??= [this.#own.contact.peer, ...this.routes(new Set()).keys()].sort(byId);
    return this.#members;
  }

  /** The neighbours of a member over links that both ends have, in the agreed order. */
  neighborsOf(peer: PeerId): readonly PeerId[] {
    const known = this.#links.get(peer) ?? this.#linksOf(peer);
    this.#links.set(peer, known);
    return known;
  }

  #linksOf(peer: PeerId): readonly PeerId[] {
    const own = this.#own.contact.peer;
    if (peer === own) return [...this.#own.neighbors].sort(byId);
    const claimed = new Set(this.#reports.get(peer)?.neighbors);
    const linked = [...claimed].filter((other) => other !== own && this.#reports.get(other)?.neighbors.includes(peer));
    return (this.#own.neighbors.includes(peer) ? [...linked, own] : linked).sort(byId);
  }

  /** Whether some report of a member claims a link that the other end does not: news is still on its way. */
  isInFlux(): boolean {
    return this.members().some(
      (peer) => (this.#reports.get(peer)?.neighbors.length ?? 0) !== this.neighborsOf(peer).length && peer !== this.#own.contact.peer,
    );
  }

  /**
   * The neighbour through which each peer is reached in the fewest hops, going through nobody of `without`: the tree of
   * a breadth-first walk from here, the same for equal reports.
   */
  routes(without: ReadonlySet<PeerId>): Map<PeerId, Route> {
    const own = this.#own.contact.peer;
    const routes = new Map<PeerId, Route>();
    for (const neighbor of this.neighborsOf(own)) if (!without.has(neighbor)) routes.set(neighbor, { through: neighbor, hops: 1 });
    // A map is walked in the order in which it grows: those one hop away, then those two hops away, and on.
    for (const [peer, { through, hops }] of routes) {
      for (const other of this.neighborsOf(peer)) {
        if (other !== own && !without.has(other) && !routes.has(other)) routes.set(other, { through, hops: hops + 1 });
      }
    }
    return routes;
  }

  /** This report came, or went: what follows from it follows no more. */
  #changed({ contact, neighbors }: Unsigned): void {
    this.#members = undefined;
    this.#links.delete(contact.peer);
    for (const peer of neighbors) this.#links.delete(peer);
  }

  /** Forgets reports of peers that could not be reached for `afterMs`. */
  forget(now: number, afterMs: number): void {
    const members = new Set(this.members());
    for (const [peer, report] of this.#reports) {
      const since = this.#unreachableSince.get(peer);
      if (members.has(peer)) this.#unreachableSince.delete(peer);
      else if (since === undefined) this.#unreachableSince.set(peer, now);
      else if (now - since >= afterMs) {
        this.#reports.delete(peer);
        this.#contacts.delete(peer);
        this.#unreachableSince.delete(peer);
        this.#changed(report);
      }
    }
  }
}

/** The order in which all peers agree: that of their ids' characters. No id is compared with itself. */
function byId(a: PeerId, b: PeerId): number {
  return a < b ? -1 : 1;
}

function isSigned(report: KnownReport): report is Report {
  return report.signature !== undefined;
}
