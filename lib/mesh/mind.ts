/** What a body needs of a mind: `Mesh` is one, and whoever plays a hostile member puts another in its place. */
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { MeshEffect, MeshEvent } from './events.ts';
import type { MeshParts } from './mesh.ts';

export interface Mind {
  readonly neighbors: ReadonlySet<PeerId>;
  readonly members: readonly PeerId[];
  contact(peer: PeerId): Contact | undefined;
  hasRoom(peer: PeerId): boolean;
  handle(event: MeshEvent, now: number): readonly MeshEffect[];
}

export type MakeMind = (parts: MeshParts) => Mind;
