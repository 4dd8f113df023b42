/** Hits as they travel: so many in a message that it stays one. */
import { HITS_BYTES } from '../../config.ts';
import { MAX_HITS, type Provider, type SharedFile } from '../../protocol/fields.ts';
import type { PeerId } from '../../protocol/ids.ts';

/** What a provider takes in a message besides its name: its peer, its root, its numbers, and what holds them together. */
const PROVIDER_BYTES = 256;

/** The `files` of `peer` as providers, in groups of which each fits into one message. */
export function* inMessages(peer: PeerId, files: readonly SharedFile[]): Generator<Provider[], undefined, undefined> {
  let group: Provider[] = [];
  let bytes = 0;
  for (const file of files) {
    const more = bytesOf(file);
    if (group.length === MAX_HITS || bytes + more > HITS_BYTES) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push({ peer, ...file });
    bytes += more;
  }
  if (group.length > 0) yield group;
}

/** What a file takes in a message, at most: no character of a name or a title takes more than three bytes for each of its code units, escaped or not. */
export function bytesOf({ name, title = '', number = '' }: SharedFile): number {
  return (name.length + title.length + number.length) * 3 + PROVIDER_BYTES;
}
