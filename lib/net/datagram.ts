/**
 * UDP, one datagram to ask and one to answer: how peers of seed 004 fetch files. The only user of `node:dgram`.
 *
 * Anybody can write any sender's address on a datagram. So who answers must know beforehand that the asker is where it says, or
 * it sends a stranger's victim more than the stranger sent; and who asks hears nobody but the one it asked.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { FloodmeshError, named } from '../errors.ts';
import { shown } from '../protocol/names.ts';
import type { Address } from './transport.ts';

/** What answers a datagram from a host; undefined for nothing. */
export type AnswerDatagram = (datagram: Uint8Array, from: string) => Uint8Array | undefined;

export interface DatagramPort {
  /** Settles when the port is free again. */
  close(): Promise<void>;
}

/** Answers datagrams at an IPv4 address, each with one at most, until `close`. @throws PORT_TAKEN, UNREACHABLE. */
export async function answerDatagrams({ host, port }: Address, answer: AnswerDatagram): Promise<DatagramPort> {
  const socket = createSocket('udp4');
  socket.on('message', (datagram, { address, port: back }) => {
    // Nobody can be answered at port 0, which a made-up sender may have.
    const said = back === 0 ? undefined : answer(datagram, address);
    // Whether it arrives nobody knows, and the asker asks again.
    if (said !== undefined) socket.send(said, back, address, ignore);
  });
  try {
    socket.bind(port, host);
    await once(socket, 'listening');
  } catch (thrown) {
    socket.close();
    throw named(thrown);
  }
  socket.on('error', ignore);
  let closing: Promise<void> | undefined;
  return {
    close() {
      closing ??= closed(socket);
      return closing;
    },
  };
}

/**
 * What `host`, the IPv4 address of one machine, answers to one datagram; what anybody else sends, or it from another port, is not heard.
 * @throws TIMED_OUT after `withinMs`; UNREACHABLE, when nobody is there, or could be; CANCELLED, or what `signal` fires with.
 */
export async function askByDatagram({ host, port }: Address, question: string, withinMs: number, signal: AbortSignal): Promise<Uint8Array> {
  if (!isOneMachine(host)) throw new FloodmeshError('UNREACHABLE', `${shown(host)} is not the IPv4 address of one machine`);
  const socket = createSocket('udp4');
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const late = setTimeout(() => reject(new FloodmeshError('TIMED_OUT', `nothing came within ${withinMs / 1_000} s`)), withinMs);
  const giveUp = () => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  const failed = (cause: Error) => reject(new FloodmeshError('UNREACHABLE', cause.message, undefined, { cause }));
  socket.once('error', failed).once('message', resolve);
  try {
    signal.throwIfAborted();
    // A connected socket: the system drops what comes from elsewhere, and tells when nobody is there.
    socket.connect(port, host, (error?: Error) => (error ? failed(error) : socket.send(question, ignore)));
    return await promise;
  } catch (thrown) {
    throw named(thrown);
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', giveUp);
    socket.on('error', ignore);
    await closed(socket);
  }
}

/** Neither every address of a machine, nor a group of them (224.0.0.0 and above). */
function isOneMachine(host: string): boolean {
  const [first = 0] = isIPv4(host) ? host.split('.').map(Number) : [];
  return first > 0 && first < 224;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(resolve));
}

function ignore(): void {}
