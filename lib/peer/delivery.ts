/** Brings one content, or a folder of them, from its holders to its final name, and tells how it goes meanwhile. */
import { PROGRESS_MS } from '../config.ts';
import { type Folder, isFolder } from '../disk/folder-journal.ts';
import type { FolderPart } from '../disk/folder-part.ts';
import type { Contact, SharedFile } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import { lastName } from '../protocol/names.ts';
import type { Entry } from '../transfer/manifest.ts';
import { PIECE_BYTES } from '../transfer/pieces.ts';
import type { Content } from './choice.ts';
import { Fetch } from './fetch.ts';
import type { Goods } from './goods.ts';
import { filesIn, manifestOf } from './manifest.ts';
import type { Pace } from './pace.ts';
import type { Here, Shelves } from './shelves.ts';
import { type Numbered, Small } from './small.ts';
import type { Transfer } from './transfer.ts';
import type { LinkTo } from './ways.ts';
import { Whole } from './whole.ts';

export interface DeliveryParts {
  readonly linkTo: LinkTo;
  readonly shelves: Shelves;
  /** The limit on all that this peer receives. */
  readonly pace: Pace;
  /** Where a peer listens, as its lease says; undefined when it is not known. */
  readonly contact: (peer: PeerId) => Contact | undefined;
  /** Tells `found` of every holder that appears, until `signal` fires. */
  readonly watchForHolders: (content: SharedFile, found: (peer: PeerId) => void, signal: AbortSignal) => void;
}

/**
 * Fetches `content` for `transfer` and stores it; answers where.
 * @throws HOLDERS_GONE, CONTENT_MISMATCH, CONTENT_CHANGED, DISK_FULL, DISK_FAILED; what `signal` fires with.
 */
export async function deliver(content: Content, transfer: Transfer, parts: DeliveryParts, signal: AbortSignal): Promise<Here> {
  const telling = setInterval(() => transfer.tellProgress(), PROGRESS_MS);
  const errand = new Errand(content.holders, transfer, parts, signal);
  try {
    return await (isFolder(content) ? errand.folder(content) : errand.file(content));
  } finally {
    clearInterval(telling);
  }
}

/** The fetches that one delivery takes. */
class Errand {
  readonly #holders: readonly PeerId[];
  readonly #transfer: Transfer;
  readonly #parts: DeliveryParts;
  readonly #signal: AbortSignal;

  constructor(holders: readonly PeerId[], transfer: Transfer, parts: DeliveryParts, signal: AbortSignal) {
    this.#holders = holders;
    this.#transfer = transfer;
    this.#parts = parts;
    this.#signal = signal;
  }

  async file(content: Content): Promise<Here> {
    const { shelves } = this.#parts;
    const name = lastName(content.name);
    const whole = new Whole({ ...content, name }, shelves.downloads);
    await this.#fetch(whole, content);
    return shelves.keep(name, content.root, await whole.fetched());
  }

  /** First what the folder holds, then all small files in one stream, then each large one from all holders. */
  async folder(folder: Folder): Promise<Here> {
    const { downloads } = this.#parts.shelves;
    const manifest = (await downloads.manifestOf(folder)) ?? (await manifestOf(folder, (goods) => this.#fetch(goods, folder, false)));
    const files = await filesIn(manifest);
    this.#transfer.holds = { files: files.length, bytes: bytesOf(files) };
    const part = await downloads.beginFolder(folder, manifest, files);
    try {
      await this.#fill(folder, files, part);
      return await part.finish(lastName(folder.name));
    } catch (thrown) {
      await part.keep();
      throw thrown;
    }
  }

  async #fill(folder: Folder, files: readonly Entry[], part: FolderPart): Promise<void> {
    const missing = () => files.flatMap((file, number): Numbered[] => (part.missing.has(number) ? [{ ...file, number }] : []));
    await this.#copy(missing(), part);
    this.#transfer.kept(bytesOf(files) - bytesOf(missing()));
    const small = missing().filter(({ bytes }) => bytes <= PIECE_BYTES);
    if (small.length > 0) await this.#fetch(new Small(folder, small, part), folder);
    for (const file of missing()) await this.#large(`${folder.name}${file.path}`, file, part);
  }

  /** What lies on this disk already, own or fetched, is not fetched again. */
  async #copy(missing: readonly Numbered[], part: FolderPart): Promise<void> {
    for (const { number, root, bytes } of missing) {
      const path = this.#parts.shelves.pathOf(root, bytes);
      if (path !== undefined) await part.copy(number, path);
      this.#signal.throwIfAborted();
    }
  }

  async #large(name: string, { number, root, bytes }: Numbered, part: FolderPart): Promise<void> {
    const whole = new Whole({ name, root, bytes }, this.#parts.shelves.downloads);
    await this.#fetch(whole, { name, root, bytes });
    await part.take(number, (await whole.fetched()).part);
  }

  /** Fetches goods from the known holders and from whoever else turns out to have `content`. */
  async #fetch(goods: Goods, content: SharedFile, isCounted = true): Promise<void> {
    const { linkTo, pace, contact, watchForHolders } = this.#parts;
    const transfer = this.#transfer;
    const over = new AbortController();
    const fetch = new Fetch(goods, this.#holders, {
      linkTo,
      contact,
      pace,
      onKept: (bytes) => transfer.kept(bytes),
      onVerified: (bytes, peer) => isCounted && transfer.verified(bytes, peer),
      onReceived: (bytes) => transfer.received(bytes),
      onHolderLost: (peer, why) => transfer.emit({ type: 'holderLost', name: content.name, peer: contact(peer)?.name ?? peer, why }),
    });
    try {
      watchForHolders(content, (peer) => fetch.found(peer), AbortSignal.any([this.#signal, over.signal]));
      await fetch.run(this.#signal);
    } finally {
      over.abort();
    }
  }
}

function bytesOf(files: readonly Entry[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
