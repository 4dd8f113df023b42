/**
 * What the server's index has told of late: who holds what, and where. It is asked while the server is away.
 *
 * It is believed as long as the server itself believes a holder of which it hears nothing, so that it misleads no longer than the
 * server would have.
 */
import { LEARNT_FILES, LEARNT_MS } from '../../config.ts';
import type { Contact, SharedFile, Want } from '../../protocol/fields.ts';
import type { PeerId } from '../../protocol/ids.ts';
import { Shelf } from '../shelf.ts';

/** Files of one holder. */
export interface Lot {
  readonly contact: Contact;
  readonly files: readonly SharedFile[];
}

interface Known {
  readonly contact: Contact;
  readonly file: SharedFile;
  readonly until: number;
}

export class Learnt {
  /** By holder and path, what was told longest ago first. */
  readonly #known = new Map<string, Known>();

  learn({ contact, files }: Lot, now: number): void {
    for (const file of files) {
      const key = `${contact.peer} ${file.name}`;
      this.#known.delete(key);
      this.#known.set(key, { contact, file, until: now + LEARNT_MS });
    }
    for (const key of this.#known.keys()) {
      if (this.#known.size <= LEARNT_FILES) break;
      this.#known.delete(key);
    }
  }

  /** What of it is wanted, and fresh; of `only` one holder, where that is said. */
  matching(want: Want, only: PeerId | undefined, now: number): readonly Lot[] {
    const shelves = new Map<PeerId, { readonly contact: Contact; readonly shelf: Shelf }>();
    for (const { contact, file, until } of this.#known.values()) {
      if (until <= now || (only !== undefined && only !== contact.peer)) continue;
      const holder = shelves.get(contact.peer) ?? { contact, shelf: new Shelf() };
      shelves.set(contact.peer, holder);
      holder.shelf.put(file);
    }
    const lots = Array.from(shelves.values(), ({ contact, shelf }) => ({ contact, files: shelf.matching(want, Number.POSITIVE_INFINITY) }));
    return lots.filter(({ files }) => files.length > 0);
  }
}
