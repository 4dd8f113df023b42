/**
 * The transfers of a peer: finding what a name means, choosing among contents, and bringing them, so many at once. Each has
 * a life: it is searched for, may have to queue, runs, may be paused, and may wait for holders when none is left.
 */
import { FETCH_TICK_MS, MORE_HOLDERS_MS, SEARCHES_AT_ONCE } from '../config.ts';
import type { Unfinished } from '../disk/journal.ts';
import { FloodmeshError, named } from '../errors.ts';
import type { Provider, Want } from '../protocol/fields.ts';
import { type PeerId, rootOf } from '../protocol/ids.ts';
import type { Foreign } from '../protocol/messages/server.ts';
import { shown, stem } from '../protocol/names.ts';
import { NUMBER_LENGTH, TITLE_LENGTH, titled, titleFault } from '../protocol/titles.ts';
import type { AlreadyHere, Downloaded, PeerEvent, TransferStatus } from '../trace.ts';
import { areGone, likeliest } from './attempts.ts';
import { type Choice, type Content, chosen, contents } from './choice.ts';
import { type DeliveryParts, deliver } from './delivery.ts';
import { bounded, type Finder, type Holders } from './finder.ts';
import { bringForeign, type ForeignContent, foreignMeant } from './foreign.ts';
import type { Here } from './shelves.ts';
import { Transfer } from './transfer.ts';
import { Turns } from './turns.ts';

/** What a get of a file came to. */
export type Outcome = ({ readonly type: 'downloaded' } & Downloaded) | ({ readonly type: 'alreadyHere' } & AlreadyHere);

/** What going on with an unfinished download came to. */
export type Resumed = Outcome | { readonly type: 'failed'; readonly name: string; readonly error: FloodmeshError };

/** How a transfer is to go. */
export interface TransferOptions {
  readonly signal?: AbortSignal;
  /** When no holder is left, wait until there is one, instead of failing with HOLDERS_GONE. Default false. */
  readonly patient?: boolean;
  /** Is told what concerns this transfer: `found`, `offers`, `notFound`, `progress`, `holderLost`, `transfer`. */
  readonly told?: (event: PeerEvent) => void;
}

/** What a get fetches: of several contents the one of `choice`, found by its name or `by` its number or words of its title. */
export interface GetOptions extends TransferOptions {
  readonly choice?: Choice;
  readonly by?: 'number' | 'words';
}

export interface TransfersParts extends Omit<DeliveryParts, 'watchForHolders'> {
  readonly self: PeerId;
  readonly finder: Finder;
  readonly nameOf: (peer: PeerId) => string;
  readonly emit: (event: PeerEvent) => void;
  /** Fires when the peer ends. */
  readonly ending: AbortSignal;
  /** How many run at once. */
  readonly atOnce: number;
}

export class Transfers {
  readonly #parts: TransfersParts;
  /** Those that are not over, by number, and what settles when they are. */
  readonly #live = new Map<Transfer, Promise<unknown>>();
  readonly #searching = new Turns(SEARCHES_AT_ONCE);
  readonly #running: Turns;
  #last = 0;

  constructor(parts: TransfersParts) {
    this.#parts = parts;
    this.#running = new Turns(parts.atOnce);
  }

  /** How many contents are being fetched. */
  get count(): number {
    return [...this.#live.keys()].filter(({ isRunning }) => isRunning).length;
  }

  /** Those that are not over, in the order in which they were asked for. */
  get list(): readonly TransferStatus[] {
    return Array.from(this.#live.keys(), ({ status }) => status);
  }

  /** What an earlier attempt left and no transfer is at. */
  get unfinished(): readonly Unfinished[] {
    return this.#parts.shelves.downloads.unfinished.filter((left) => this.#at(left) === undefined);
  }

  /** Finds and fetches, as `Peer.get` says. */
  async get(name: string, { choice, by, ...options }: GetOptions): Promise<Outcome> {
    const meaning = meantBy(name, by);
    const own = choice === undefined ? this.#parts.shelves.ownMeant(meaning) : undefined;
    if (own !== undefined) return { type: 'alreadyHere', ...own };
    return this.#during(name, options, async (transfer) => {
      const { offers, foreign } = await this.#choose(meaning, choice, transfer);
      if (offers.length > 0) return this.#bringLikeliest(transfer, offers, options.patient === true);
      const outside = foreignMeant(name, foreign, choice);
      const here = outside === undefined || choice === undefined ? this.#parts.shelves.fetchedMeant(meaning) : undefined;
      if (here !== undefined) return { type: 'alreadyHere', ...here };
      if (outside === undefined) throw new FloodmeshError('NOT_FOUND', `nobody has ${name}`);
      return this.#bringForeign(transfer, outside);
    });
  }

