/**
 * A peer: what a person or a program can ask of it, and its life from joining to the end.
 *
 * The mind and its hands are in `body`, the lease in `membership`, the folders in `shelves`, the questions in `finder`, the
 * bytes in `transfers` and `uploads`, the ways to a holder in `ways`. Here they are put together: one method for each thing that can be asked.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import { FIRST_LINK_MS, SHELVES_MS, STOPPED_MS, SURVEY_NAMES } from '../config.ts';
import { FloodmeshError, named } from '../errors.ts';
import { discoveryNamed } from '../mesh/discovery/index.ts';
import type { Placed } from '../mesh/events.ts';
import type { MakeMind } from '../mesh/mind.ts';
import { Identity } from '../net/identity.ts';
import type { Exchange, Link, Listener as Listening, Purpose, Transport } from '../net/transport.ts';
import { webSocketTransport } from '../net/websocket.ts';
import type { Contact } from '../protocol/fields.ts';
import { type PeerId, QUERY_ID_LENGTH, queryId } from '../protocol/ids.ts';
import type { Inquiry } from '../protocol/messages/server.ts';
import { folded } from '../protocol/names.ts';
import type { Found, Joined, Limits, Listener, PeerEvent, TopologyPeer, TransferStatus } from '../trace.ts';
import { Body, type BodyOwner } from './body.ts';
import { Finder } from './finder.ts';
import { type Assigned, type Members, Membership, type Referred } from './membership.ts';
import { limited, type PeerOptions, type Settings, settings } from './options.ts';
import { Pace } from './pace.ts';
import type { SearchEnd } from './searches.ts';
import { ended, Shelves } from './shelves.ts';
import { Surveys } from './surveys.ts';
import { type GetOptions, type Outcome, type Resumed, type TransferOptions, Transfers } from './transfers.ts';
import { Trust } from './trust.ts';
import { Uploads } from './uploads.ts';
import { Ways } from './ways.ts';
import { Web } from './web/web.ts';

/** A peer as it stands. */
export interface Status {
  readonly joined: Joined | undefined;
  readonly serverReachable: boolean;
  /** Everybody who can be reached, this peer among them. */
  readonly peersKnown: number;
  readonly neighbors: readonly string[];
  readonly shared: {
    readonly folder: string;
    readonly files: number;
    readonly bytes: number;
    /** Files that wait to be hashed. */
    readonly pending: number;
    readonly skipped: readonly { readonly name: string; readonly why: string }[];
    /** What is wrong with the titles in `metadata.json`. */
    readonly warnings: readonly string[];
  };
  readonly downloads: {
    readonly folder: string;
    readonly files: number;
    readonly shared: boolean;
    /** Downloads that are not whole and that nobody is at, with how many of their pieces are there. */
    readonly unfinished: readonly { readonly name: string; readonly bytes: number; readonly pieces: number }[];
  };
  readonly transfers: {
    readonly serving: number;
    readonly fetching: number;
    readonly limits: Limits;
    /** Those that are not over, in the order in which they were asked for. */
    readonly list: readonly TransferStatus[];
  };
}

export class Peer {
  /** Settles when the peer has left or was stopped, with how; nothing of it is left then. */
  readonly ended: Promise<'left' | 'stopped'>;
  readonly #settings: Settings;
  readonly #transport: Transport;
  readonly #mind: MakeMind | undefined;
  readonly #identity = new Identity();
  readonly #trust: Trust;
  readonly #shelves: Shelves;
  readonly #up: Pace;
  readonly #down: Pace;
  readonly #uploads: Uploads;
  readonly #ways: Ways;
  readonly #membership: Membership;
  readonly #finder: Finder;
  #begun: Transfers | undefined;
  readonly #listeners = new Set<Listener<PeerEvent>>();
  readonly #surveys = new Surveys();
  readonly #ending = new AbortController();
  readonly #end = Promise.withResolvers<'left' | 'stopped'>();
  readonly #firstLink = Promise.withResolvers<void>();
  #body: Body | undefined;
  #listening: Listening | undefined;
  #joined: Joined | undefined;
  #finishing: Promise<void> | undefined;
  /** What was last said of the titles of the shared folder. */
  #warned = '';

