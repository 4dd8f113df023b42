/** Lists as they travel: in parts, or as what changed, each version with the head that its owner signed. A list is never changed once made. */
import { HITS_BYTES, LIST_FILES } from '../../../config.ts';
import type { SharedFile } from '../../../protocol/fields.ts';
import { type Head, MAX_LISTED, type Told } from '../../../protocol/messages/link.ts';
import { headText, listText } from '../../../protocol/proofs.ts';
import type { View } from '../discovery.ts';

/** A list as it is kept, and as it travels whole. */
export interface Listed {
  readonly head: Head;
  /** Undefined when there are more than are kept. */
  readonly shared: readonly SharedFile[] | undefined;
}

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
  const fits = removed.length <= MAX_LISTED && files.length <= MAX_LISTED && sizeOfAll(files, removed) <= HITS_BYTES;
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

/** What goes into one message of the lists that are wanted: a part of one only where it is alone. */
export class Bundle {
  readonly told: Told[] = [];
  #bytes = 0;

  /** Adds what is new in a list for who has version `base`, or its files from number `start` on; whether there was room for it. */
  add(listed: Listed, patches: readonly Patch[], base: number, start: number): boolean {
    const told = toldOf(listed, base > 0 && start === 0 ? patchFrom(base, patches) : undefined, start);
    const bytes = sizeOfAll(told.shared, told.removed);
    // What stands around the first is not counted by `HITS_BYTES`.
    const isFirst = this.told.length === 0;
    const taken = this.#bytes + bytes + (isFirst ? 0 : sizeOfHead(told.head));
    if (!isFirst && (told.more || taken > HITS_BYTES)) return false;
    this.told.push(told);
    this.#bytes = taken;
    return true;
  }
}

function toldOf(listed: Listed, patch: Patch | undefined, start: number): Told {
  const { head, shared } = listed;
  if (shared === undefined) return { head, shared: [] };
  if (patch !== undefined) return { head, base: patch.base, removed: [...patch.removed], shared: [...patch.put] };
  const part = partOf(shared, start);
  // What is sent is read only: a whole list goes as it is kept.
  if (part === shared) return listed as Told;
  return { head, shared: part as SharedFile[], start, ...(start + part.length < shared.length && { more: true as const }) };
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

/** Heads that their owners signed, whoever found that out. */
const signed = new WeakSet<Head>();

/** Whether it is what its owner says, and that is a member. */
export function isGenuineHead(head: Head, view: View): boolean {
  const { contact, keys, signature } = head;
  if (!view.trusts(contact)) return false;
  if (!signed.has(head) && view.seal.isSigned(contact.peer, keys, headText(head), signature)) signed.add(head);
  return signed.has(head);
}

/** What the head of a list takes in a message besides what people and machines are called: ids, keys, signatures, and what holds all of it together. */
const HEAD_BYTES = 700;
/** What a file takes in a message besides its name and title: its root, its numbers, and what holds them together. */
const FILE_BYTES = 230;

// No character of a name or a title takes more than three bytes for each of its code units, escaped or not.
function sizeOfHead({ contact: { name, host, network, account = '' } }: Head): number {
  return (name.length + host.length + network.length + account.length) * 3 + HEAD_BYTES;
}

function sizeOfAll(files: readonly SharedFile[], removed: readonly string[] = []): number {
  return files.reduce((sum, file) => sum + sizeOf(file), 0) + removed.reduce((sum, name) => sum + name.length * 3, 0);
}

function sizeOf({ name, title = '', number = '' }: SharedFile): number {
  return (name.length + title.length + number.length) * 3 + FILE_BYTES;
}

// By code units, so that the order is the same on every machine.
function byName(one: SharedFile, other: SharedFile): number {
  return one.name < other.name ? -1 : 1;
}
