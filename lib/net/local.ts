/** Connections between processes of one user on one machine: Unix domain sockets, which only their owner can open. */
import { createConnection, createServer, type Socket } from 'node:net';
import { FloodmeshError, named } from '../errors.ts';

export interface LocalListener {
  /** Takes nobody any more; settles when all callers are gone. The socket's file is gone, too. */
  close(): Promise<void>;
}

/**
 * Listens at `path`, in a folder that exists. A caller that has sent all that it wants may still wait for its answer.
 * @throws PORT_TAKEN, when there is a file at `path`, of a living process or a dead one; DISK_FAILED.
 */
export async function listenLocally(path: string, onCaller: (caller: Socket) => void): Promise<LocalListener> {
  const server = createServer({ allowHalfOpen: true }, onCaller);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(named(error)));
    // A socket's file has the mode that it is made with.
    const mask = process.umask(0o177);
    server.listen(path, resolve);
    process.umask(mask);
  });
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Calls whoever listens at `path`. @throws UNREACHABLE, when nobody does. */
export function callLocally(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (cause) => reject(new FloodmeshError('UNREACHABLE', `nobody listens at ${path}`, undefined, { cause })));
  });
}

/** Whether somebody listens at `path`. */
export async function isListening(path: string): Promise<boolean> {
  try {
    (await callLocally(path)).destroy();
    return true;
  } catch {
    return false;
  }
}
