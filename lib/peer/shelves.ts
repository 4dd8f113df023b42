/** The folders of a peer: what it shares, what it fetched, and the threads that hash for both. */
import { setTimeout as pause } from 'node:timers/promises';
import { READ_AHEAD_BYTES } from '../config.ts';
import { Downloads } from '../disk/downloads.ts';
import { Hasher } from '../disk/hasher.ts';
import { Library } from '../disk/library.ts';
import type { OpenFile } from '../disk/opened.ts';
import { FloodmeshError, named } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import { changesOf } from '../mesh/changes.ts';
import { answers, type Offer } from '../mesh/shelf.ts';
import type { SharedFile, Want } from '../protocol/fields.ts';
import type { Root } from '../protocol/ids.ts';
import { PIECE_BYTES } from '../transfer/pieces.ts';
import type { Settings } from './options.ts';
import type { Fetched } from './whole.ts';

/** A file, or a folder, that is on this disk already. */
export interface Here {
  readonly name: string;
  readonly path: string;
}

interface Content {
  readonly root: Root;
  readonly bytes: number;
}

type Whole = NonNullable<ReturnType<Library['whole']>>;

export class Shelves {
  readonly library: Library;
  readonly fetched: Library;
  readonly downloads: Downloads;
  readonly #hasher = new Hasher();
  readonly #sharesFetched: boolean;

