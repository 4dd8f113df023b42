/**
 * Publishing: beside whatever strategy a network has, its peers keep the server's index up to date, where the server wants that.
 *
 * The whole list goes once, in as many messages as it takes, each a version of its own; after that only what changed. One
 * message is under way at a time, and goes again until it is answered: the server takes it once. A server that knows our version
 * (another of the same register, or the same after a cut) is told nothing again; one that does not wants the whole list.
 */
import { HITS_BYTES, PUBLISH_PAUSE_MS } from '../../config.ts';
import type { SharedFile } from '../../protocol/fields.ts';
import { type Inquiry, type InquiryAnswer, MAX_PUBLISHED } from '../../protocol/messages/server.ts';
import type { Mark } from '../changes.ts';
import type { MeshEffect, MeshEvent } from '../events.ts';
import type { Discovery, Underway, View } from './discovery.ts';
import { bytesOf } from './hits.ts';

type Publish = Extract<Inquiry, { type: 'publish' }>;

/** Under which the answers to what is published come. */
const ASK = 'publish';

export class Publishing implements Discovery {
  readonly #inner: Discovery;
  /** Up to where what we offer lies in `#removed` and `#put`, or is published. */
  #mark: Mark | undefined;
  #removed: readonly string[] = [];
  #put: readonly SharedFile[] = [];
  /** What the server knows, as far as we know; 0 before it knows anything. */
  #version = 0;
  /** Versions are given once. */
  #drawn = 0;
  /** Not answered yet, or to be sent again. */
  #message: Publish | undefined;
  #isUnderway = false;
  /** What the server may know of us is over, also when there is nothing in its place. */
  #isNew = false;
  /** The server may be another: does it know our version? */
  #isDoubtful = false;
  /** Nothing goes out before: the index has no room. */
  #pausedUntil = 0;

  constructor(inner: Discovery) {
    this.#inner = inner;
  }

  get name(): string {
    return this.#inner.name;
  }

  get underway(): Underway {
    return this.#inner.underway;
  }

  get surveys(): boolean {
    return this.#inner.surveys === true;
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    if (event.type === 'serverAnswered' && event.ask === ASK) return this.#answered(event.answer, view);
    const effects = this.#inner.handle(event, view);
    if (event.type === 'assigned') this.#isDoubtful = this.#version > 0;
    if (event.type === 'shared') this.#mark = undefined; // marks of one offer say nothing of another
    const isTime = event.type === 'referred' || (event.type === 'timerFired' && event.timer.of === 'pulse');
    return isTime ? [...effects, ...this.#publish(view)] : effects;
  }

  #publish(view: View): MeshEffect[] {
    if (this.#isUnderway || view.now < this.#pausedUntil) return [];
    this.#message ??= this.#next(view);
    if (this.#message === undefined) return [];
    this.#isUnderway = true;
    return [{ type: 'askServer', ask: ASK, request: this.#message }];
  }

  /** What there is to tell: whether we are known, the rest of what changed, what changed since. */
  #next(view: View): Publish | undefined {
    if (this.#isDoubtful) return { type: 'publish', base: this.#version, version: this.#version, removed: [], put: [] };
    if (this.#isDone) this.#look(view);
    if (this.#isDone && !this.#isNew) return undefined;
    const base = this.#version === 0 ? 'whole' : this.#version;
    this.#drawn += 1;
    const removed = fitting(this.#removed, (path) => path.length * 3, 0);
    const put = fitting(this.#put, bytesOf, removed.bytes);
    return { type: 'publish', base, version: this.#drawn, removed: removed.items, put: put.items };
  }

  get #isDone(): boolean {
    return this.#removed.length === 0 && this.#put.length === 0;
  }

  #look({ library }: View): void {
    const { mark, isWhole, removed, put } = library.changes(this.#mark);
    if (isWhole) this.#version = 0;
    this.#isNew ||= isWhole && this.#drawn > 0;
    this.#mark = mark;
    this.#removed = this.#version === 0 ? [] : removed;
    this.#put = put;
  }

  #answered(answer: InquiryAnswer | undefined, view: View): MeshEffect[] {
    const message = this.#message;
    this.#isUnderway = false;
    if (answer === undefined || message === undefined) return []; // the next pulse sends it again
    if (answer.type !== 'refused') this.#taken(message);
    else if (answer.code === 'LIST_UNKNOWN') this.#beginAnew();
    else if (answer.code === 'NAME_UNACCEPTABLE') this.#withoutFault(message);
    else {
      // Not a member for a moment; or the index is full.
      if (answer.code !== 'LEASE_UNKNOWN') this.#pausedUntil = view.now + PUBLISH_PAUSE_MS;
      return [];
    }
    return this.#publish(view);
  }

  #taken({ version, removed, put }: Publish): void {
    this.#isDoubtful = false;
    this.#isNew = false;
    this.#version = version;
    this.#removed = this.#removed.slice(removed.length);
    this.#put = this.#put.slice(put.length);
    this.#message = undefined;
  }

  #beginAnew(): void {
    this.#isDoubtful = false;
    this.#version = 0;
    this.#mark = undefined;
    this.#removed = [];
    this.#put = [];
    this.#message = undefined;
  }

  /** The index takes something in it for a fault, of which it does not say where it is: halves are tried, and one that is it is left out. */
  #withoutFault(message: Publish): void {
    const { removed, put } = message;
    if (put.length === 0) this.#removed = this.#removed.slice(removed.length);
    if (put.length <= 1) this.#put = this.#put.slice(put.length);
    this.#message = put.length > 1 ? { ...message, put: put.slice(0, Math.floor(put.length / 2)) } : undefined;
  }
}

/** As many of them, from the first on, as go into one message with what has these `bytes`. */
function fitting<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  bytes: number,
): { readonly items: Item[]; readonly bytes: number } {
  let count = 0;
  let sum = bytes;
  for (const item of items) {
    sum += bytesOf(item);
    if (count === MAX_PUBLISHED || sum > HITS_BYTES) break;
    count += 1;
  }
  return { items: items.slice(0, count), bytes: sum };
}