  /** Goes on with what an earlier attempt left, as `Peer.resume` says. */
  async resume({ each, ...options }: TransferOptions & { readonly each?: (resumed: Resumed) => void }): Promise<readonly Resumed[]> {
    // Whoever was given up a moment ago still puts away what came: it is there to go on with after that.
    const ending = [...this.#live.keys()].filter(({ ended }) => ended.aborted);
    if (ending.length > 0) await Promise.all(ending.map((transfer) => this.#over(transfer)));
    const ends = this.unfinished.map(async (left) => {
      const resumed = await this.#resume(left, options);
      if (resumed !== undefined) each?.(resumed);
      return resumed;
    });
    return (await Promise.all(ends)).filter((resumed) => resumed !== undefined);
  }

  // --- what is asked of those that are under way ----------------------------------------------------------------------

  pause(which: number | string | undefined): readonly TransferStatus[] {
    return this.#meant(which).map((transfer) => {
      transfer.pause();
      return transfer.status;
    });
  }

  continue(which: number | string | undefined): readonly TransferStatus[] {
    const paused = this.#meant(which).filter(({ isPaused }) => isPaused);
    if (paused.length === 0) throw new FloodmeshError('USAGE', 'that is not paused', 'transfers shows what is');
    for (const transfer of paused) transfer.continue();
    return paused.map(({ status }) => status);
  }

  async cancel(which: number | string | undefined): Promise<readonly TransferStatus[]> {
    const cancelled = this.#meant(which);
    const ends = cancelled.map((transfer) => this.#live.get(transfer));
    for (const transfer of cancelled) transfer.cancel();
    await Promise.allSettled(ends);
    // Whatever got its name in the last moment is whole.
    return cancelled.map(({ status }) => status).filter(({ state }) => state === 'cancelled');
  }

  #meant(which: number | string | undefined): readonly Transfer[] {
    const live = [...this.#live.keys()];
    const meant = live.filter(({ number, name, asked }) => {
      return which === undefined || which === number || which === name || which === asked || which === stem(name);
    });
    if (meant.length > 0) return meant;
    if (live.length === 0) throw new FloodmeshError('USAGE', 'nothing is being fetched');
    throw new FloodmeshError('USAGE', `no transfer is called ${shown(String(which))}`, 'transfers shows what there is');
  }

  // --- the life of one ------------------------------------------------------------------------------------------------

  /** One transfer, from its search to its end; what ended it is thrown, in whatever it was just then. */
  async #during(name: string, { signal, told }: TransferOptions, live: (transfer: Transfer) => Promise<Outcome>): Promise<Outcome> {
    this.#last += 1;
    const transfer = this.#made(this.#last, name, signal, told);
    const life = Promise.resolve()
      .then(() => live(transfer))
      .catch((thrown) => this.#ended(transfer, thrown));
    this.#live.set(transfer, life);
    return life.finally(() => this.#live.delete(transfer));
  }

  #made(number: number, asked: string, signal: AbortSignal | undefined, told: TransferOptions['told']): Transfer {
    const { emit, ending } = this.#parts;
    return new Transfer({
      number,
      asked,
      emit: (event) => {
        emit(event);
        told?.(event);
      },
      place: () => this.#running.place(number),
      ends: signal === undefined ? [ending] : [signal, ending],
    });
  }

  async #ended(transfer: Transfer, thrown: unknown): Promise<never> {
    const { ended, isCancelled, content } = transfer;
    if (!ended.aborted) throw named(thrown);
    if (isCancelled) transfer.turnTo('cancelled');
    if (isCancelled && content !== undefined) await this.#parts.shelves.downloads.forget(content.root);
    throw named(ended.reason);
  }

  /** Brings the likeliest of these contents that somebody has. */
  #bringLikeliest(transfer: Transfer, offers: readonly Content[], patient: boolean): Promise<Outcome> {
    const attempts = {
      bring: (content: Content, isPatient: boolean) => this.#bringOne(transfer, content, isPatient),
      turnsTo: (number: number) => this.#tellOffers(transfer, offers, number),
      hasBegun: () => transfer.fetched > 0,
    };
    return likeliest(offers, attempts, patient);
  }

