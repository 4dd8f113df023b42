/** Lists as they travel: in parts, or as what changed, each version with the head that its owner signed. A list is never changed once made. */
import { HITS_BYTES, LIST_FILES } from '../../../config.ts';
import { type Head, MAX_LISTED, type SharedFile } from '../../../protocol/messages.ts';
import { headText, listText } from '../../../protocol/proofs.ts';
import type { View } from '../discovery.ts';

/** How one version of a list became another. */
export interface Patch {
  readonly base: number;
  readonly version: number;
  readonly removed: readonly string[];
  readonly put: readonly SharedFile[];
}

/** A list after a change, by name. */
export function patched(files: readonly SharedFile[], { removed, put }: Pick<Patch, 'removed' | 'put'>): readonly SharedFile[] {
  const gone = new Set(removed);
  for (const { name } of put) gone.add(name);
  return [...files.filter(({ name }) => !gone.has(name)), ...put].sort(byName);
}

/** What makes `after` of `before`. */
export function difference(before: readonly SharedFile[], after: readonly SharedFile[]): Pick<Patch, 'removed' | 'put'> {
  const known = new Map(before.map((file) => [file.name, JSON.stringify(file)]));
  const put = after.filter((file) => known.get(file.name) !== JSON.stringify(file));
  for (const { name } of after) known.delete(name);
  return { removed: [...known.keys()], put };
}

/** All that changed from version `base` on, as one patch; undefined when some of it is forgotten, or it is too much for one message. */
export function patchFrom(base: number, patches: readonly Patch[]): Patch | undefined {
  const first = patches.findIndex((patch) => patch.base === base);
  const last = patches.at(-1);
  if (first === -1 || last === undefined) return undefined;
  const put = new Map<string, SharedFile | undefined>();
  for (const patch of patches.slice(first)) {
    for (const name of patch.removed) put.set(name, undefined);
    for (const file of patch.put) put.set(file.name, file);
  }
  const files = [...put.values()].filter((file) => file !== undefined);
  const removed = [...put].flatMap(([name, file]) => (file === undefined ? [name] : []));
  const bytes = removed.reduce((sum, name) => sum + name.length * 3, 0) + files.reduce((sum, file) => sum + sizeOf(file), 0);
  const fits = removed.length <= MAX_LISTED && files.length <= MAX_LISTED && bytes <= HITS_BYTES;
  return fits ? { base, version: last.version, removed, put: files } : undefined;
}

/** The files from number `start` on, as many as go into one message. */
export function partOf(files: readonly SharedFile[], start: number): readonly SharedFile[] {
  let bytes = 0;
  let end = start;
  for (let file = files[end]; file !== undefined && end - start < MAX_LISTED; file = files[end]) {
    bytes += sizeOf(file);
    if (bytes > HITS_BYTES) break;
    end += 1;
  }
  return start === 0 && end === files.length ? files : files.slice(start, end);
}

/** The digests of lists, which whoever is told one compares: one peer makes it once. */
const NONE: readonly SharedFile[] = [];
const digests = new WeakMap<readonly SharedFile[], string>();

/** That of a list which is too long to be told is that of none: nobody compares it. */
export function digestOf(list: readonly SharedFile[], { seal }: View): string {
  const files = list.length > LIST_FILES ? NONE : list;
  const digest = digests.get(files) ?? seal.digest(listText(files));
  digests.set(files, digest);
  return digest;
}

/** The head of a list of our own. */
export function headOf(files: readonly SharedFile[], version: number, hasLeft: boolean, view: View): Head {
  const { contact, seal } = view;
  const head = { contact, version, entries: files.length, digest: digestOf(files, view), ...(hasLeft && { left: true as const }) };
  return { ...head, keys: seal.keys, signature: seal.sign(headText(head)) };
}

/** Whether it is what its owner says, and that is a member. */
export function isGenuineHead(head: Head, view: View): boolean {
  const { contact, keys, signature } = head;
  return view.trusts(contact) && view.seal.isSigned(contact.peer, keys, headText(head), signature);
}

/** What a file takes in a message besides its name and title: its root, its numbers, and what holds them together. */
const FILE_BYTES = 230;

// No character of a name or a title takes more than three bytes for each of its code units, escaped or not.
function sizeOf({ name, title = '', number = '' }: SharedFile): number {
  return (name.length + title.length + number.length) * 3 + FILE_BYTES;
}

// By code units, so that the order is the same on every machine.
function byName(one: SharedFile, other: SharedFile): number {
  return one.name < other.name ? -1 : 1;
}
