/** What this peer shares, arranged so that a question is answered without reading every name. */

import type { SharedFile, Want } from '../protocol/messages.ts';
import { stem } from '../protocol/names.ts';

export class Shelf {
  readonly #files: readonly SharedFile[];
  readonly #byName = new Map<string, SharedFile>();
  readonly #byStem = new Map<string, SharedFile[]>();
  readonly #byRoot = new Map<string, SharedFile[]>();

  constructor(files: readonly SharedFile[]) {
    this.#files = files;
    for (const file of files) {
      this.#byName.set(file.name, file);
      gather(this.#byStem, stem(file.name), file);
      gather(this.#byRoot, file.root, file);
    }
  }

  /** At most `limit` files that answer the question: the one of that name, else those whose stem it is. */
  matching(want: Want, limit: number): readonly SharedFile[] {
    switch (want.by) {
      case 'name': {
        const name = want.name.normalize('NFC');
        const exact = this.#byName.get(name);
        return exact === undefined ? (this.#byStem.get(name) ?? []).slice(0, limit) : [exact];
      }
      case 'text': {
        const text = want.text.normalize('NFC').toLowerCase();
        return this.#files.filter((file) => file.name.toLowerCase().includes(text)).slice(0, limit);
      }
      case 'root':
        return (this.#byRoot.get(want.root) ?? []).slice(0, limit);
      case 'all':
        return this.#files.slice(0, limit);
    }
  }
}

function gather(groups: Map<string, SharedFile[]>, key: string, file: SharedFile): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [file]);
  else group.push(file);
}