  async #bringOne(transfer: Transfer, content: Content, patient: boolean): Promise<Outcome> {
    const here = await this.#parts.shelves.hereOf(content, transfer.signal);
    return here === undefined ? this.#bring(transfer, content, patient) : { type: 'alreadyHere', ...here };
  }

  /** Tries until the content is here: again when it was paused, and when a holder has appeared. */
  async #bring(transfer: Transfer, content: Content, patient: boolean): Promise<Outcome> {
    for (let before = this.#at(content); before?.ended.aborted === true; before = this.#at(content)) await this.#over(before);
    if (this.#at(content) !== undefined)
      throw new FloodmeshError('USAGE', `${shown(content.name)} is being fetched already`, 'transfers shows it');
    transfer.content = content;
    this.#parts.shelves.entitle(content);
    for (let { holders } = content; ; ) {
      const { fetched } = transfer;
      try {
        const here = await this.#attempt(transfer, { ...content, holders });
        return 'type' in here ? here : { type: 'downloaded', ...this.#downloaded(transfer, content, here) };
      } catch (thrown) {
        if (transfer.ended.aborted || !(transfer.isPaused || (patient && areGone(thrown)))) throw thrown;
      }
      holders = await this.#rest(transfer, content, transfer.fetched > fetched ? FETCH_TICK_MS : MORE_HOLDERS_MS);
    }
  }

  async #attempt(transfer: Transfer, content: Content): Promise<Here | Outcome> {
    const { number, signal } = transfer;
    const { shelves, finder, ...parts } = this.#parts;
    let areStale = content.holders.length === 0;
    await this.#running.take(number, signal, () => {
      areStale = true;
      transfer.turnTo('queued');
    });
    try {
      transfer.turnTo('running');
      const holders = areStale ? await this.#holders(content, signal) : content.holders;
      const here = await shelves.hereOf(content, signal);
      if (here !== undefined) return { type: 'alreadyHere', ...here };
      if (holders.length === 0)
        throw new FloodmeshError('NOT_FOUND', `nobody has ${shown(content.name)} now`, 'what is there of it is kept');
      const watchForHolders: DeliveryParts['watchForHolders'] = (...watched) => void finder.watch(...watched);
      return await deliver({ ...content, holders }, transfer, { ...parts, shelves, watchForHolders }, signal);
    } finally {
      this.#running.end(number);
    }
  }

  /** Waits until it may go on; answers who is known to have the content then. */
  async #rest(transfer: Transfer, content: Content, pauseMs: number): Promise<readonly PeerId[]> {
    if (!transfer.isPaused) {
      transfer.turnTo('waiting');
      const peer = await this.#appeared(content, transfer.signal, pauseMs);
      if (peer !== undefined) return [peer];
    }
    await transfer.continued();
    return [];
  }

  /** The first that has the content, found after `pauseMs` at the earliest; undefined when `signal` fires before. */
  async #appeared(content: Content, signal: AbortSignal, pauseMs: number): Promise<PeerId | undefined> {
    const found = Promise.withResolvers<PeerId | undefined>();
    const over = new AbortController();
    const watching = this.#parts.finder.watch(content, found.resolve, AbortSignal.any([signal, over.signal]), pauseMs);
    void watching.then(() => found.resolve(undefined));
    return found.promise.finally(() => over.abort());
  }

  /** What a holder outside the network has is one datagram: there is nothing to go on with, and nobody is waited for. */
  async #bringForeign(transfer: Transfer, outside: ForeignContent): Promise<Outcome> {
    const { number, ended } = transfer;
    if (transfer.isPaused) await transfer.continued();
    await this.#running.take(number, ended, () => transfer.turnTo('queued'));
    try {
      transfer.turnTo('running');
      return await bringForeign(outside, transfer, this.#parts);
    } finally {
      this.#running.end(number);
    }
  }

  #downloaded(transfer: Transfer, content: Content, here: Here): Downloaded {
    const { contact } = this.#parts;
    const providers = Array.from(transfer.bytesFrom, ([peer, bytes]) => ({ peer: contact(peer)?.name ?? peer, bytes }));
    const ms = Math.round(performance.now() - transfer.began);
    const { files, bytes } = transfer.status;
    const name = content.holds === undefined ? here.name : `${here.name}/`;
    return {
      ...here,
      name,
      bytes,
      ...(content.holds === undefined ? {} : { files }),
      ...titled(content),
      fetched: transfer.fetched,
      hash: content.root,
      providers,
      ms,
    };
  }

  async #resume({ name, bytes, root, holds }: Unfinished, options: TransferOptions): Promise<Resumed | undefined> {
    try {
      const content = { name, bytes, root, ...(holds === undefined ? {} : { holds }), holders: [] };
      return await this.#during(name, options, (transfer) => this.#bring(transfer, content, options.patient === true));
    } catch (thrown) {
      const error = named(thrown);
      return error.code === 'NOT_FOUND' ? undefined : { type: 'failed', name, error };
    }
  }

  /** Settles when a transfer that was given up has let go of its content. */
  async #over(transfer: Transfer): Promise<void> {
    await Promise.allSettled([this.#live.get(transfer)]);
  }

  /** The transfer that is at this content. */
  #at({ root, bytes }: { readonly root: string; readonly bytes: number }): Transfer | undefined {
    return [...this.#live.keys()].find(({ content }) => content?.root === root && content.bytes === bytes);
  }

  // --- what a name means ----------------------------------------------------------------------------------------------

  /** The contents that are meant, the likeliest first; that there are several is told. None when no other member has any: then who else does. */
  async #choose(
    meaning: Want,
    choice: Choice | undefined,
    transfer: Transfer,
  ): Promise<{ readonly offers: readonly Content[]; readonly foreign: readonly Foreign[] }> {
    const name = transfer.asked;
    const { providers, foreign } = await this.#providers(meaning, choice, transfer);
    const offers = contents(name, choice === undefined ? providers : [...this.#own(meaning), ...providers]);
    const content = chosen(name, offers, choice);
    if (content === undefined) return { offers: [], foreign };
    if (offers.length > 1) this.#tellOffers(transfer, offers, offers.indexOf(content) + 1);
    return { offers: choice === undefined ? offers : [content], foreign };
  }

  #tellOffers(transfer: Transfer, offers: readonly Content[], number: number): void {
    const { nameOf } = this.#parts;
    const told = offers.map(({ root, holders, ...offer }) => ({ ...offer, hash: root, peers: holders.map(nameOf) }));
    transfer.emit({ type: 'offers', name: transfer.asked, chosen: number, contents: told });
  }

  async #providers(meaning: Want, choice: Choice | undefined, transfer: Transfer): Promise<Holders> {
    const { number, ended, asked } = transfer;
    const want = wanted(meaning, choice);
    await this.#searching.take(number, ended);
    try {
      return await this.#parts.finder.providers(asked, want, ended, (event) => transfer.emit(event));
    } finally {
      this.#searching.end(number);
    }
  }

  async #holders(content: Content, signal: AbortSignal): Promise<readonly PeerId[]> {
    const holders: PeerId[] = [];
    for await (const { peer } of this.#parts.finder.holders(content, signal)) holders.push(peer);
    return holders;
  }

  // Counted as a search counts them: what is here under this name is one of the contents.
  #own(meaning: Want): readonly Provider[] {
    const own = this.#parts.shelves.library.meant(meaning);
    return own === undefined ? [] : [{ peer: this.#parts.self, ...own }];
  }
}

// A whole root finds its content under any name; the start of one only tells contents of one name apart.
function wanted(meaning: Want, choice: Choice | undefined): Want {
  const hash = choice !== undefined && 'hash' in choice ? choice.hash.toLowerCase() : '';
  return /^[0-9a-f]{64}$/.test(hash) ? { by: 'root', root: rootOf(hash) } : meaning;
}

/** What is meant by `typed`: a name, unless it is said to be a number or words of a title. @throws USAGE, when nothing can be called so. */
function meantBy(typed: string, by: GetOptions['by']): Want {
  if (by === undefined) return { by: 'name', name: bounded(typed) };
  const fault = typed.length > MOST[by] ? `it is longer than ${MOST[by]} characters` : titleFault({ title: typed });
  if (fault !== undefined) throw new FloodmeshError('USAGE', `no document can be called that: ${fault}`, 'Type: rfc NUMBER');
  return by === 'number' ? { by, number: typed } : { by, words: typed };
}

const MOST = { number: NUMBER_LENGTH, words: TITLE_LENGTH };
