/** As much of a peer as a metadata server can see: a line, a port, a hello. Thousands fit into one process. */
import { randomInt } from 'node:crypto';
import { Identity } from '../../lib/net/identity.ts';
import type { Address, Listener } from '../../lib/net/transport.ts';
import { webSocketTransport } from '../../lib/net/websocket.ts';
import { ServerLine } from '../../lib/peer/line.ts';
import { encode, PROTOCOL } from '../../lib/protocol/codec.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { rootOf } from '../../lib/protocol/ids.ts';
import type { Member, ServerAnswer } from '../../lib/protocol/messages/server.ts';

type Place = Extract<ServerAnswer, { type: 'assigned' }>;

const HOST = '127.0.0.1';
/** Below those that systems give to whoever dials: such a one would be taken again at any moment. */
const [FIRST_PORT, LAST_PORT] = [10_000, 32_000];
/** What a peer asks again after: on a busy machine a dial back, a database or an answer may be late. */
export const LATE: ReadonlySet<string> = new Set(['NOT_LISTENING', 'STORE_AWAY', 'TIMED_OUT']);
const transport = webSocketTransport();

/** Ports that are free just now, and that nobody is given by chance: a pool for many rounds. */
export async function freePool(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let port = randomInt(FIRST_PORT, LAST_PORT); ports.length < count; port++) if (await isFree(port)) ports.push(port);
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return transport
    .listen({ host: HOST, port }, [], () => undefined)
    .then(
      (listener) => listener.close().then(() => true),
      () => false,
    );
}

export class Joiner {
  readonly name: string;
  readonly #host: string;
  readonly #network: string;
  readonly #identity = new Identity();
  #line: ServerLine | undefined;
  #doorway: Listener | undefined;
  #place: Place | undefined;

  constructor(name: string, { host = HOST, network = 'p2p' } = {}) {
    this.name = name;
    this.#host = host;
    this.#network = network;
  }

  get peer() {
    return this.#identity.peer;
  }

  /** The last place that a server acknowledged. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** Asks for a place, for the one it had if it had one. @throws what the server refuses with, UNREACHABLE. */
  async ask(server: Address): Promise<Place> {
    this.#line?.close();
    this.#line = await ServerLine.open(transport, server);
    const earlier = this.#place === undefined ? {} : { cookie: this.#place.cookie, port: this.#place.contact.port };
    const about = { network: this.#network, peer: this.peer, name: this.name, host: this.#host };
    return this.#took(await this.#line.ask({ type: 'join', protocol: PROTOCOL, ...about, ...earlier }));
  }

  /** Listens on its port and has itself dialled back; whom the server names. @throws as `ask`. */
  async listen(): Promise<Contact | null> {
    const { port } = this.#contact;
    if (this.#doorway?.address.port !== port) await this.#open();
    const answer = await this.#asked({ type: 'listening' });
    return answer.type === 'referred' ? answer.referral : null;
  }

  /** The whole way in. @throws as `ask`. */
  async join(server: Address): Promise<Contact | null> {
    await this.ask(server);
    return this.listen();
  }

  /** Says that its port is of no use; the next one. @throws as `ask`. */
  async refusePort(): Promise<Place> {
    return this.#took(await this.#asked({ type: 'portTaken', port: this.#contact.port }));
  }

  /** @throws as `ask`. */
  async renew(): Promise<void> {
    await this.#asked({ type: 'renew', cookie: this.#place?.cookie ?? '' });
  }

  /** Publishes one file more than `version - 1` had, or the whole list, if it is the first. @throws as `ask`. */
  async publish(version: number): Promise<void> {
    const put = [{ name: `file ${version}`, bytes: 1, root: rootOf('0f'.repeat(32)) }];
    await this.#asked({ type: 'publish', base: version === 1 ? 'whole' : version - 1, version, removed: [], put });
  }

  /** Who is in its network, as its server says. @throws as `ask`. */
  async peers(): Promise<readonly Member[]> {
    const answer = await this.#asked({ type: 'listPeers', which: 'online' });
    return answer.type === 'peerList' ? answer.peers : [];
  }

  /** Gives its place back; its port is shut then. @throws as `ask`. */
  async leave(): Promise<void> {
    await this.#asked({ type: 'leave', cookie: this.#place?.cookie ?? '' });
    await this.die();
  }

  /** Its process is gone: line and port. */
  async die(): Promise<void> {
    this.#line?.close();
    await Promise.all([this.#line?.closed, this.#doorway?.close()]);
    this.#line = undefined;
    this.#doorway = undefined;
  }

  get #contact(): Contact {
    if (this.#place === undefined) throw new Error('it has no place yet');
    return this.#place.contact;
  }

  async #open(): Promise<void> {
    await this.#doorway?.close();
    const { host, port } = this.#contact;
    this.#doorway = await transport.listen({ host, port }, ['mesh'], (link) => {
      link.attach({ text: () => undefined, closed: () => undefined });
      link.send(encode({ type: 'hello', protocol: PROTOCOL, contact: this.#contact, keys: this.#identity.keys, nonce: 'n'.repeat(22) }));
    });
  }

  #took(answer: ServerAnswer): Place {
    if (answer.type !== 'assigned') throw new Error(`no place: ${JSON.stringify(answer)}`);
    this.#place = answer;
    return answer;
  }

  #asked(question: Parameters<ServerLine['ask']>[0]): Promise<ServerAnswer> {
    if (this.#line === undefined) throw new Error('it has no line to a server');
    return this.#line.ask(question);
  }
}
