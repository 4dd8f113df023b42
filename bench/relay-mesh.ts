/**
 * The rival of `mesh`: bare `ws` peers that flood, in the shape that peers have: a ring mesh of degree six up to 64, above that
 * a random graph of degree five.
 *
 * Each has a server of its own and links with others. What comes is parsed, remembered by its id, and handed on to every other
 * neighbour; whoever has the file answers, and the answer goes back the way the question came. No more: nobody is asked
 * for sure, nobody says that nothing was found, nothing is checked, nothing is noticed when somebody goes.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import WebSocket, { WebSocketServer } from 'ws';

const REACH = 3;
const RING_MESH_MOST = 64;
const RANDOM_LINKS = 5;
/** Turns of the event loop in which nothing comes: then a flood is over. */
const QUIET_TURNS = 3;

interface Question {
  readonly id: number;
  readonly file?: string;
  readonly holder?: number;
}

class Relay {
  readonly #index: number;
  readonly #server: WebSocketServer;
  readonly #links = new Set<WebSocket>();
  readonly #seen = new Map<number, WebSocket | undefined>();
  readonly #waiting = new Map<number, () => void>();

  constructor(index: number) {
    this.#index = index;
    this.#server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, clientTracking: false });
    this.#server.on('connection', (link) => this.#take(link));
  }

  async listening(): Promise<number> {
    await new Promise((resolve) => this.#server.once('listening', resolve));
    return (this.#server.address() as { port: number }).port;
  }

  async dial(port: number): Promise<void> {
    const link = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    await new Promise((resolve, reject) => link.once('open', resolve).once('error', reject));
    this.#take(link);
  }

  ask(id: number, file: string): Promise<void> {
    this.#seen.set(id, undefined);
    const text = JSON.stringify({ id, file, filler: FILLER });
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      for (const link of this.#links) link.send(text);
    });
  }

  #take(link: WebSocket): void {
    this.#links.add(link);
    link.on('message', (data: Buffer) => this.#received(link, data.toString('utf8')));
  }

  #received(from: WebSocket, text: string): void {
    counts.messages += 1;
    const question = JSON.parse(text) as Question;
    if (question.holder !== undefined) return this.#answered(question.id, text);
    if (this.#seen.has(question.id)) return;
    this.#seen.set(question.id, from);
    if (question.file === `f${this.#index}.txt`) from.send(JSON.stringify({ id: question.id, holder: this.#index, filler: FILLER }));
    for (const link of this.#links) if (link !== from) link.send(text);
  }

  #answered(id: number, text: string): void {
    const back = this.#seen.get(id);
    if (back !== undefined) return back.send(text);
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
  }
}

/** What a query has besides its words: ids of those who are asked. */
const FILLER = 'x'.repeat(300);
const counts = { messages: 0 };
let questions = 0;

export class RelayMesh {
  readonly #relays: readonly Relay[];

  constructor(relays: readonly Relay[]) {
    this.#relays = relays;
  }

  static async start(size: number): Promise<RelayMesh> {
    const relays = Array.from({ length: size }, (_, index) => new Relay(index));
    const ports = await Promise.all(relays.map((relay) => relay.listening()));
    for (const [from, to] of size > RING_MESH_MOST ? randomLinks(size) : ringLinks(size)) await relays[from]?.dial(ports[to] ?? 0);
    return new RelayMesh(relays);
  }

  get messages(): number {
    return counts.messages;
  }

  /** The time from a question to its answer; settles when its flood is over, so that the next one meets a quiet mesh. */
  async time(asker: number, holder: number): Promise<number> {
    questions += 1;
    const began = performance.now();
    await this.#relays[asker]?.ask(questions, `f${holder}.txt`);
    const ms = performance.now() - began;
    for (let turns = 0, before = counts.messages; turns < QUIET_TURNS; turns++) {
      await immediate();
      if (counts.messages > before) turns = 0;
      before = counts.messages;
    }
    return ms;
  }
}

type Pair = readonly [number, number];

function* ringLinks(size: number): Generator<Pair> {
  const reach = Math.min(REACH, Math.floor((size - 1) / 2));
  for (let from = 0; from < size; from++) for (let step = 1; step <= reach; step++) yield [from, (from + step) % size];
}

/** Two circles and a pairing of all, each in an order by chance. */
function* randomLinks(size: number): Generator<Pair> {
  for (let links = 0; links < RANDOM_LINKS; links += 2) {
    const order = shuffled(size);
    const isPairing = links === RANDOM_LINKS - 1;
    for (const [index, from] of order.entries()) {
      if (!isPairing || index % 2 === 0) yield [from, order[(index + 1) % size] ?? 0];
    }
  }
}

function shuffled(size: number): number[] {
  return Array.from({ length: size }, (_, index) => ({ index, at: Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ index }) => index);
}
