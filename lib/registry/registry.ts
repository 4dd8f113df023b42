/**
 * The register of one network: who may be in it, on which port, under which name, for how long.
 *
 * A mind: it decides and does nothing else. Time comes in as `now`; chance, hashing and signing are handed in; what it
 * knows is in the store, so that several servers over one store are one register. Leases that are renewed are Gray and
 * Cheriton's (1989): a peer that dies without a word costs its port for one lease, never for longer.
 *
 * A cookie is the lease's serial and a drawn secret. The serial names the lease, the secret opens it and is stored
 * hashed; so a cookie says by itself whether it is of a lease that ended or is simply wrong, over any link to any server.
 */
import { BAD_PORT_MS } from '../config.ts';
import type { ErrorCode } from '../errors.ts';
import { signedText } from '../protocol/contact.ts';
import type { Contact } from '../protocol/fields.ts';
import { isEverywhere, isHost } from '../protocol/host.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Member } from '../protocol/messages/server.ts';
import { folded, PEER_NAME_LENGTH, peerNameFault } from '../protocol/names.ts';
import type { Known, Lease, Remembered, Store, Stretch, Which } from './store.ts';

/** How many candidates for a referral are looked at together. A guess: a few are tried, and some have open links. */
const CANDIDATES = 16;

export interface RegistryParts {
  readonly store: Store;
  readonly network: string;
  readonly ports: readonly number[];
  readonly leaseMs: number;
  /** Draws a secret: 22 to 48 characters of nanoid's alphabet. */
  readonly draw: () => string;
  /** Hashes a secret for the store, one way. */
  readonly hash: (text: string) => string;
  /** Signs a contact's text with the network's key. */
  readonly sign: (text: string) => string;
  /** A number from 0 to 1: which members are looked at first. */
  readonly chance: () => number;
}

/** What a joiner asks for; `port` and `cookie` are those of an earlier lease, if it had one. */
export interface Wish {
  readonly network: string;
  readonly peer: PeerId;
  readonly name: string;
  readonly host: string;
  readonly port?: number;
  readonly cookie?: string;
  /** The account that has logged in for it, where the network has accounts. */
  readonly account?: string | undefined;
}

/** A place in the network. `isBack` when it is the one that the joiner had. */
export interface Place {
  readonly lease: Lease;
  readonly contact: Contact;
  readonly cookie: string;
  readonly isBack: boolean;
}

/** Why not, and what to do. `holder` is the lease that has the name, where that is the reason. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly holder?: Lease;
}

/** Who is in the network, and who was. */
export interface Roster {
  readonly online: readonly Lease[];
  readonly offline: readonly Remembered[];
}

/** The serial of the lease that a cookie names; 0, which none has, for what is no cookie. */
export function serialOf(cookie: string): number {
  const [, serial = ''] = /^([0-9a-z]{1,10})-./.exec(cookie) ?? [];
  return Number.parseInt(serial, 36) || 0;
}

export function isRefusal<Answer extends object>(answer: Answer | Refusal): answer is Refusal {
  return 'code' in answer;
}

