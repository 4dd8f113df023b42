/**
 * What a peer knows of the whole network: the last report of every peer, and what follows from them.
 *
 * Link-state knowledge, as OSPF keeps it (RFC 2328, without areas): each peer reports its own links under a growing
 * version, reports are flooded, everybody computes from the same reports. A link counts when both ends report it, our
 * own when we have it. Costs a report of about 300 bytes for each peer, and one flood for each change of links; good for
 * hundreds of peers, not for ten thousand.
 */
import type { PeerId } from '../protocol/ids.ts';
import type { Contact, Report } from '../protocol/messages.ts';

/** A way to a peer: the neighbour it goes through first, and its length. */
export interface Route {
  readonly through: PeerId;
  readonly hops: number;
}

export class Topology {
  #own: Report;
  readonly #reports = new Map<PeerId, Report>();
  readonly #unreachableSince = new Map<PeerId, number>();
  /** What follows from the reports, until one changes. */
  #members: readonly PeerId[] | undefined;
  readonly #links = new Map<PeerId, readonly PeerId[]>();

  /** @param version That of our last report, where there were some before. */
  constructor(contact: Contact, version = 0) {
    this.#own = { contact, version: version + 1, neighbors: [] };
  }

  /** Our own report. */
  get own(): Report {
    return this.#own;
  }

  /** Notes our own links or contact; the version grows. */
  become(change: Partial<Pick<Report, 'contact' | 'neighbors' | 'left'>>): void {
    const before = this.#own;
    this.#own = { ...before, ...change, version: before.version + 1 };
    this.#changed(before);
    this.#changed(this.#own);
  }

  /** Takes a report in; whether it is news. A report on ourselves from the past, or a lie, makes our version outgrow it. */
  learn(report: Report): boolean {
    const { peer } = report.contact;
    if (peer === this.#own.contact.peer) {
      if (report.version < this.#own.version || isSame(report, this.#own)) return false;
      // What nothing outgrows is ignored: a version beyond the last would break the protocol at everybody who hears it.
      if (report.version < Number.MAX_SAFE_INTEGER) this.#own = { ...this.#own, version: report.version + 1 };
      return false;
    }
    const known = this.#reports.get(peer);
    if (known !== undefined && known.version >= report.version) return false;
    this.#reports.set(
      peer,
      known !== undefined && known.contact.serial > report.contact.serial ? { ...report, contact: known.contact } : report,
    );
    if (known !== undefined) this.#changed(known);
    this.#changed(report);
    return true;
  }

  /** The contact of a peer, as its lease says; undefined for a peer never heard of. */
  contact(peer: PeerId): Contact | undefined {
    return peer === this.#own.contact.peer ? this.#own.contact : this.#reports.get(peer)?.contact;
  }

  /** The last reports of all peers, our own first. */
  reports(): readonly Report[] {
    return [this.#own, ...this.#reports.values()];
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
  #changed({ contact, neighbors }: Report): void {
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

function isSame(a: Report, b: Report): boolean {
  return a.version === b.version && a.left === b.left && a.partial === b.partial && a.neighbors.join() === b.neighbors.join();
}
