/** One mind, told by hand; and words for what it answers. */
import { PING_MS, PULSE_MS } from '../../lib/config.ts';
import type { View } from '../../lib/mesh/discovery/discovery.ts';
import { FloodDiscovery } from '../../lib/mesh/discovery/flood.ts';
import type { MeshEffect, MeshEvent, MeshMessage } from '../../lib/mesh/events.ts';
import { Mesh } from '../../lib/mesh/mesh.ts';
import { signed } from '../../lib/mesh/seal.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { type PeerId, type QueryId, queryId } from '../../lib/protocol/ids.ts';
import type { Question, Report } from '../../lib/protocol/messages/link.ts';
import { type Unsigned, waveText } from '../../lib/protocol/proofs.ts';
import { sealOf } from '../../lib/simulator/seal.ts';
import { chanceFrom, contactOf } from './network.ts';

/** Contacts signed by "forger" are not trusted. Time stands until a test moves it. */
export class Mind {
  readonly mesh: Mesh;
  now = 0;

  constructor(name = 'm', seal = sealOf(contactOf(name).peer)) {
    this.mesh = new Mesh({
      contact: contactOf(name),
      discovery: new FloodDiscovery(),
      trusts: ({ signature }) => signature !== 'forger',
      chance: chanceFrom(1),
      seal,
    });
  }

  tell(event: MeshEvent): readonly MeshEffect[] {
    return this.mesh.handle(event, this.now);
  }

  linked(...names: string[]): this {
    for (const name of names) this.tell({ type: 'linkUp', contact: contactOf(name) });
    return this;
  }

  hears(from: string, message: MeshMessage): readonly MeshEffect[] {
    return this.tell({ type: 'received', from: contactOf(from).peer, message });
  }

  reported(from: string, ...reports: Report[]): readonly MeshEffect[] {
    return this.hears(from, { type: 'reports', reports });
  }

  /** Time to ping, and to look who is silent. */
  watch(afterMs = PING_MS): readonly MeshEffect[] {
    this.now += afterMs;
    return this.tell({ type: 'timerFired', timer: { of: 'ping' } });
  }

  pulse(afterMs = PULSE_MS): readonly MeshEffect[] {
    this.now += afterMs;
    return this.tell({ type: 'timerFired', timer: { of: 'pulse' } });
  }
}

/** What a member says of itself, and signs. */
export function reportOf(
  name: string,
  neighbors: readonly string[],
  version = 5,
  contact: Partial<Contact> = {},
  about: Partial<Unsigned> = {},
): Report {
  const { peer } = contactOf(name);
  const linked = neighbors.map((neighbor) => contactOf(neighbor).peer);
  return signed({ contact: { ...contactOf(name), ...contact }, version, neighbors: linked, ...about }, sealOf(peer));
}

/** The name that an id of the made-up network was made from. */
export function nameOf(peer: PeerId): string {
  return peer.replaceAll('_', '');
}

export function dialled(effects: readonly MeshEffect[]): string[] {
  return effects.flatMap((effect) => (effect.type === 'dial' ? effect.contact.name : []));
}

export function hungUp(effects: readonly MeshEffect[]): string[] {
  return effects.flatMap((effect) => (effect.type === 'hangUp' ? `${nameOf(effect.peer)} ${effect.cause}` : []));
}

/** To whom messages of this type are sent. */
export function said(effects: readonly MeshEffect[], type: MeshMessage['type']): string[] {
  return effects.flatMap((effect) => (effect.type === 'send' && effect.message.type === type ? nameOf(effect.to) : []));
}

/** How often the register is asked. */
export function asks(effects: readonly MeshEffect[]): number {
  return effects.filter(({ type }) => type === 'askRegistry').length;
}

/** The messages of one type, with their receivers. */
export function messages<Type extends MeshMessage['type']>(effects: readonly MeshEffect[], type: Type) {
  return effects.flatMap((effect) =>
    effect.type === 'send' && effect.message.type === type
      ? [{ to: nameOf(effect.to), ...(effect.message as Extract<MeshMessage, { type: Type }>) }]
      : [],
  );
}

/** Under which all but the copies of a wave go. */
export function waveId(query: QueryId, want: Question, only?: PeerId): QueryId {
  return queryId(sealOf(contactOf('m').peer).digest(waveText(query, want, only)));
}

/** The part of a view that speaks for the peer of this name. */
export function spokenFor(name: string): Pick<View, 'report' | 'seal' | 'prove' | 'isLost'> {
  const seal = sealOf(contactOf(name).peer);
  return {
    report: reportOf(name, []),
    seal,
    isLost: () => false,
    prove: (peer, text) => seal.prove(sealOf(peer).keys, text),
  };
}
