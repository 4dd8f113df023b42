/** One transfer: what is wanted, how far it has come, and what is asked of it meanwhile: to pause, to go on, to end. */
import { FloodmeshError, named } from '../errors.ts';
import type { PeerId } from '../protocol/ids.ts';
import { shown } from '../protocol/names.ts';
import type { Holds, PeerEvent, TransferState, TransferStatus } from '../trace.ts';
import type { Content } from './choice.ts';
import { Rate } from './rate.ts';

export interface TransferParts {
  /** Counted from 1 in one process: the order of asking, and what a person calls it by. */
  readonly number: number;
  /** The name that was asked for. */
  readonly asked: string;
  readonly emit: (event: PeerEvent) => void;
  /** Its place in line, 1 being the next; undefined when it is not in line. */
  readonly place: () => number | undefined;
  /** Each of them ends it, with its reason. */
  readonly ends: readonly AbortSignal[];
}

export class Transfer {
  readonly number: number;
  readonly asked: string;
  /** When it was asked for, in milliseconds that never go back. */
  readonly began = performance.now();
  readonly #parts: TransferParts;
  readonly #cancelling = new AbortController();
  readonly #ended: AbortSignal;
  readonly #bytesFrom = new Map<PeerId, number>();
  #content: Content | undefined;
  #state: TransferState = 'searching';
  /** The last state that was told: of what goes its ordinary way nothing is. */
  #told: TransferState = 'running';
  #verified = 0;
  #fetched = 0;
  #rate: Rate | undefined;
  #step = new AbortController();
  #paused: PromiseWithResolvers<void> | undefined;

  constructor(parts: TransferParts) {
    this.#parts = parts;
    this.number = parts.number;
    this.asked = parts.asked;
    this.#ended = AbortSignal.any([...parts.ends, this.#cancelling.signal]);
  }

  // --- what it is -----------------------------------------------------------------------------------------------------

  get content(): Content | undefined {
    return this.#content;
  }

  set content(content: Content) {
    this.#content = content;
  }

  /** What the folder that is fetched holds. */
  set holds(holds: Holds) {
    if (this.#content !== undefined) this.#content = { ...this.#content, holds };
  }

  get name(): string {
    return this.#content?.name ?? this.asked;
  }

  get status(): TransferStatus {
    const place = this.#state === 'queued' ? this.#parts.place() : undefined;
    return {
      number: this.number,
      name: this.name,
      state: this.#state,
      ...(place === undefined ? {} : { place }),
      files: this.#content?.holds?.files ?? 1,
      bytes: this.#content?.holds?.bytes ?? this.#content?.bytes ?? 0,
      verified: this.#verified,
      rate: this.#rate?.perSecond(performance.now()) ?? 0,
    };
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get isPaused(): boolean {
    return this.#paused !== undefined;
  }

  get isCancelled(): boolean {
    return this.#cancelling.signal.aborted;
  }

  /** Bytes that came over the wire and were right. */
  get fetched(): number {
    return this.#fetched;
  }

  /** Who sent how many of these. */
  get bytesFrom(): ReadonlyMap<PeerId, number> {
    return this.#bytesFrom;
  }

  emit(event: PeerEvent): void {
    this.#parts.emit(event);
  }

  // --- how it goes ----------------------------------------------------------------------------------------------------

  /** Fires when it is paused, or ends. */
  get signal(): AbortSignal {
    return AbortSignal.any([this.#ended, this.#step.signal]);
  }

  /** Fires when it ends, with why. */
  get ended(): AbortSignal {
    return this.#ended;
  }

  /** Another state begins. That it runs is told with the first byte, and only when something else was told before. */
  turnTo(state: TransferState): void {
    this.#state = state;
    if (state === 'running') this.#verified = 0; // what is there is looked at anew
    this.#rate = state === 'running' ? new Rate(performance.now()) : undefined;
    if (state === 'queued' || state === 'paused' || state === 'waiting') this.#tell(state);
  }

  /** So many bytes were there before. */
  kept(bytes: number): void {
    this.#verified += bytes;
  }

  /** So many bytes came over a socket, whatever they are good for: that is the pace of the wire. */
  received(bytes: number): void {
    this.#rate?.add(bytes, performance.now());
  }

  verified(bytes: number, peer: PeerId): void {
    this.#bytesFrom.set(peer, (this.#bytesFrom.get(peer) ?? 0) + bytes);
    this.#fetched += bytes;
    this.#verified += bytes;
    if (this.#state === 'running') this.#tell('running');
  }

  /** Tells how far it is. Once all is there that is not told any more: it is whole when it has its name. */
  tellProgress(): void {
    const { number, name, bytes, verified, rate } = this.status;
    if (verified < bytes) this.emit({ type: 'progress', number, name, bytes, verified, rate });
  }

  // --- what is asked of it --------------------------------------------------------------------------------------------

  pause(): void {
    if (this.isPaused) return;
    this.#paused = Promise.withResolvers();
    this.turnTo('paused');
    this.#step.abort(new FloodmeshError('CANCELLED', 'paused'));
  }

  /** It goes on when its turn comes. */
  continue(): void {
    this.#state = 'queued';
    this.#step = new AbortController();
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Ends it for good. */
  cancel(): void {
    this.#cancelling.abort(new FloodmeshError('CANCELLED', `${shown(this.name)} is cancelled, and nothing of it is kept`));
  }

  /** Settles when it is not paused any more. @throws what ends it. */
  continued(): Promise<void> {
    const { promise, reject } = Promise.withResolvers<void>();
    const abort = () => reject(named(this.#ended.reason));
    if (this.#ended.aborted) abort();
    this.#ended.addEventListener('abort', abort, { once: true });
    return Promise.race([promise, this.#paused?.promise]).finally(() => this.#ended.removeEventListener('abort', abort));
  }

  #tell(state: TransferState): void {
    if (state === this.#told) return;
    this.#told = state;
    this.emit({ type: 'transfer', ...this.status });
  }
}
