/**
 * A peer's place in its network: the lease, and the line to a metadata server that keeps it.
 *
 * Joins, takes the next port when the assigned one belongs to another program, renews, and comes back by itself: after the
 * server was away, and after this process slept so long that its lease ended. Of several servers over one register any will
 * do: when the line to one is cut, the next is asked at once. The mesh does not wait for any of it.
 */
import assert from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { FAREWELL_MS, JOIN_PATIENCE_MS, PORT_ATTEMPTS, RENEWALS_PER_LEASE, SERVER_RETRY_MS, SERVER_SWITCH_MS } from '../config.ts';
import { type ErrorCode, FloodmeshError, named, withoutAccount } from '../errors.ts';
import type { Address, Transport } from '../net/transport.ts';
import { PROTOCOL } from '../protocol/codec.ts';
import { authority } from '../protocol/host.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { AccountEntry, Inquiry, InquiryAnswer, Member, ServerAnswer } from '../protocol/messages/server.ts';
import { Inquiries } from './inquiries.ts';
import { ServerLine } from './line.ts';

export type Assigned = Extract<ServerAnswer, { type: 'assigned' }>;

export type Referred = Extract<ServerAnswer, { type: 'referred' }>;

/** The account that a peer joins with, where the network has accounts. */
export interface Login {
  readonly account: string;
  readonly password: string;
  /** Make the account first. */
  readonly register?: boolean;
}

export interface Applicant {
  readonly network: string;
  readonly peer: PeerId;
  readonly name: string;
  readonly host: string;
}

/** What the server remembers of the network's peers; and of its accounts, where it has some. */
export interface Members {
  readonly peers: readonly Member[];
  readonly accounts?: readonly AccountEntry[];
}

/** Who holds the membership, and acts on it. */
export interface MembershipOwner {
  /** Listens where the contact says. @throws PORT_TAKEN, when another program does. */
  assigned(place: Assigned): Promise<void>;
  /** The server names a living peer, null when it knows no other, and counts the members. */
  referred(referral: Referred): void;
  serverLost(): void;
  serverBack(port: number): void;
  /** The server, back again, has no place for us: the mesh goes on, and it is tried again. */
  refused(error: FloodmeshError): void;
  /** The account's session has ended: nobody will let us in again without its password. */
  loggedOut(error: FloodmeshError): void;
}

export class Membership {
  readonly #transport: Transport;
  readonly #servers: readonly Address[];
  readonly #applicant: Applicant;
  readonly #owner: MembershipOwner;
  readonly #ending = new AbortController();
  readonly #inquiries = new Inquiries((inquiry, signal) => this.#open().ask(inquiry, signal), this.#ending.signal);
  /** Which server is asked first. */
  #first = 0;
  #line: ServerLine | undefined;
  #place: Assigned | undefined;
  /** What there is to log in with; forgotten once it has been done. */
  #login: Login | undefined;
  #session: string | undefined;
  #keeping: Promise<void> = Promise.resolve();

  /** `servers` share one register; the first of them is asked first. */
  constructor(transport: Transport, servers: readonly Address[], applicant: Applicant, owner: MembershipOwner, login?: Login) {
    this.#login = login;
    this.#transport = transport;
    this.#servers = servers;
    this.#applicant = applicant;
    this.#owner = owner;
  }

  get isServerReachable(): boolean {
    return this.#line !== undefined;
  }

  /**
   * Joins the network: settles when the peer listens on its port and the server has dialled it back; with the referral.
   * @throws what the server refuses with; UNREACHABLE, when there is no server for three seconds.
   */
  async join(signal?: AbortSignal): Promise<Referred> {
    const referral = await this.#joinPatiently(signal);
    this.#keeping = this.#keep();
    return referral;
  }