  constructor({ files, downloads, state, shareDownloads }: Settings, onChange: () => void) {
    const about = { state, hasher: this.#hasher, onChange };
    this.library = new Library({ folder: files, ...about });
    this.fetched = new Library({ folder: downloads, ...about });
    this.downloads = new Downloads({ folder: downloads, hasher: this.#hasher });
    this.#sharesFetched = shareDownloads;
  }

  /** @throws FOLDER_UNUSABLE; FOLDER_IN_USE, when another process downloads into the folder. */
  async open(): Promise<void> {
    await this.downloads.open();
    await Promise.all([this.library.start(), this.fetched.start()]);
  }

  /** Settles when what lies in the folders is hashed, or after `patienceMs`. */
  async settled(patienceMs: number): Promise<void> {
    const late = new AbortController();
    const hashed = Promise.allSettled([this.library.settled(), this.fetched.settled()]);
    await Promise.race([hashed, pause(patienceMs, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
  }

  /** What others may have. */
  get offer(): Offer {
    const shelves = this.#sharesFetched ? [this.library.shelf, this.fetched.shelf] : [this.library.shelf];
    return { matching: (want, limit) => answers(shelves, want, limit), changes: (since) => changesOf(shelves, since) };
  }

  /** The files that are shared, own ones first, each part sorted by path. */
  get shared(): readonly SharedFile[] {
    return this.#sharing.flatMap((library) => library.files);
  }

  /** The shared file that lies at this very path. */
  sharedAt(path: string): SharedFile | undefined {
    const name = path.normalize('NFC');
    return this.#sharing.map((library) => library.find(name)).find((file) => file?.name === name);
  }

  /** A shared file of this content. */
  sharedOf(root: Root): SharedFile | undefined {
    return this.#sharing.map((library) => library.withRoot(root)).find((file) => file !== undefined);
  }

  /** Opens a content, or the manifest of a folder, for an asker. @throws NOT_FOUND, CONTENT_CHANGED, DISK_FAILED. */
  async serve(root: Root): Promise<OpenFile> {
    try {
      return await this.library.open(root);
    } catch (thrown) {
      if (!this.#sharesFetched || named(thrown).code !== 'NOT_FOUND') throw thrown;
      return this.fetched.open(root);
    }
  }

  /**
   * The contents of these roots in this order, each of one piece at most, some read ahead; undefined in the place of what is
   * longer, or not shared (any more).
   */
  async *contents(roots: readonly Root[]): AsyncGenerator<Uint8Array | undefined, undefined, undefined> {
    for (const group of inGroups(roots.map((root) => this.#whole(root)))) {
      const contents = await this.#hasher.read(group.map((whole) => whole?.file));
      for (const [index, content] of contents.entries()) {
        if (content === undefined) group[index]?.changed();
        yield content;
      }
    }
  }

  #whole(root: Root): Whole | undefined {
    const [whole] = this.#sharing.flatMap((library) => library.whole(root) ?? []);
    return whole === undefined || whole.file.bytes > PIECE_BYTES ? undefined : whole;
  }

  /** The own file or folder that is wanted. */
  ownMeant(want: Want): Here | undefined {
    return here(this.library, this.library.meant(want));
  }

  /** The fetched file or folder that is wanted. */
  fetchedMeant(want: Want): Here | undefined {
    return here(this.fetched, this.fetched.meant(want));
  }

  /** What is about to be fetched keeps what it is called besides its name. */
  entitle({ root, ...called }: SharedFile): void {
    this.fetched.entitle(root, called);
  }

  /**
   * A file of this very content, own or fetched, never a folder; what is left of an attempt to fetch it is removed then. A
   * fetched file of this length that is not hashed yet (this process was killed while it finished it) is waited for, until
   * `signal` fires.
   */
  async ofContent(content: Content, signal?: AbortSignal): Promise<Here | undefined> {
    const over = new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
    await Promise.race([this.fetched.known(content.bytes), over]);
    const found = this.#here(content, (library) => library.withRoot(content.root));
    if (found !== undefined) await this.downloads.clear(content.root);
    return found;
  }

  /** What is on this disk of what is offered, a file or a folder; what is being hashed is waited for, until `signal` fires. */
  async hereOf(offered: SharedFile, signal: AbortSignal): Promise<Here | undefined> {
    if (offered.holds === undefined) return this.ofContent(offered, signal);
    await Promise.race([this.fetched.settled(), new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))]);
    return this.folderOf(offered);
  }

  /** A folder with this very manifest, own or fetched, all of it on this disk; never a file. */
  folderOf(content: Content): Here | undefined {
    return this.#here(content, (library) => library.folderWithRoot(content.root));
  }

  /** The absolute path of a file of this very content, own or fetched. */
  pathOf(root: Root, bytes: number): string | undefined {
    return this.#here({ root, bytes }, (library) => library.withRoot(root))?.path;
  }

  #here({ bytes }: Content, lookUp: (library: Library) => SharedFile | undefined): Here | undefined {
    for (const library of [this.fetched, this.library]) {
      const file = lookUp(library);
      if (file?.bytes === bytes) return here(library, file);
    }
    return undefined;
  }

  /** Gives a fetched content its final name, and remembers what it is. What came is kept when that fails. @throws DISK_FULL, DISK_FAILED. */
  async keep(name: string, root: Root, { part, layer }: Fetched): Promise<Here> {
    try {
      return await part.finish(name);
    } catch (thrown) {
      await part.keep();
      throw thrown;
    } finally {
      failpoint('finish.before-learning');
      // Where it failed after it got its name, the next attempt finds it here. What is not learned now, the next reading of the folder learns.
      if (part.finished !== undefined) await this.fetched.learn(part.finished.name, root, layer).catch(() => undefined);
    }
  }

  get #sharing(): readonly Library[] {
    return this.#sharesFetched ? [this.library, this.fetched] : [this.library];
  }

  async close(): Promise<void> {
    await Promise.all([this.library.close(), this.fetched.close(), this.downloads.close()]);
    await this.#hasher.close();
  }
}

/** In groups of which each is read at once. */
function* inGroups(files: readonly (Whole | undefined)[]): Generator<(Whole | undefined)[], undefined, undefined> {
  let group: (Whole | undefined)[] = [];
  let bytes = 0;
  for (const whole of files) {
    group.push(whole);
    bytes += whole?.file.bytes ?? 0;
    if (bytes < READ_AHEAD_BYTES) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  yield group;
}

function here(library: Library, file: SharedFile | undefined): Here | undefined {
  return file && { name: file.name, path: library.pathOf(file) };
}

/** Refuses what comes after the end. */
export function ended(): FloodmeshError {
  return new FloodmeshError('ENDED', 'the peer has ended');
}
