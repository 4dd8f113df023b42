/** A peer that does what a test tells it to, and two streams that stand for a terminal. */
import { PassThrough } from 'node:stream';
import { FloodmeshError } from '../../lib/errors.ts';
import { peerId, rootOf } from '../../lib/protocol/ids.ts';
import type { ReplPeer } from '../../lib/repl/commands.ts';
import type { Downloaded, Found, Joined, PeerEvent, TransferStatus } from '../../lib/trace.ts';

export const HASH = rootOf('ab'.repeat(32));

export const F1: Found = { name: 'f1.txt', bytes: 1234, hash: HASH, peer: 's1' };

export const DOWNLOADED: Downloaded = {
  name: 'f1.txt',
  path: 'Downloads/s5/f1.txt',
  bytes: 1234,
  fetched: 1234,
  hash: HASH,
  providers: [{ peer: 's1', bytes: 1234 }],
  ms: 12,
};

/** A transfer under way. */
export const RUNNING: TransferStatus = {
  number: 1,
  name: 'film.mkv',
  state: 'running',
  files: 1,
  bytes: 10_000_000,
  verified: 6_200_000,
  rate: 3_100_000,
};

export const JOINED: Joined = { name: 's5', peer: peerId('peer-number5'), port: 9004, referral: 's1' };

/** A network of two. */
export const PLACED = [
  { peer: peerId('peer-number1'), name: 's1', port: 9000, neighbors: ['s5'] },
  { peer: JOINED.peer, name: 's5', port: 9004, neighbors: ['s1'] },
];

export interface Script {
  readonly peer: ReplPeer;
  /** What was asked of the peer, in order. */
  readonly asked: string[];
  /** Tells an event, as the peer would. */
  tell(event: PeerEvent): void;
  /** Ends the peer, as another peer's Stop would. */
  end(how: 'left' | 'stopped'): void;
}

/** A peer that has `f1`, fails `gone`, and holds on to `slow` until it is cancelled; `changes` replace its ways. */
export function scripted(changes: Partial<ReplPeer> = {}): Script {
  const listeners = new Set<(event: PeerEvent) => void>();
  const asked: string[] = [];
  const ended = Promise.withResolvers<'left' | 'stopped'>();
  const tell = (event: PeerEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const peer: ReplPeer = {
    ended: ended.promise,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async start() {
      tell({ type: 'joined', ...JOINED });
      return JOINED;
    },
    async *search(text, options) {
      asked.push(`search ${text}${options?.peer === undefined ? '' : ` at ${options.peer}`}`);
      if (F1.name.includes(text)) yield F1;
      return { asked: 4, silent: 0 };
    },
    async get(name, options) {
      asked.push(options?.by === undefined ? `get ${name}` : `get ${name} by ${options.by}`);
      if (name === 'slow') await cancelled(options?.signal);
      if (name === 'gone') throw new FloodmeshError('HOLDERS_GONE', 'every holder went away', 'ask again later');
      if (name !== 'f1') {
        options?.told?.({ type: 'notFound', name, asked: 9, silent: 0 });
        throw new FloodmeshError('NOT_FOUND', `nobody has ${name}`);
      }
      options?.told?.({ type: 'found', ...F1 });
      tell({ type: 'downloaded', ...DOWNLOADED });
      return { type: 'downloaded', ...DOWNLOADED };
    },
    async resume(options) {
      asked.push('resume');
      options?.each?.({ type: 'downloaded', ...DOWNLOADED });
      return [{ type: 'downloaded', ...DOWNLOADED }];
    },
    transfers() {
      return [];
    },
    pause(which) {
      asked.push(`pause ${which}`);
      return [{ ...RUNNING, state: 'paused' }];
    },
    continue(which) {
      asked.push(`continue ${which}`);
      return [RUNNING];
    },
    async cancel(which) {
      asked.push(`cancel ${which}`);
      return [{ ...RUNNING, state: 'cancelled' }];
    },
    limit(limits) {
      asked.push(`limit ${JSON.stringify(limits, (_key, value) => value ?? null)}`);
      return { up: 2_000_000 };
    },
    async *survey() {
      yield PLACED;
      return undefined;
    },
    async peers(which) {
      asked.push(`peers ${which}`);
      return { fromServer: true, peers: [] };
    },
    async share(path) {
      return `files/s5/${path}`;
    },
    status() {
      return {
        joined: JOINED,
        serverReachable: true,
        peersKnown: 1,
        neighbors: ['s1'],
        shared: {
          folder: 'files/s5',
          files: 2,
          bytes: 2048,
          pending: 1,
          skipped: [{ name: '.secret', why: 'it is hidden' }],
          warnings: [],
        },
        downloads: { folder: 'Downloads/s5', files: 1, shared: false, unfinished: [{ name: 'film.mkv', bytes: 734_003_200, pieces: 200 }] },
        transfers: { serving: 0, fetching: 0, limits: {}, list: [] },
      };
    },
    isLoggedIn: true,
    async changePassword(old, next) {
      asked.push(`changePassword ${old} ${next}`);
    },
    async logout() {
      asked.push('logout');
      ended.resolve('left');
    },
    async leave() {
      asked.push('leave');
      ended.resolve('left');
    },
    async stop() {
      asked.push('stop');
      ended.resolve('stopped');
    },
    ...changes,
  };
  return { peer, asked, tell, end: ended.resolve };
}

/** Rejects when `signal` fires, and not before. */
export function cancelled(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
}

export interface FakeTerminal {
  readonly input: PassThrough & { isTTY: boolean };
  readonly output: PassThrough & { isTTY: boolean; columns: number };
  /** Everything written so far. */
  written(): string;
  /** Resolves when `text` has been written; the test's own time limit ends a vain wait. */
  until(text: string): Promise<void>;
  /** Types `keys`. */
  type(keys: string): void;
}

export function fakeTerminal({ isTTY = true }: { isTTY?: boolean } = {}): FakeTerminal {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  let written = '';
  output.setEncoding('utf8');
  output.on('data', (text: string) => {
    written += text;
  });
  return {
    input,
    output,
    written: () => written,
    type: (keys) => void input.write(keys),
    until: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!written.includes(text)) return;
          output.off('data', look);
          resolve();
        };
        output.on('data', look);
        look();
      }),
  };
}