  /** Asks the server for a peer to dial; the owner is told `referred`, or nothing when the server is away. */
  refer(): void {
    this.#line?.ask({ type: 'refer' }).then(
      (answer) => this.#tellReferral(answer),
      () => undefined, // the next pulse asks again
    );
  }

  /** What the server remembers of the network's peers. @throws UNREACHABLE or TIMED_OUT, when it is away. */
  async members(which: 'online' | 'offline' | 'all', signal?: AbortSignal): Promise<Members> {
    const answer = await this.#open().ask({ type: 'listPeers', which }, signal);
    if (answer.type !== 'peerList') return { peers: [] };
    return { peers: answer.peers, ...(answer.accounts === undefined ? {} : { accounts: answer.accounts }) };
  }

  /** What the server's index, or the register, says; undefined when the server is away, or too slow. */
  inquire(inquiry: Inquiry): Promise<InquiryAnswer | undefined> {
    return this.#inquiries.answer(inquiry);
  }

  get isLoggedIn(): boolean {
    return this.#session !== undefined;
  }

  /** Gives the account another password. @throws LOGIN_WRONG, PASSWORD_UNACCEPTABLE, NO_ACCOUNTS, UNREACHABLE, TIMED_OUT. */
  async changePassword(old: string, next: string, signal?: AbortSignal): Promise<void> {
    await this.#open().ask({ type: 'changePassword', session: this.#opened(), old, next }, signal);
  }

  /** Ends the account's session, and with it the lease. @throws NO_ACCOUNTS, UNREACHABLE, TIMED_OUT. */
  async logOut(signal?: AbortSignal): Promise<void> {
    await this.#open().ask({ type: 'logout', session: this.#opened() }, signal);
    this.#session = undefined;
  }

  /** Gives the lease back and hangs up; settles within a second, whatever the server does. */
  async leave(): Promise<void> {
    const line = this.#line;
    if (line !== undefined) await this.#giveBack(line);
    if (line !== undefined && this.#session !== undefined) await this.#forget(line, this.#session);
    this.#ending.abort();
    line?.close();
    await this.#keeping;
  }

  #open(): ServerLine {
    if (this.#line === undefined) throw new FloodmeshError('UNREACHABLE', 'the metadata server is away');
    return this.#line;
  }

  #opened(): string {
    if (this.#session === undefined) throw withoutAccount();
    return this.#session;
  }

  async #joinPatiently(signal: AbortSignal | undefined): Promise<Referred> {
    const until = performance.now() + JOIN_PATIENCE_MS;
    for (;;) {
      try {
        return await this.#joinOnce(signal);
      } catch (error) {
        const { code } = named(error);
        const mayPass = isAway(code) || code === 'NOT_LISTENING';
        if (!mayPass || performance.now() > until) throw this.#explained(error);
        await pause(JOIN_PATIENCE_MS / 10, undefined, signal === undefined ? {} : { signal });
      }
    }
  }

  #explained(error: unknown): FloodmeshError {
    const { code, message } = named(error);
    if (code !== 'UNREACHABLE') return named(error);
    const where = this.#servers.map(authority).join(' or ');
    return new FloodmeshError(
      code,
      `no metadata server answers at ${where} (${message})`,
      'start one with "floodmesh serve", or name another with --server HOST:PORT',
    );
  }

  async #joinOnce(signal?: AbortSignal): Promise<Referred> {
    const line = await this.#reached(signal);
    try {
      const referral = await this.#apply(line, signal);
      this.#line = line;
      return referral;
    } catch (error) {
      // The server may have counted in one who gives up joining.
      if (named(error).code === 'CANCELLED') await this.#giveBack(line);
      line.close();
      throw error;
    }
  }

  /** A line to the first server that answers; it is the one to be asked first from now on. */
  async #reached(signal?: AbortSignal): Promise<ServerLine> {
    let failure: unknown;
    for (let tried = 0; tried < this.#servers.length; tried++) {
      const address = this.#servers[this.#first % this.#servers.length];
      assert(address !== undefined, 'there is a server to ask');
      try {
        return await ServerLine.open(this.#transport, address, signal);
      } catch (thrown) {
        failure = thrown;
        this.#first += 1;
      }
    }
    throw failure;
  }

  async #giveBack(line: ServerLine): Promise<void> {
    if (this.#place === undefined) return;
    const late = AbortSignal.timeout(FAREWELL_MS);
    await line.ask({ type: 'leave', cookie: this.#place.cookie }, late).catch(() => undefined);
  }

  // A session of a process that ends opens nothing any more.
  async #forget(line: ServerLine, session: string): Promise<void> {
    await line.ask({ type: 'logout', session }, AbortSignal.timeout(FAREWELL_MS)).catch(() => undefined);
  }

  async #logIn(line: ServerLine, { account: name, password, register }: Login, signal: AbortSignal | undefined): Promise<void> {
    const { network } = this.#applicant;
    if (register === true) await line.ask({ type: 'register', network, name, password }, signal);
    this.#login = { account: name, password };
    const answer = await line.ask({ type: 'login', network, name, password }, signal);
    if (answer.type !== 'loggedIn') return;
    this.#login = undefined;
    this.#session = answer.session;
  }

  /** The conversation that makes a member: join, listen (or take the next port), be dialled back. */
  async #apply(line: ServerLine, signal?: AbortSignal): Promise<Referred> {
    if (this.#login !== undefined) await this.#logIn(line, this.#login, signal);
    const earlier = this.#place === undefined ? {} : { port: this.#place.contact.port, cookie: this.#place.cookie };
    const session = this.#session === undefined ? {} : { session: this.#session };
    let answer = await line.ask({ type: 'join', protocol: PROTOCOL, ...this.#applicant, ...earlier, ...session }, signal);
    for (let attempt = 0; answer.type === 'assigned' && attempt < PORT_ATTEMPTS; attempt++) {
      try {
        await this.#owner.assigned(answer);
        this.#place = answer;
        answer = await line.ask({ type: 'listening' }, signal);
        if (answer.type === 'referred') return answer;
      } catch (error) {
        if (named(error).code !== 'PORT_TAKEN' || answer.type !== 'assigned') throw error;
        answer = await line.ask({ type: 'portTaken', port: answer.contact.port }, signal);
      }
    }
    throw new FloodmeshError(
      'PORT_TAKEN',
      'other programs hold every port that the metadata server assigned',
      'start the server with other --ports',
    );
  }

  async #keep(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      if (this.#line !== undefined) await this.#renewUntilCut(this.#line);
      this.#line = undefined;
      if (this.#ending.signal.aborted) return;
      if (await this.#movedOn()) continue;
      this.#owner.serverLost();
      await this.#comeBack();
    }
  }

  async #renewUntilCut(line: ServerLine): Promise<void> {
    const cut = new AbortController();
    void line.closed.then(() => cut.abort());
    const { signal } = cut;
    while (!signal.aborted && this.#place !== undefined) {
      await pause(this.#place.leaseMs / RENEWALS_PER_LEASE, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.#renew(line, this.#place).catch(() => line.close());
    }
    await line.closed;
  }

  async #renew(line: ServerLine, place: Assigned): Promise<void> {
    try {
      this.#tellReferral(await line.ask({ type: 'renew', cookie: place.cookie }));
    } catch (error) {
      const { code } = named(error);
      if (code === 'STORE_AWAY') return; // the next renewal may find it again
      if (code !== 'LEASE_UNKNOWN' && code !== 'COOKIE_WRONG') throw error;
      this.#owner.referred(await this.#apply(line)); // this process slept longer than its lease
    }
  }

  /** Whether another server of the same register took us over, after a pause by chance: all its peers come at once. */
  async #movedOn(): Promise<boolean> {
    if (this.#servers.length === 1) return false;
    const { signal } = this.#ending;
    this.#first += 1;
    try {
      await pause(SERVER_SWITCH_MS * Math.random(), undefined, { signal });
      this.#owner.referred(await this.#joinOnce(signal));
      return true;
    } catch {
      return false; // why will be known when it is tried again
    }
  }

  async #comeBack(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted && this.#line === undefined) {
      await pause(SERVER_RETRY_MS * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        const referral = await this.#joinOnce(signal);
        this.#owner.serverBack(this.#place?.contact.port ?? 0);
        this.#owner.referred(referral);
      } catch (error) {
        const { code } = named(error);
        if (code === 'LOGIN_NEEDED' && this.#session !== undefined) return this.#loggedOut(named(error));
        if (!isAway(code) && code !== 'CANCELLED') this.#owner.refused(named(error));
      }
    }
  }

  #loggedOut(error: FloodmeshError): void {
    this.#ending.abort();
    this.#owner.loggedOut(error);
  }

  #tellReferral(answer: ServerAnswer): void {
    if (answer.type === 'referred') this.#owner.referred(answer);
  }
}

/** Whether it may be that nothing is wrong but that a server, or its register, is away for a while. */
function isAway(code: ErrorCode): boolean {
  return code === 'UNREACHABLE' || code === 'TIMED_OUT' || code === 'STORE_AWAY';
}
