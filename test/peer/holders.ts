/** Contents, and holders that serve them over real links: well, or as badly as a test wants. */
import { hash } from 'node:crypto';
import type { Test } from 'tap';
import type { Link, Listener } from '../../lib/net/transport.ts';
import { encode, parseTransferMessage } from '../../lib/protocol/codec.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';
import { type Identity, Tree } from '../../lib/transfer/merkle.ts';
import { PIECE_BYTES, pieceCount, pieceRange } from '../../lib/transfer/pieces.ts';
import { HOST, type Scripted, type Stage, transport } from './cast.ts';

export interface Made extends Identity {
  readonly bytes: number;
  readonly content: Uint8Array;
}

/** A content of so many bytes, no two pieces of which are equal. */
export function made(bytes: number): Made {
  const content = Uint8Array.from({ length: bytes }, (_, at) => at * 31 + (at >> 8) * 7 + (at >> 16));
  return identified(content);
}

export function identified(content: Uint8Array): Made {
  const tree = new Tree(content.length, (part) => hash('sha256', part, 'buffer'));
  for (let index = 0; index < pieceCount(content.length); index++) tree.add(piece(content, index));
  return { ...tree.identity(), bytes: content.length, content };
}

export function piece(content: Uint8Array, index: number): Uint8Array {
  const { start, end } = pieceRange(content.length, index);
  return content.subarray(start, end);
}

export const LARGE = 3 * PIECE_BYTES + 5;

export interface Behaviour {
  /** What it says instead of `opened`. */
  readonly opens?: (link: Link) => void;
  readonly layer?: Uint8Array;
  /** What is sent as piece `index`; undefined sends nothing more. */
  readonly piece?: (index: number, link: Link) => Uint8Array | undefined;
  /** Called when all of a request was sent. */
  readonly after?: (link: Link) => void;
}

/** Serves `made` over a link that was dialled for it; answers which pieces it was asked for. */
export function serve(link: Link, { content, bytes, layer }: Made, behaviour: Behaviour = {}): number[] {
  const asked: number[] = [];
  link.attach({
    text: (text) => {
      const message = parseTransferMessage(text);
      if (message.type === 'open') {
        if (behaviour.opens !== undefined) return behaviour.opens(link);
        link.send(encode({ type: 'opened', bytes }));
        if (pieceCount(bytes) > 1) void link.sendBytes(behaviour.layer ?? layer);
      }
      if (message.type !== 'pieces') return;
      for (let index = message.first; index < message.first + message.count; index++) {
        asked.push(index);
        const sent = behaviour.piece === undefined ? piece(content, index) : behaviour.piece(index, link);
        if (sent === undefined) return;
        void link.sendBytes(sent);
      }
      behaviour.after?.(link);
    },
    closed: () => undefined,
  });
  return asked;
}

export interface Holder {
  readonly peer: PeerId;
  readonly contact: Contact;
  readonly asked: number[];
  readonly listener: Listener;
  /** Whether somebody dialled. */
  dials: number;
}

/** A holder at a port of its own. */
export async function holder(t: Test, name: string, content: Made, behaviour: Behaviour = {}): Promise<Holder> {
  const asked: number[] = [];
  const listener = await transport.listen({ host: HOST, port: 0 }, ['content'], (link) => {
    const found = serve(link, content, {
      ...behaviour,
      piece: (index, over) => {
        asked.push(index);
        return behaviour.piece === undefined ? piece(content.content, index) : behaviour.piece(index, over);
      },
    });
    self.dials += 1;
    return found;
  });
  t.teardown(() => listener.close());
  const peer = peerId(name.padEnd(12, '_'));
  const self: Holder = {
    peer,
    asked,
    listener,
    dials: 0,
    contact: { peer, name, host: HOST, port: listener.address.port, network: 'p2p', serial: 1, signature: '' },
  };
  return self;
}

/** A scripted member that has `content` as f1.txt, and serves it as it likes. */
export async function holding(on: Stage, name: string, content: Made, behaviour: Parameters<typeof serve>[2] = {}): Promise<Scripted> {
  return on.scripted(name, {
    content: (link) => void serve(link, content, behaviour),
    received: (message, from, self) => {
      if (message.type !== 'query') return;
      const { query } = message;
      self.say(from, { type: 'hits', query, providers: [{ peer: self.peer, name: 'f1.txt', bytes: content.bytes, root: content.root }] });
      self.echo(from, message);
    },
  });
}
