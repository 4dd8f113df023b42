/**
 * A narrow place between a member and whoever it is linked with: what the member says may be made to go through a byte a
 * second, and what it hears to wait. The links on both sides of it are real.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Address, Purpose, Transport } from '../../lib/net/transport.ts';
import { transport } from './member.ts';
import { HOST } from './processes.ts';

export const BYTE_MS = 1_000;

export class Narrows {
  readonly #purpose: Purpose;
  /** Of each connection of that purpose: the socket to the far end, and the one to the member. */
  readonly #pairs: (readonly [Socket, Socket])[] = [];
  readonly #servers: Server[] = [];
  readonly #drips: NodeJS.Timeout[] = [];
  #isDripping = false;

  /** @param purpose Which links go through it. */
  constructor(purpose: Purpose) {
    this.#purpose = purpose;
  }

  /** For the member. */
  get transport(): Transport {
    return {
      listen: async (address, purposes, onLink) => {
        const inner = await transport.listen({ host: HOST, port: 0 }, purposes, onLink);
        const port = await this.#between(address.port, inner.address, false);
        return { address: { host: HOST, port }, expect: inner.expect, close: () => this.#close().then(() => inner.close()) };
      },
      callBack: transport.callBack,
      dial: async (address, purpose, signal) => {
        if (purpose !== this.#purpose) return transport.dial(address, purpose, signal);
        return transport.dial({ host: HOST, port: await this.#between(0, address, true) }, purpose, signal);
      },
    };
  }

  /** From now on a byte a second of what the member says gets through, on each link. */
  drip(): void {
    if (this.#isDripping) return;
    this.#isDripping = true;
    for (const [, own] of this.#pairs) this.#dripFrom(own);
  }

  #dripFrom(own: Socket): void {
    own.pause();
    this.#drips.push(setInterval(() => own.read(1), BYTE_MS));
  }

  /** From now on the member reads nothing. */
  stopReading(): void {
    for (const [far] of this.#pairs) far.pause();
  }

  async #between(port: number, to: Address, isDialled: boolean): Promise<number> {
    const server = createServer((near) => {
      const beyond = connect(to.port, HOST);
      for (const [from, into] of [
        [near, beyond],
        [beyond, near],
      ] as const) {
        from.on('data', (bytes) => into.write(bytes));
        from.on('error', () => undefined).once('close', () => into.destroy());
      }
      const pair = isDialled ? ([beyond, near] as const) : ([near, beyond] as const);
      near.once('data', (bytes) => {
        if (!bytes.toString('latin1').startsWith(`GET /${this.#purpose} `)) return;
        this.#pairs.push(pair);
        if (this.#isDripping) this.#dripFrom(pair[1]);
      });
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(port, HOST, resolve));
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : port;
  }

  async #close(): Promise<void> {
    for (const drip of this.#drips) clearInterval(drip);
    for (const socket of this.#pairs.flat()) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
