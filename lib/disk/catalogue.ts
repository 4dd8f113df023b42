/** The files that are shared now, by name, by stem and by content. */
import type { Root } from '../protocol/ids.ts';
import type { SharedFile } from '../protocol/messages.ts';
import { stem } from '../protocol/names.ts';
import type { Stamp } from './guard.ts';

/** A shared file as others know it, with what the disk calls it and the state in which it was hashed. */
export interface Shared extends SharedFile {
  readonly file: string;
  readonly stamp: Stamp;
}

export class Catalogue {
  readonly #byName = new Map<string, Shared>();
  readonly #byStem = new Kinds<Shared>();
  readonly #byRoot = new Kinds<Shared>();
  #sorted: readonly SharedFile[] | undefined;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** All of them, sorted by name. */
  get files(): readonly SharedFile[] {
    this.#sorted ??= [...this.#byName.values()].sort(byName).map(({ name, bytes, root }) => ({ name, bytes, root }));
    return this.#sorted;
  }

  /** Takes a file in, in place of the one of its name. */
  put(file: Shared): void {
    this.remove(file.name);
    this.#byName.set(file.name, file);
    this.#byStem.add(stem(file.name), file);
    this.#byRoot.add(file.root, file);
    this.#bytes += file.bytes;
    this.#sorted = undefined;
  }

  remove(name: string): void {
    const file = this.#byName.get(name);
    if (file === undefined) return;
    this.#byName.delete(name);
    this.#byStem.remove(stem(name), file);
    this.#byRoot.remove(file.root, file);
    this.#bytes -= file.bytes;
    this.#sorted = undefined;
  }

  /** The file of this name, else the first by name whose stem it is. */
  find(name: string): Shared | undefined {
    const composed = name.normalize('NFC');
    return this.#byName.get(composed) ?? this.#byStem.of(composed).sort(byName)[0];
  }

  /** The files of this content, sorted by name. */
  withRoot(root: Root): readonly Shared[] {
    return this.#byRoot.of(root).sort(byName);
  }
}

/** Several values under one key. */
class Kinds<Value> {
  readonly #kinds = new Map<string, Set<Value>>();

  of(key: string): Value[] {
    return [...(this.#kinds.get(key) ?? [])];
  }

  add(key: string, value: Value): void {
    const kind = this.#kinds.get(key);
    if (kind === undefined) this.#kinds.set(key, new Set([value]));
    else kind.add(value);
  }

  remove(key: string, value: Value): void {
    const kind = this.#kinds.get(key);
    kind?.delete(value);
    if (kind?.size === 0) this.#kinds.delete(key);
  }
}

// By code units, so that the order is the same on every machine, whatever its language.
function byName(one: SharedFile, other: SharedFile): number {
  return one.name < other.name ? -1 : 1;
}
