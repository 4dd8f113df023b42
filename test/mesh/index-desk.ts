/**
 * The server's index, as the minds of a made-up network see it: without leases, promises or databases, and answering at once.
 *
 * The rules that it knows are those which a strategy meets: versions, pages, who is there. The shipped index answers in the
 * simulator and in real processes.
 */
import { type Shelf, Shelf as Shelves } from '../../lib/mesh/shelf.ts';
import type { Contact, SharedFile, Want } from '../../lib/protocol/fields.ts';
import type { PeerId } from '../../lib/protocol/ids.ts';
import type { Held, Inquiry, InquiryAnswer } from '../../lib/protocol/messages/server.ts';

interface List {
  version: number;
  readonly shelf: Shelf;
}

/** What makes a page here, unless it is said. */
const PAGE = 100;

export class IndexDesk {
  readonly #lists = new Map<PeerId, List>();
  /** What was asked, in order. */
  readonly asked: Inquiry[] = [];

  /** The answer to what `asker` asks, where these are the members. */
  answer(asker: PeerId, inquiry: Inquiry, members: readonly Contact[]): InquiryAnswer {
    this.asked.push(inquiry);
    switch (inquiry.type) {
      case 'publish':
        return this.#publish(asker, inquiry);
      case 'locate': {
        const rows = members.flatMap((contact) =>
          this.#matching(contact.peer, inquiry.want).map((file): Held => ({ contact, held: [file] })),
        );
        return { type: 'located', ...paged(rows, inquiry) };
      }
      case 'browse': {
        const list = this.#lists.get(inquiry.peer);
        const contact = members.find(({ peer }) => peer === inquiry.peer);
        if (list === undefined) return { type: 'refused', code: 'PEER_UNKNOWN', message: 'the index has no list of this peer' };
        const rows = [...list.shelf].sort((one, other) => (one.name < other.name ? -1 : 1));
        return { type: 'browsed', ...(contact && { contact }), version: list.version, entries: rows.length, ...paged(rows, inquiry) };
      }
      case 'contacts':
        return { type: 'contactList', members: members.length, ...paged(members, inquiry) };
    }
  }

  /** Forgets everything, as a server does that keeps it in memory. */
  forget(): void {
    this.#lists.clear();
  }

  /** The paths that a peer has published. */
  listOf(peer: PeerId): string[] {
    return [...(this.#lists.get(peer)?.shelf ?? [])].map(({ name }) => name).sort();
  }

  #publish(peer: PeerId, { base, version, removed, put }: Extract<Inquiry, { type: 'publish' }>): InquiryAnswer {
    const known = base === 'whole' ? { version, shelf: new Shelves() } : this.#lists.get(peer);
    const isKnown = known !== undefined && (base === 'whole' || base === known.version || version === known.version);
    if (!isKnown) return { type: 'refused', code: 'LIST_UNKNOWN', message: 'the index knows another list of this peer, or none' };
    for (const name of removed) known.shelf.remove(name);
    for (const file of put) known.shelf.put(file);
    known.version = version;
    this.#lists.set(peer, known);
    return { type: 'published', version, entries: [...known.shelf].length };
  }

  #matching(peer: PeerId, want: Want): readonly SharedFile[] {
    const shelf = this.#lists.get(peer)?.shelf;
    if (shelf === undefined) return [];
    return want.by === 'all' ? [...shelf] : shelf.matching(want, Number.POSITIVE_INFINITY);
  }
}

function paged<Row>(rows: readonly Row[], { cursor = '0', most = PAGE }: { readonly cursor?: string; readonly most?: number }) {
  const begin = Number(cursor);
  const found = rows.slice(begin, begin + most);
  return begin + most < rows.length ? { found, cursor: String(begin + most) } : { found };
}
