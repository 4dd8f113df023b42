/**
 * `metadata.json` in a shared folder: the titles and numbers of the documents that lie beside it, as seed 003 has them.
 *
 *     {"rfcs": [{"number": "959", "title": "FILE TRANSFER PROTOCOL (FTP)", "format": "txt"}]}
 *
 * is about the file `959.txt`. Its owner writes it, and its faults take nothing away from the files: each is told, and the
 * entries that are sound count.
 */
import { join } from 'node:path';
import { METADATA_BYTES, WARNINGS_NAMED } from '../config.ts';
import { fileNameFault } from '../protocol/names.ts';
import { type Titled, titleFault } from '../protocol/titles.ts';
import { codeOf } from './faults.ts';
import { openGuarded, type Stamp } from './guard.ts';

export const METADATA_FILE = 'metadata.json';

/** What one reading of it says: what each file is called besides its name, and what is wrong with it, a few words each. */
export interface Read {
  readonly titles: ReadonlyMap<string, Titled>;
  readonly faults: readonly string[];
}

const NOTHING: Read = { titles: new Map(), faults: [] };
/** No state of a file: there is none. */
const NONE: Stamp = '';

export class Metadata {
  #read = NOTHING;
  #stamp: Stamp = NONE;

  get faults(): readonly string[] {
    return this.#read.faults;
  }

  /** What the file at the top of the folder that has this name is called besides. */
  of(name: string): Titled | undefined {
    return this.#read.titles.get(name);
  }

  /** Reads it again, if it changed; answers the files that may be called otherwise than before. */
  async refresh(folder: string): Promise<ReadonlySet<string>> {
    const before = this.#read;
    try {
      const opened = await openGuarded(join(folder, METADATA_FILE));
      await using handle = opened.handle;
      if (opened.stamp === this.#stamp) return new Set();
      this.#stamp = opened.stamp;
      const { size } = await handle.stat();
      this.#read = size > METADATA_BYTES ? tooLong() : metadataIn(await handle.readFile('utf8'));
    } catch (thrown) {
      this.#stamp = NONE;
      this.#read = codeOf(thrown) === 'ENOENT' ? NOTHING : { ...NOTHING, faults: [`it cannot be read (${codeOf(thrown)})`] };
    }
    return new Set([...before.titles.keys(), ...this.#read.titles.keys()]);
  }
}

/** What a `metadata.json` of this text says. */
export function metadataIn(text: string): Read {
  const entries = entriesIn(text);
  if (entries === undefined) return { ...NOTHING, faults: ['it is not JSON with a list "rfcs"'] };
  const titles = new Map<string, Titled>();
  const faults = new Faults();
  for (const [index, entry] of entries.entries()) {
    const [name, called] = fieldsOf(entry);
    const fault =
      name === undefined ? WANTED : (fileNameFault(name) ?? titleFault(called) ?? (titles.has(name) ? 'it comes twice' : undefined));
    if (name === undefined || fault !== undefined) faults.add(`entry ${index + 1}: ${fault}`);
    else titles.set(name, called);
  }
  return { titles, faults: faults.told };
}

const WANTED = 'number, title and format are wanted, each a text';

function tooLong(): Read {
  return { ...NOTHING, faults: [`it is longer than ${METADATA_BYTES} bytes`] };
}

function entriesIn(text: string): readonly unknown[] | undefined {
  try {
    const { rfcs } = JSON.parse(text);
    return Array.isArray(rfcs) ? rfcs : undefined;
  } catch {
    return undefined; // no JSON, or null
  }
}

/** The name of the file that an entry is about, and what it is called; no name where a field is missing. */
function fieldsOf(entry: unknown): readonly [string | undefined, Titled] {
  const { number, title, format } = (typeof entry === 'object' && entry !== null ? entry : {}) as Readonly<Record<string, unknown>>;
  const isNumber = typeof number === 'string' || Number.isSafeInteger(number);
  if (!isNumber || typeof title !== 'string' || typeof format !== 'string') return [undefined, {}];
  return [`${number}.${format}`, { number: String(number), title: title.normalize('NFC').trim() }];
}

/** The first so many faults, and how many more there are. */
class Faults {
  readonly #named: string[] = [];
  #more = 0;

  add(fault: string): void {
    if (this.#named.length < WARNINGS_NAMED) this.#named.push(fault);
    else this.#more += 1;
  }

  get told(): readonly string[] {
    return this.#more === 0 ? this.#named : [...this.#named, `${this.#more} more`];
  }
}
