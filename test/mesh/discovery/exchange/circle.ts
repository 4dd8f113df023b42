/** Some peers of a network that finds by exchange, told by hand: what they send is carried at once, or lost, or looked at. */
import { PULSE_MS } from '../../../../lib/config.ts';
import type { View } from '../../../../lib/mesh/discovery/discovery.ts';
import { ExchangeDiscovery } from '../../../../lib/mesh/discovery/exchange.ts';
import type { MeshEffect, MeshEvent, MeshMessage } from '../../../../lib/mesh/events.ts';
import { Shelf } from '../../../../lib/mesh/shelf.ts';
import { parseLinkMessage } from '../../../../lib/protocol/codec.ts';
import type { Contact, Provider, Want } from '../../../../lib/protocol/fields.ts';
import { type PeerId, queryId } from '../../../../lib/protocol/ids.ts';
import { sealOf } from '../../../../lib/simulator/seal.ts';
import { spokenFor } from '../../mind.ts';
import { contactOf, fileOf } from '../../network.ts';

export type Sent = { readonly from: string; readonly to: string } & MeshMessage;
type Inquired = Extract<MeshEffect, { type: 'askServer' }>;

export class Member {
  readonly contact: Contact;
  readonly shelf = new Shelf();
  readonly neighbors = new Set<PeerId>();
  readonly discovery: ExchangeDiscovery;
  readonly inquired: Inquired[] = [];
  readonly others: MeshEffect[] = [];
  serial = 1;
  knowsAll = false;

  constructor(name: string, lifeMs?: number) {
    this.contact = contactOf(name);
    this.discovery = lifeMs === undefined ? new ExchangeDiscovery() : new ExchangeDiscovery(lifeMs);
  }
}

export class Circle {
  readonly members = new Map<string, Member>();
  /** All that was sent, in order. */
  readonly sent: Sent[] = [];
  now = 0;
  /** Which messages are lost. */
  loses: (sent: Sent) => boolean = () => false;
  readonly #underway: Sent[] = [];
  readonly #timers: { readonly at: number; readonly name: string; readonly event: MeshEvent }[] = [];
  #queries = 0;

  /** A member with these files, linked with those that are named. */
  join(name: string, files: readonly string[] = [], links: readonly string[] = [], lifeMs?: number): Member {
    const member = new Member(name, lifeMs);
    this.members.set(name, member);
    for (const file of files) member.shelf.put(fileOf(file));
    this.tell(name, { type: 'shared', offer: member.shelf });
    for (const other of links) this.link(name, other);
    return member;
  }

  member(name: string): Member {
    const member = this.members.get(name);
    if (member === undefined) throw new Error(`nobody is called ${name}`);
    return member;
  }

  link(one: string, other: string): void {
    const [a, b] = [this.member(one), this.member(other)];
    a.neighbors.add(b.contact.peer);
    b.neighbors.add(a.contact.peer);
    this.tell(one, { type: 'linkUp', contact: b.contact });
    this.tell(other, { type: 'linkUp', contact: a.contact });
    this.carry();
  }

  /** A link breaks. */
  part(one: string, other: string, cause: 'crashed' | 'left' | 'evicted' = 'crashed'): void {
    const [a, b] = [this.member(one), this.member(other)];
    a.neighbors.delete(b.contact.peer);
    b.neighbors.delete(a.contact.peer);
    this.tell(one, { type: 'linkDown', peer: b.contact.peer, cause });
    this.tell(other, { type: 'linkDown', peer: a.contact.peer, cause });
    this.carry();
  }

  /** A process is killed: its neighbours lose their links. */
  crash(name: string, cause: 'crashed' | 'left' = 'crashed'): void {
    const { contact } = this.member(name);
    this.members.delete(name);
    for (const [other, { neighbors }] of this.members)
      if (neighbors.delete(contact.peer)) this.tell(other, { type: 'linkDown', peer: contact.peer, cause });
    this.carry();
  }

  /** Lets so many milliseconds pass, a pulse at a time. */
  pass(ms: number): void {
    for (const until = this.now + ms; this.now < until; ) {
      this.now += Math.min(PULSE_MS / 10, until - this.now);
      for (const due of this.#timers.filter(({ at }) => at <= this.now)) {
        this.#timers.splice(this.#timers.indexOf(due), 1);
        this.tell(due.name, due.event);
      }
      if (this.now % PULSE_MS === 0)
        for (const name of this.members.keys()) this.tell(name, { type: 'timerFired', timer: { of: 'pulse' } });
      this.carry();
    }
  }

  /** Carries what was sent, and what that brings about. */
  carry(): void {
    for (let next = this.#underway.shift(); next !== undefined; next = this.#underway.shift()) {
      const { from, to, ...message } = next;
      this.hears(to, from, message);
    }
  }

  hears(name: string, from: string, message: MeshMessage): void {
    if (!this.members.has(name)) return;
    this.tell(name, { type: 'received', from: contactOf(from).peer, message: parseLinkMessage(JSON.stringify(message)) as MeshMessage });
  }

  tell(name: string, event: MeshEvent): MeshEffect[] {
    const member = this.member(name);
    const effects = member.discovery.handle(event, this.#view(name, member));
    for (const effect of effects) this.#perform(name, member, effect);
    return effects;
  }

  /** What a search at this member brings at once, sorted; undefined when it asks others. */
  finds(name: string, want: Want | string, only?: string): string[] | undefined {
    this.#queries += 1;
    const query = queryId(`q${this.#queries}`.padEnd(22, '_'));
    const asked: Want = typeof want === 'string' ? { by: 'name', name: want } : want;
    const whom = only === undefined ? {} : { only: contactOf(only).peer };
    const effects = this.tell(name, { type: 'search', query, want: asked, ...whom });
    if (!effects.some(({ type }) => type === 'searchEnded')) return undefined;
    return effects.flatMap((effect) => (effect.type === 'found' ? told(effect.provider) : [])).sort();
  }

  /** Messages of one type, from here on, and forgotten then. */
  taken(): Sent[] {
    return this.sent.splice(0);
  }

  #perform(name: string, member: Member, effect: MeshEffect): void {
    if (effect.type === 'send') {
      const to = effect.to.replaceAll('_', '');
      const sent: Sent = { ...effect.message, from: name, to };
      this.sent.push(sent);
      if (!this.loses(sent)) this.#underway.push(sent);
    } else if (effect.type === 'setTimer') {
      this.#timers.push({ at: this.now + effect.afterMs, name, event: { type: 'timerFired', timer: effect.timer } });
    } else if (effect.type === 'askServer') member.inquired.push(effect);
    else member.others.push(effect);
  }

  #view(name: string, { contact, neighbors, shelf, serial, knowsAll }: Member): View {
    return {
      self: contact.peer,
      now: this.now,
      neighbors,
      library: shelf,
      knowsAll,
      contact: { ...contact, serial },
      trusts: ({ signature }) => signature !== 'forger',
      members: () => [contact.peer, ...neighbors],
      routes: () => new Map(),
      ...spokenFor(name),
      seal: sealOf(contact.peer),
    };
  }
}

function told({ peer, name }: Provider): string {
  return `${name} at ${peer.replaceAll('_', '')}`;
}