export class Registry {
  readonly #parts: RegistryParts;
  readonly #store: Store;
  readonly #network: string;
  readonly #pool: readonly number[];

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#network = folded(parts.network);
    this.#pool = parts.ports.toSorted((one, other) => one - other);
  }

  /**
   * Gives a place: the one that the cookie opens, if it lives and is this peer's, else a new one.
   * Refuses with WRONG_NETWORK, NAME_UNACCEPTABLE, NAME_TAKEN, NETWORK_FULL, NOT_LISTENING for a host that nobody could
   * dial, COOKIE_WRONG for another's peer id.
   */
  async join(wish: Wish, now: number): Promise<Place | Refusal> {
    const refusal = this.#unacceptable(wish);
    if (refusal !== undefined) return refusal;
    const { cookie } = wish;
    if (cookie === undefined) return this.#claim(wish, now);
    // A cookie that opens nothing is no reason to refuse: it may be of an ended lease, or of a server that forgot.
    const earlier = await this.#opened(cookie, now);
    if (isRefusal(earlier) || earlier.peer !== wish.peer) return this.#claim(wish, now);
    if (earlier.foldedName === undefined || earlier.account !== wish.account) return this.#claim(wish, now, earlier.serial);
    const lease = await this.#prolonged(earlier, now);
    return lease === undefined ? this.#claim(wish, now) : { ...this.#place(lease, cookie), isBack: true };
  }

  /** Marks the port of an unusable place as bad on that host, and gives the next one under a new cookie. */
  async portTaken(serial: number, port: number, now: number): Promise<Place | Refusal> {
    const lease = await this.#store.lease(serial, now);
    if (lease?.port !== port) return leaseUnknown();
    await this.#store.markBad(this.#network, lease.host, port, now + BAD_PORT_MS);
    const { network, peer, name, host, account } = lease;
    const next = await this.#claim({ network, peer, name, host, account }, now, serial);
    if (isRefusal(next)) await this.#store.end(serial, now);
    return next;
  }

  /** The peer was seen to listen: it may be referred from now on. `isNew` when it had never been seen before. */
  async listening(serial: number, now: number): Promise<{ readonly lease: Lease; readonly isNew: boolean } | Refusal> {
    const before = await this.#store.lease(serial, now);
    if (before === undefined) return leaseUnknown();
    if (before.foldedName === undefined) return this.#nameWent(before, now);
    const lease = await this.#store.verify(serial, now);
    if (lease === undefined) return leaseUnknown();
    return { lease, isNew: before.verified === 0 };
  }

  /** Lets the lease that `cookie` opens last another full length. Refuses with COOKIE_WRONG, LEASE_UNKNOWN, NOT_LISTENING. */
  async renew(cookie: string, now: number): Promise<Lease | Refusal> {
    const lease = await this.#opened(cookie, now);
    if (isRefusal(lease)) return lease;
    if (lease.foldedName === undefined) return this.#nameWent(lease, now);
    // A place that nobody was seen to use cannot be held for ever.
    if (lease.verified === 0) return { code: 'NOT_LISTENING', message: 'this peer has not been seen to listen on its port yet' };
    return (await this.#prolonged(lease, now)) ?? leaseUnknown();
  }

  /** Others that may be referred to the holder of `asker`, in an order of chance; with `before`, only earlier members. */
  candidates(asker: number, now: number, before?: number): Promise<readonly Lease[]> {
    const start = this.#parts.chance();
    return this.#store.listening({ network: this.#network, except: asker, before, start, count: CANDIDATES }, now);
  }

  /** The living lease of this serial, when its peer may be referred. */
  async listener(serial: number, now: number): Promise<Lease | undefined> {
    const lease = await this.#store.lease(serial, now);
    return lease?.state === 'listening' ? lease : undefined;
  }

  /** The peer did not answer: it is referred to nobody until it renews. */
  async silence(serial: number, now: number): Promise<void> {
    await this.#store.change(serial, { state: 'silent' }, now);
  }

  /** The peer was found dead: its name is free for another, its port stays reserved until its lease ends. */
  async freeName(serial: number, now: number): Promise<void> {
    await this.#store.change(serial, { state: 'silent', nameGoes: true }, now);
  }

  /** Ends the lease that `cookie` opens, and answers it. Refuses with COOKIE_WRONG, LEASE_UNKNOWN. */
  async leave(cookie: string, now: number): Promise<Lease | Refusal> {
    const lease = await this.#opened(cookie, now);
    if (isRefusal(lease)) return lease;
    return (await this.#store.end(lease.serial, now)) ?? leaseUnknown();
  }

  /** Ends every lease of an account but the one that is kept, and answers them: its other sessions have ended. */
  async leaveOthers(account: string, kept: number, now: number): Promise<readonly Lease[]> {
    const leases = await this.#store.leases(this.#network, now);
    const others = leases.filter((lease) => lease.account === account && lease.serial !== kept);
    const ended = await Promise.all(others.map(({ serial }) => this.#store.end(serial, now)));
    return ended.filter((lease) => lease !== undefined);
  }

  /** Those of these accounts, by name, whose peers are members now. */
  async accountsHere(accounts: readonly string[] | 'all', now: number): Promise<ReadonlySet<string>> {
    return new Set(await this.#store.accountsHere(this.#network, accounts, now));
  }

  /** Ends a place that nobody was seen to use: its joiner is gone. A member's lease stays as it is. */
  async abandon(serial: number, now: number): Promise<void> {
    const lease = await this.#store.lease(serial, now);
    if (lease?.verified === 0) await this.#store.end(serial, now);
  }

  /** Ends the leases that are due, and answers them. */
  expire(now: number): Promise<readonly Lease[]> {
    return this.#store.expire(this.#network, now);
  }

  /** Gives every lease a full length: the time in which the server was away or stood still must not cost a peer its port. */
  recover(now: number): Promise<void> {
    return this.#store.prolong(this.#network, now + this.#parts.leaseMs);
  }

  /** The living leases, those of peers that nobody has seen to listen among them, lowest port first. */
  leases(now: number): Promise<readonly Lease[]> {
    return this.#store.leases(this.#network, now);
  }

  /** A part of the living leases, by port. */
  leasesAfter(stretch: Stretch<number>, now: number): Promise<readonly Lease[]> {
    return this.#store.leasesAfter(this.#network, stretch, now);
  }

  /** A part of the members, and of those that were, by folded name. */
  membersAfter(which: Which, stretch: Stretch<string>, now: number): Promise<readonly Known[]> {
    return this.#store.membersAfter(this.#network, which, stretch, now);
  }

  /** A part of the leases of members, by serial: whoever joins comes last. */
  memberLeasesAfter(stretch: Stretch<number>, now: number): Promise<readonly Lease[]> {
    return this.#store.memberLeasesAfter(this.#network, stretch, now);
  }

  /** How many members there are: living, seen to listen, and not found dead. */
  memberCount(now: number): Promise<number> {
    return this.#store.memberCount(this.#network, now);
  }

  /** The member of this id, or the one that was; undefined when nobody is remembered who had it. */
  member(peer: PeerId, now: number): Promise<Known | undefined> {
    return this.#store.member(this.#network, peer, now);
  }

  /** The living lease of this serial. Refuses with LEASE_UNKNOWN. */
  async living(serial: number, now: number): Promise<Lease | Refusal> {
    const lease = await this.#store.lease(serial, now);
    return lease?.network === this.#network ? lease : leaseUnknown();
  }

  /** Ends a lease because whoever runs the server wants it, and answers it. Refuses with LEASE_UNKNOWN. */
  async evict(serial: number, now: number): Promise<Lease | Refusal> {
    const lease = await this.living(serial, now);
    return isRefusal(lease) ? lease : ((await this.#store.end(serial, now)) ?? leaseUnknown());
  }

  /** The members: `online` those with a living lease who were seen to listen, by port; `offline` those remembered, the last to go first. */
  async roster(now: number): Promise<Roster> {
    const online = (await this.leases(now)).filter(isMember);
    const names = new Set(online.map(({ foldedName }) => foldedName));
    const gone = await this.#store.remembered(this.#network);
    return { online, offline: gone.filter(({ foldedName }) => !names.has(foldedName)) };
  }

  /** The same as others are told it. `joined` counts how often, `seconds` for how long they have been on or off. */
  async members(which: Which, now: number): Promise<readonly Member[]> {
    const roster = await this.roster(now);
    const online = roster.online.map((lease) => member(lease, true, now - lease.joinedAt));
    const offline = roster.offline.map((peer) => member(peer, false, now - peer.endedAt));
    if (which === 'all') return [...online, ...offline];
    return which === 'online' ? online : offline;
  }

  /** How many members there are, those that died within a lease among them. */
  count(): Promise<number> {
    return this.#store.count(this.#network);
  }

  /** The signed contact of a lease; the same lease always gives the same contact. */
  contact({ peer, name, host, port, network, serial, account }: Lease): Contact {
    const unsigned = { peer, name, host, port, network, serial, ...(account === undefined ? {} : { account }) };
    return { ...unsigned, signature: this.#parts.sign(signedText(unsigned)) };
  }

  #unacceptable({ network, name, host }: Wish): Refusal | undefined {
    const ours = this.#parts.network;
    if (folded(network) !== this.#network) {
      return { code: 'WRONG_NETWORK', message: `this server's network is "${ours}"`, hint: `join with --network ${ours}` };
    }
    const fault = peerNameFault(name);
    if (fault !== undefined) return { code: 'NAME_UNACCEPTABLE', message: `a peer cannot have this name: ${fault}` };
    if (!isHost(host)) return { code: 'NOT_LISTENING', message: "the peer's host is neither an address nor a host name" };
    if (isEverywhere(host)) return nowhere(host);
    return undefined;
  }

  async #claim(wish: Wish, now: number, replaces?: number): Promise<Place | Refusal> {
    const secret = this.#parts.draw();
    const bad = await this.#store.badPorts(this.#network, wish.host, now);
    const claimed = await this.#store.claim(
      {
        network: this.#network,
        ports: this.#pool,
        preferred: this.#preferred(wish, bad),
        bad,
        host: wish.host,
        peer: wish.peer,
        name: wish.name,
        foldedName: folded(wish.name),
        cookieHash: this.#parts.hash(secret),
        expiresAt: now + this.#parts.leaseMs,
        account: wish.account,
        replaces,
      },
      now,
    );
    switch (claimed.type) {
      case 'leased':
        return this.#place(claimed.lease, `${claimed.lease.serial.toString(36)}-${secret}`);
      case 'portsHeld':
        return this.#full(bad);
      case 'nameHeld':
        return this.#nameTaken(claimed.lease, now);
      case 'peerHeld':
        // A joiner whose link broke before it heard of its place asks again; a member's id is opened by its cookie only.
        if (claimed.lease.verified === 0 && replaces === undefined) return this.#claim(wish, now, claimed.lease.serial);
        return { code: 'COOKIE_WRONG', message: 'this peer id belongs to a member, and the cookie is not its own' };
    }
  }

  #preferred({ port }: Wish, bad: readonly number[]): number | undefined {
    return port !== undefined && this.#pool.includes(port) && !bad.includes(port) ? port : undefined;
  }

  #place(lease: Lease, cookie: string): Place {
    return { lease, contact: this.contact(lease), cookie, isBack: false };
  }

  #prolonged(lease: Lease, now: number): Promise<Lease | undefined> {
    const expiresAt = now + this.#parts.leaseMs;
    return this.#store.change(lease.serial, lease.state === 'silent' ? { expiresAt, state: 'listening' } : { expiresAt }, now);
  }

  async #opened(cookie: string, now: number): Promise<Lease | Refusal> {
    const lease = await this.#store.lease(serialOf(cookie), now);
    if (lease?.network !== this.#network) return leaseUnknown();
    if (lease.cookieHash !== this.#parts.hash(cookie.slice(cookie.indexOf('-') + 1)))
      return { code: 'COOKIE_WRONG', message: 'the cookie does not open this lease' };
    return lease;
  }

  async #nameWent({ serial, name }: Lease, now: number): Promise<Refusal> {
    await this.#store.end(serial, now);
    return { code: 'LEASE_UNKNOWN', message: `the name ${name} went to another peer while this one did not answer`, hint: 'join again' };
  }

  #full(bad: readonly number[]): Refusal {
    const { ports, network, leaseMs } = this.#parts;
    const occupied = ports.filter((port) => bad.includes(port)).length;
    const others = occupied === 0 ? '' : `, ${occupied} of them by other programs`;
    const count = ports.length === 1 ? 'the only port' : `all ${ports.length} ports`;
    return {
      code: 'NETWORK_FULL',
      message: `the network "${network}" is full: ${count} in use${others}`,
      hint: `a place becomes free when a peer leaves, or ${Math.ceil(leaseMs / 1_000)} s after one has died`,
    };
  }

  async #nameTaken(holder: Lease, now: number): Promise<Refusal> {
    const taken = new Set((await this.#store.leases(this.#network, now)).map(({ foldedName }) => foldedName));
    return {
      code: 'NAME_TAKEN',
      message: `a peer called ${holder.name} is in the network already`,
      hint: `${freeName(holder.name, taken)} is free`,
      holder,
    };
  }
}

function nowhere(host: string): Refusal {
  return { code: 'NOT_LISTENING', message: `nobody else can dial ${host}`, hint: 'say with --advertise which address others are to dial' };
}

function leaseUnknown(): Refusal {
  return { code: 'LEASE_UNKNOWN', message: 'the lease has ended, or this server never gave it', hint: 'join again' };
}

function isMember({ verified, foldedName }: Lease): boolean {
  return verified > 0 && foldedName !== undefined;
}

function member({ peer, name, host, port, joinedCount, account }: Lease | Remembered, online: boolean, forMs: number): Member {
  // Over a restart the clocks of two processes are compared, and the second may have been set back.
  const whose = account === undefined ? {} : { account };
  return { peer, name, host, port, online, joined: joinedCount, seconds: Math.max(0, Math.floor(forMs / 1_000)), ...whose };
}

// One of the first `taken.size + 1` numbers is free, so this ends.
function freeName(name: string, taken: ReadonlySet<string | undefined>): string {
  let number = 2;
  while (taken.has(folded(numbered(name, number)))) number++;
  return numbered(name, number);
}

function numbered(name: string, number: number): string {
  const suffix = `-${number}`;
  const base = [...name.replace(/-\d+$/, '')].slice(0, PEER_NAME_LENGTH - suffix.length);
  return base.join('') + suffix;
}
