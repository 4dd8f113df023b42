/** Members that hold small contents, each a port of its own, and what the index says of them. */
import type { Test } from 'tap';
import { sha256 } from '../../../../lib/disk/digest.ts';
import type { Link } from '../../../../lib/net/transport.ts';
import { webSocketTransport } from '../../../../lib/net/websocket.ts';
import { parseTransferMessage } from '../../../../lib/protocol/codec.ts';
import { peerId, type Root } from '../../../../lib/protocol/ids.ts';
import type { Entry, Holding } from '../../../../lib/registry/catalog-store.ts';
import type { Lease } from '../../../../lib/registry/lease.ts';
import { Tree } from '../../../../lib/transfer/merkle.ts';

export const HOST = '127.0.0.1';
export const transport = webSocketTransport();

export function rootOfBytes(content: Uint8Array): Root {
  const tree = new Tree(content.length, sha256);
  if (content.length > 0) tree.add(content);
  return tree.identity().root;
}

/** What a member does with who asks for contents, given their roots. */
export type Conduct = (link: Link, roots: readonly Root[]) => void;

export const sends =
  (content: Uint8Array): Conduct =>
  (link) =>
    void link.sendBytes(content);

/** A member's port; `asked` counts who came, `open` who is still there. */
export async function member(t: Test, conduct: Conduct) {
  const counts = { asked: 0, open: 0 };
  const listener = await transport.listen({ host: HOST, port: 0 }, ['content'], (link) => {
    counts.asked += 1;
    counts.open += 1;
    link.attach({
      text(text) {
        const request = parseTransferMessage(text);
        if (request.type === 'contents') conduct(link, request.roots);
      },
      closed: () => {
        counts.open -= 1;
      },
    });
  });
  t.teardown(() => listener.close());
  return { port: listener.address.port, counts };
}

/** What the index says: who listens at `port` has this content at `name`. */
export function holding(port: number, name: string, content: Uint8Array, changed: Partial<Entry> = {}): Holding {
  const lease: Lease = {
    ...{ serial: port, network: 'p2p', port, host: HOST, peer: peerId('peer-number1'), name: 's1', foldedName: 's1', cookieHash: '' },
    ...{ state: 'listening', verified: 1, expiresAt: 0, joinedAt: 0, joinedCount: 1, firstJoinedAt: 0, account: undefined },
  };
  const entry = { name, hash: rootOfBytes(content), bytes: content.length, ...changed };
  return { entry, holder: { type: 'member', lease, account: undefined } };
}