  /**
   * @param mind What it thinks with, where that is to be another than the shipped one: a hostile member's.
   * @throws NAME_UNACCEPTABLE, or USAGE, when an option cannot be.
   */
  constructor(options: PeerOptions, transport: Transport = webSocketTransport(), mind?: MakeMind) {
    this.#mind = mind;
    this.ended = this.#end.promise;
    this.#settings = settings(options);
    this.#transport = transport;
    this.#trust = new Trust(this.#settings.network);
    this.#shelves = new Shelves(this.#settings, () => this.#sharedChanged());
    this.#up = new Pace(this.#settings.up);
    this.#down = new Pace(this.#settings.down);
    this.#uploads = new Uploads(this.#shelves, this.#up);
    this.#ways = new Ways({
      transport,
      listening: () => this.#listening,
      tell: (event) => this.#body?.tell(event),
      serve: (link) => this.#uploads.accept(link),
      ending: this.#ending.signal,
    });
    const { network, name, advertise, servers } = this.#settings;
    this.#finder = new Finder({
      shelves: this.#shelves,
      body: () => this.#running(),
      peerCalled: (called, signal) => this.#peerCalled(called, signal),
    });
    const applicant = { network, peer: this.#identity.peer, name, host: advertise };
    this.#membership = new Membership(transport, servers, applicant, this.#asMember(), options.login);
  }

  /**
   * Joins: opens the folders, takes a lease and a port, links to the network; settles when the first link stands.
   * @throws NETWORK_FULL, WRONG_NETWORK, NAME_TAKEN, NAME_UNACCEPTABLE, UNREACHABLE, FOLDER_UNUSABLE, FOLDER_IN_USE, CANCELLED.
   */
  async start(signal?: AbortSignal): Promise<Joined> {
    const either = signal === undefined ? this.#ending.signal : AbortSignal.any([signal, this.#ending.signal]);
    try {
      await this.#shelves.open();
      const [referred] = await Promise.all([this.#membership.join(either), this.#shelves.settled(SHELVES_MS)]);
      const body = this.#running();
      this.#sharedChanged();
      const { referral } = referred;
      if (referral === null) body.referred(referred);
      else await this.#meet(referred, either);
      this.#joined = { name: this.#settings.name, peer: body.self.peer, port: body.self.port, referral: referral?.name ?? null };
      this.#emit({ type: 'joined', ...this.#joined });
      return this.#joined;
    } catch (thrown) {
      await this.#finish('left');
      throw named(thrown);
    }
  }

  /** Tells `listener` every event, from now until the returned function is called. */
  listen(listener: Listener<PeerEvent>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Files and folders whose path or title contains `text` in any case (all, for ''), own ones first, others as they are found; with
   * `peer` only those of the peer of that name or id. Returns how many were asked, once all have answered or after two seconds.
   * @throws PEER_UNKNOWN, USAGE, CANCELLED, ENDED.
   */
  search(text: string, { signal, peer }: { signal?: AbortSignal; peer?: string } = {}): AsyncGenerator<Found, SearchEnd, undefined> {
    return this.#finder.search(text, signal, peer);
  }

  /**
   * Finds and fetches a file: the one at the path `name`, else one called so, else one whose name without its ending it is, else
   * one of this number; `by` says that it is a number, or words of a title.
   * Of several contents the likeliest, or the one that `choice` means. What is on this disk already is not fetched again.
   * Told to listeners meanwhile, and to `told` of this one alone: `found`, `offers`, `progress`, `transfer`, `holderLost`,
   * `notFound`. When no holder is left it fails, or, when it is `patient`, waits for one.
   * @throws NOT_FOUND, CONTENT_MISMATCH, CONTENT_CHANGED, HOLDERS_GONE, DISK_FULL, DISK_FAILED, USAGE, CANCELLED, ENDED.
   */
  get(name: string, options: GetOptions = {}): Promise<Outcome> {
    return this.#transfers.get(name, options);
  }

  /**
   * Goes on with every download that an earlier run left and that somebody has; the others stay, or wait when this is
   * `patient`. What each comes to is told to `each` at its end, and answered when all are over; it throws nothing.
   */
  resume(options: TransferOptions & { readonly each?: (resumed: Resumed) => void } = {}): Promise<readonly Resumed[]> {
    return this.#transfers.resume(options);
  }

  /** The transfers that are not over, in the order in which they were asked for. */
  transfers(): readonly TransferStatus[] {
    return this.#transfers.list;
  }

  /** Pauses the transfers of this number or name, all without one: what came stays. Answers them. @throws USAGE, when there is none. */
  pause(which?: number | string): readonly TransferStatus[] {
    return this.#transfers.pause(which);
  }

  /** Goes on with what is paused; of whatever is queued meanwhile, what was asked for first comes first. @throws USAGE. */
  continue(which?: number | string): readonly TransferStatus[] {
    return this.#transfers.continue(which);
  }

  /** Ends transfers, and removes what came; whoever waits for them is told CANCELLED. Settles when all is gone. @throws USAGE. */
  cancel(which?: number | string): Promise<readonly TransferStatus[]> {
    return this.#transfers.cancel(which);
  }

  /** Sets the limits that are named (undefined: none any more), at once; answers those that hold. @throws USAGE. */
  limit(limits: { readonly [Direction in keyof Limits]?: number | undefined } = {}): Limits {
    const { up, down } = { up: this.#up.limit, down: this.#down.limit, ...limits };
    [this.#up.limit, this.#down.limit] = [limited(up), limited(down)];
    return { ...(up === undefined ? {} : { up }), ...(down === undefined ? {} : { down }) };
  }

  /** The whole network as it is now, sorted by name; a link is listed when both ends have it. @throws CANCELLED, ENDED. */
  async topology(signal?: AbortSignal): Promise<readonly TopologyPeer[]> {
    const peers: TopologyPeer[] = [];
    for await (const part of this.survey(signal)) peers.push(...part);
    return peers.sort(byName);
  }

  /**
   * The same in parts, as they come in, each sorted by name: a network that no peer knows whole is asked for it, which takes
   * up to six seconds. There a link is listed as one end has it, and neighbours whose names have not come by their ids.
   * @throws CANCELLED, ENDED.
   */
  async *survey(signal?: AbortSignal): AsyncGenerator<readonly TopologyPeer[], undefined, undefined> {
    const body = this.#running();
    const either = AbortSignal.any(signal === undefined ? [this.#ending.signal] : [signal, this.#ending.signal]);
    const begin = (ask: number) => body.tell({ type: 'askTopology', ask, survey: queryId(nanoid(QUERY_ID_LENGTH)) });
    const names = new Map<PeerId, string>();
    for await (const peers of this.#surveys.watch(begin, either)) {
      for (const { contact } of peers) if (names.size < SURVEY_NAMES) names.set(contact.peer, contact.name);
      yield this.#drawn(peers, names);
    }
  }

  /** What the server remembers of the network's peers; what the mesh knows, with `fromServer` false, when the server is away. */
  async peers(which: 'online' | 'offline' | 'all', signal?: AbortSignal): Promise<Members & { readonly fromServer: boolean }> {
    const body = this.#running();
    try {
      return { ...(await this.#membership.members(which, signal)), fromServer: true };
    } catch (thrown) {
      if (!['UNREACHABLE', 'TIMED_OUT'].includes(named(thrown).code)) throw thrown;
      const known = body.members.flatMap((peer) => body.contact(peer) ?? []);
      const peers = known.map(({ peer, name, host, port }) => ({ peer, name, host, port, online: true, joined: 0, seconds: 0 }));
      return { peers: which === 'offline' ? [] : peers, fromServer: false };
    }
  }

  /** Copies a file or a folder into the shared folder, never over another; answers its path there. @throws USAGE, DISK_FULL, DISK_FAILED. */
  share(path: string): Promise<string> {
    return this.#shelves.library.add(path);
  }

  status(): Status {
    const { library, fetched } = this.#shelves;
    const { folder, pending, skipped, warnings, shelf } = library;
    const body = this.#body;
    return {
      joined: this.#joined,
      serverReachable: this.#membership.isServerReachable,
      peersKnown: body?.members.length ?? 0,
      neighbors: Array.from(body?.neighbors ?? [], (peer) => this.#nameOf(peer)).sort(),
      shared: { folder, files: shelf.files, bytes: shelf.bytes, pending, skipped, warnings },
      downloads: {
        folder: fetched.folder,
        files: fetched.shelf.files,
        shared: this.#settings.shareDownloads,
        unfinished: this.#transfers.unfinished.map(({ name, bytes, pieces }) => ({ name, bytes, pieces: pieces.length })),
      },
      transfers: {
        serving: this.#uploads.count,
        fetching: this.#transfers.count,
        limits: this.limit(),
        list: this.#transfers.list,
      },
    };
  }

  /** Whether it has joined with an account. */
  get isLoggedIn(): boolean {
    return this.#membership.isLoggedIn;
  }

  /** Gives this peer's account another password; its other peers are logged out. @throws LOGIN_WRONG, PASSWORD_UNACCEPTABLE, NO_ACCOUNTS, UNREACHABLE. */
  changePassword(old: string, next: string, signal?: AbortSignal): Promise<void> {
    this.#running();
    return this.#membership.changePassword(old, next, signal);
  }

  /** Ends the session of this peer's account, and this peer. @throws NO_ACCOUNTS, UNREACHABLE, TIMED_OUT. */
  async logout(signal?: AbortSignal): Promise<void> {
    this.#running();
    await this.#membership.logOut(signal);
    await this.leave();
  }

  /** Ends this peer alone; its neighbours know at once. */
  async leave(): Promise<void> {
    if (this.#body === undefined) return this.#finish('left');
    this.#body.tell({ type: 'leave' });
    await this.#end.promise;
  }

  /** Ends the whole network: every peer that can be reached, and this one. */
  async stop(): Promise<void> {
    this.#body?.tell({ type: 'stop', stop: queryId(nanoid(QUERY_ID_LENGTH)) });
    await this.#finish('stopped');
  }

  // --- joining and ending ---------------------------------------------------------------------------------------------

  #asMember() {
    return {
      assigned: (place: Assigned) => this.#settle(place),
      referred: (referred: Referred) => this.#body?.referred(referred),
      serverLost: () => this.#emit({ type: 'serverLost' }),
      serverBack: (port: number) => this.#emit({ type: 'serverBack', port }),
      refused: (error: FloodmeshError) => this.#complain(error),
      // In a network with accounts nobody stays without one: this peer's session was ended elsewhere.
      loggedOut: (error: FloodmeshError) => {
        this.#complain(error);
        void this.leave();
      },
    };
  }

  /** Takes the place that the server gave: listens there, and lets the mind know. */
  async #settle(place: Assigned): Promise<void> {
    const { contact, networkKey, discovery } = place;
    if (this.#ending.signal.aborted) throw ended();
    this.#trust.take(networkKey);
    if (this.#listening?.address.port !== contact.port) await this.#listenAt(contact);
    if (this.#body !== undefined) return this.#body.assigned(place);
    const strategy = discoveryNamed(discovery, place);
    if (strategy === undefined) {
      throw new FloodmeshError('USAGE', `this network finds files by "${discovery}", which this version does not know`, 'update floodmesh');
    }
    const owner: BodyOwner = {
      trusts: (other) => this.#trust.trusts(other),
      askRegistry: () => this.#membership.refer(),
      askServer: (ask, request) => void this.#inquire(ask, request),
      linkUp: ({ peer, name }) => {
        this.#emit({ type: 'linkUp', peer, name });
        this.#firstLink.resolve();
      },
      linkDown: ({ peer, name }, cause) => this.#emit({ type: 'linkDown', peer, name, cause }),
      found: (query, provider) => this.#finder.found(query, provider),
      searchEnded: (query, { asked, silent, without, foreign, wholeWords }) => {
        const more = { ...(without && { without }), ...(foreign && { foreign }), ...(wholeWords && { wholeWords }) };
        this.#finder.ended(query, { asked, silent, ...more });
      },
      topology: (ask, peers, isLast) => this.#surveys.came(ask, peers, isLast),
      callBack: (call, asker) => void this.#ways.answer(call, asker),
      callFailed: (call) => this.#ways.failed(call),
      stopped: (how) => void this.#finish(how),
    };
    this.#body = new Body(contact, this.#identity, strategy, this.#transport, owner, this.#mind);
    this.#body.tell({ type: 'shared', offer: this.#shelves.offer });
  }

  async #inquire(ask: string, request: Inquiry): Promise<void> {
    const answer = await this.#membership.inquire(request);
    if (!this.#ending.signal.aborted) this.#body?.tell({ type: 'serverAnswered', ask, answer });
  }

  async #listenAt({ host: called, port }: Contact): Promise<void> {
    const { host } = this.#settings;
    const before = this.#listening;
    const take = (link: Link, purpose: Purpose) => {
      if (purpose === 'content') this.#uploads.accept(link);
      else if (purpose !== 'join') this.#body?.accept(link, purpose);
    };
    let web: Web | undefined;
    const answer = (exchange: Exchange) => {
      web ??= new Web(this.#settings, this.#shelves, this.#uploads);
      web.answer(exchange);
    };
    this.#listening = await this.#transport.listen({ host, port, called }, ['mesh', 'aside', 'content'], take, answer);
    await before?.close();
  }

  /** Dials the referral and waits for a link, and for the knowledge of the network that comes with it; not for ever. */
  async #meet(referred: Referred, signal: AbortSignal): Promise<void> {
    this.#body?.referred(referred);
    const late = setTimeout(() => this.#firstLink.resolve(), FIRST_LINK_MS);
    await settled(signal, (resolve) => void this.#firstLink.promise.then(() => resolve(undefined))).finally(() => clearTimeout(late));
    // The introductions: it waits a second at most for links that are being made.
    const begin = (ask: number) => this.#running().tell({ type: 'askTopology', ask });
    for await (const _ of this.#surveys.watch(begin, signal));
  }

  #finish(how: 'left' | 'stopped'): Promise<void> {
    this.#finishing ??= this.#endAll(how);
    return this.#finishing;
  }

  async #endAll(how: 'left' | 'stopped'): Promise<void> {
    this.#ending.abort(ended());
    this.#finder.close();
    this.#body?.end();
    const known = how === 'stopped' && this.#body !== undefined ? pause(STOPPED_MS) : undefined;
    await Promise.allSettled([this.#membership.leave(), this.#uploads.close(), known]);
    await Promise.allSettled([this.#listening?.close(), this.#shelves.close()]);
    if (this.#joined !== undefined) this.#emit({ type: how });
    this.#end.resolve(how);
  }

  // --- words for what is done often -----------------------------------------------------------------------------------

  #running(): Body {
    if (this.#body === undefined || this.#ending.signal.aborted) throw ended();
    return this.#body;
  }

  // Made when it is first asked for: most peers of a large network fetch nothing for hours.
  get #transfers(): Transfers {
    this.#begun ??= new Transfers({
      self: this.#identity.peer,
      linkTo: (holder, root, until) => this.#ways.to(holder, root, until),
      shelves: this.#shelves,
      finder: this.#finder,
      contact: (peer) => this.#body?.contact(peer),
      nameOf: (peer) => this.#nameOf(peer),
      emit: (event) => this.#emit(event),
      ending: this.#ending.signal,
      pace: this.#down,
      atOnce: this.#settings.transfers,
    });
    return this.#begun;
  }

  #emit(event: PeerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #complain({ code, message, hint }: FloodmeshError): void {
    this.#emit({ type: 'error', code, message, ...(hint === undefined ? {} : { hint }) });
  }

  #sharedChanged(): void {
    const { shelf, pending, warnings } = this.#shelves.library;
    const warning = warnings.join('; ');
    if (warning !== this.#warned && warning !== '') this.#complain(new FloodmeshError('METADATA_FAULTY', warning, MENDING));
    this.#warned = warning;
    this.#emit({ type: 'shared', files: shelf.files, pending });
  }

  #nameOf(peer: PeerId): string {
    return this.#body?.nameOf(peer) ?? peer;
  }

  /** Whom a name means: the mesh may know it, else the server does. */
  async #peerCalled(called: string, signal: AbortSignal | undefined): Promise<PeerId> {
    const known = this.#running().memberCalled(called);
    if (known !== undefined) return known;
    const { peers } = await this.peers('online', signal);
    const member = peers.find(({ peer, name }) => peer === called || folded(name) === folded(called));
    if (member === undefined) throw new FloodmeshError('PEER_UNKNOWN', `no peer is called ${called}`, 'TOPO shows who is there');
    return member.peer;
  }

  #drawn(peers: readonly Placed[], names: ReadonlyMap<PeerId, string>): readonly TopologyPeer[] {
    const called = (other: PeerId) => names.get(other) ?? this.#nameOf(other);
    const drawn = peers.map(({ contact: { peer, name, port }, neighbors, ring }) => {
      const around =
        ring === undefined ? {} : { ring: Object.fromEntries(Object.entries(ring).map(([seat, other]) => [seat, called(other)])) };
      return { peer, name, port, neighbors: neighbors.map(called).sort(), ...around };
    });
    return drawn.sort(byName);
  }
}

const MENDING = 'mend it: it is read again; the files are shared without the titles that are wrong';

function byName(one: TopologyPeer, other: TopologyPeer): number {
  return one.name.localeCompare(other.name, undefined, { numeric: true });
}

/** What `begin` resolves with; when `signal` fires before, its reason is thrown. */
function settled<Value>(signal: AbortSignal, begin: (resolve: (value: Value) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(named(signal.reason));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    begin((value) => {
      signal.removeEventListener('abort', abort);
      resolve(value);
    });
  });
}
