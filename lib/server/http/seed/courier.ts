/** Fetches a small content of one member, as any asker would, and proves it: what is not what its root says is nothing. */
import { sha256 } from '../../../disk/digest.ts';
import type { Link, Transport } from '../../../net/transport.ts';
import { encode } from '../../../protocol/codec.ts';
import type { Root } from '../../../protocol/ids.ts';
import { Tree } from '../../../transfer/merkle.ts';

/** A content of one piece at most, and where a member that holds it listens. */
export interface Wanted {
  readonly host: string;
  readonly port: number;
  readonly root: Root;
  readonly bytes: number;
}

/** Its bytes; undefined, when the member cannot be reached, does not have it, sends something else, or `signal` fires before. */
export async function brought(dial: Transport['dial'], wanted: Wanted, signal: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    const link = await dial({ host: wanted.host, port: wanted.port }, 'content', signal);
    const bytes = await answered(link, wanted, signal);
    return bytes !== undefined && isOf(wanted, bytes) ? bytes : undefined;
  } catch {
    return undefined; // it is all the same to who cannot have it
  }
}

// Settles when the link is closed, so that nothing of it is left.
function answered(link: Link, { root }: Wanted, signal: AbortSignal): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    let bytes: Uint8Array | undefined;
    const close = () => link.close('done');
    signal.addEventListener('abort', close, { once: true });
    link.attach({
      text: close, // it does not have it, or refuses
      bytes: (came) => {
        bytes ??= came;
        close();
      },
      closed: () => {
        signal.removeEventListener('abort', close);
        resolve(bytes);
      },
    });
    link.send(encode({ type: 'contents', roots: [root] }));
    if (signal.aborted) close();
  });
}

function isOf({ root, bytes }: Wanted, came: Uint8Array): boolean {
  if (came.length !== bytes) return false;
  const tree = new Tree(bytes, sha256);
  tree.add(came);
  return tree.identity().root === root;
}
