/**
 * What members may ask of the register besides their leases: the catalog, in the terms of the protocol, and who the members are.
 *
 * Whoever serves it, the metadata server or the simulator's register, has found out whose lease it is. Answers come in parts,
 * each of which fits into one message; files of one holder come together, so that its signed contact is there once.
 */
import { ACCOUNT_MS, CATALOG_PAGE, CONTACTS_SIGNED, FOUND_BYTES } from '../config.ts';
import type { Contact, SharedFile } from '../protocol/fields.ts';
import { rootOf } from '../protocol/ids.ts';
import type { Foreign, Held, Inquiry, InquiryAnswer } from '../protocol/messages/server.ts';
import type { Catalog } from './catalog.ts';
import type { Entry, Holding } from './catalog-store.ts';
import type { Lease } from './lease.ts';
import { isRefusal, type Refusal, type Registry } from './registry.ts';

type Asked<Type extends Inquiry['type']> = Extract<Inquiry, { type: Type }>;
type Answered = Exclude<InquiryAnswer, { type: 'refused' }>;

const encoder = new TextEncoder();

export class Inquiries {
  readonly #registry: Registry;
  readonly #catalog: Catalog;
  readonly #most: number;
  /** By serial: the same lease always has the same contact. */
  readonly #signed = new Map<number, Contact>();

  /** @param most Contacts that are kept at hand. */
  constructor(registry: Registry, catalog: Catalog, most = CONTACTS_SIGNED) {
    this.#registry = registry;
    this.#catalog = catalog;
    this.#most = most;
  }

  /** The answer to what the member of this lease asks. Refuses with LEASE_UNKNOWN when that has ended, else as `Catalog` does. */
  async answer(serial: number, asked: Inquiry, now: number): Promise<Answered | Refusal> {
    const lease = await this.#registry.living(serial, now);
    if (isRefusal(lease)) return lease;
    switch (asked.type) {
      case 'publish':
        return this.#publish(lease, asked, now);
      case 'locate':
        return this.#locate(asked, asked.most ?? CATALOG_PAGE, now);
      case 'browse':
        return this.#browse(asked, now);
      case 'contacts':
        return this.#contacts(asked, now);
    }
  }

  // What an account has published lasts as long as the account.
  async #publish({ peer, account }: Lease, { base, version, removed, put }: Asked<'publish'>, now: number): Promise<Answered | Refusal> {
    const publisher =
      account === undefined
        ? ({ type: 'peer', peer } as const)
        : ({ type: 'account', account, peer, keptUntil: now + ACCOUNT_MS } as const);
    const standing = await this.#catalog.publish(publisher, { base, version, removed, put: put.map(entryOf) }, now);
    return isRefusal(standing) ? standing : { type: 'published', version: standing.version, entries: standing.files };
  }

  async #locate(asked: Asked<'locate'>, limit: number, now: number): Promise<Answered | Refusal> {
    const part = await this.#catalog.locate(asked.want, { cursor: asked.cursor, limit }, now);
    if (isRefusal(part)) return part;
    const answer: Answered = { type: 'located', ...this.#grouped(part.found), ...cursorOf(part.cursor) };
    // Only the catalog knows where a shorter part would end.
    return limit > 1 && bytesOf(answer) > FOUND_BYTES ? this.#locate(asked, Math.ceil(limit / 4), now) : answer;
  }

  async #browse({ peer, cursor, most }: Asked<'browse'>, now: number): Promise<Answered | Refusal> {
    const listing = await this.#catalog.browse({ type: 'peer', peer }, { cursor, limit: most }, now);
    if (isRefusal(listing)) return listing;
    const { version, files: entries, holder, found: all } = listing;
    const found = fitting(all.map(sharedOf));
    const contact = holder?.type === 'member' ? { contact: this.#contact(holder.lease) } : {};
    const next = found.length < all.length ? found.at(-1)?.name : listing.cursor;
    return { type: 'browsed', ...contact, version, entries, found, ...cursorOf(next) };
  }

  /** By serial: who joins while they are asked for comes last. They are counted once, for the first part. */
  async #contacts({ cursor, most = CATALOG_PAGE }: Asked<'contacts'>, now: number): Promise<Answered> {
    const after = serialAfter(cursor);
    const counted = cursor === undefined ? { members: await this.#registry.memberCount(now) } : {};
    // One more than is wanted says whether there is a rest.
    const leases = await this.#registry.memberLeasesAfter({ after, limit: most + 1 }, now);
    const found = fitting(leases.slice(0, most).map((lease) => this.#contact(lease)));
    const next = found.length < leases.length ? found.at(-1)?.serial.toString(36) : undefined;
    return { type: 'contactList', found, ...counted, ...cursorOf(next) };
  }

  #grouped(holdings: readonly Holding[]): { readonly found: Held[]; readonly foreign?: Foreign[] } {
    const found = new Map<number, Held>();
    const foreign: Foreign[] = [];
    for (const { entry, holder } of holdings) {
      if (holder.type === 'foreign') {
        const { name, folder, hash } = entry;
        foreign.push({ name, ...(folder !== undefined && { folder }), hash, host: holder.host, port: holder.port });
        continue;
      }
      const { lease } = holder;
      const group = found.get(lease.serial) ?? { contact: this.#contact(lease), held: [] };
      found.set(lease.serial, group);
      group.held.push(sharedOf(entry));
    }
    return { found: [...found.values()], ...(foreign.length > 0 && { foreign }) };
  }

  #contact(lease: Lease): Contact {
    const known = this.#signed.get(lease.serial);
    if (known !== undefined) return known;
    if (this.#signed.size >= this.#most) this.#signed.clear();
    const contact = this.#registry.contact(lease);
    this.#signed.set(lease.serial, contact);
    return contact;
  }
}

function entryOf({ root, ...file }: SharedFile): Entry {
  return { ...file, hash: root };
}

// What members publish has a length, and a root for a hash.
function sharedOf({ hash, bytes = 0, folder: _, ...entry }: Entry): SharedFile {
  return { ...entry, bytes, root: rootOf(hash) };
}

function cursorOf(cursor: string | undefined): { readonly cursor?: string } {
  return cursor === undefined ? {} : { cursor };
}

/** The serial that a cursor tells; 0, the beginning, for what is none of ours. */
function serialAfter(cursor = ''): number {
  return /^[0-9a-z]{1,10}$/.test(cursor) ? Number.parseInt(cursor, 36) : 0;
}

/** As many of them, from the first on, as one message holds: one at least. */
function fitting<Item>(items: readonly Item[]): Item[] {
  let bytes = 0;
  const end = items.findIndex((item, index) => {
    bytes += bytesOf(item) + 1;
    return index > 0 && bytes > FOUND_BYTES;
  });
  return items.slice(0, end === -1 ? items.length : end);
}

function bytesOf(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).length;
}
