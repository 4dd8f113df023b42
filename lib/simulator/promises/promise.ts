/** The contract of what is promised: a name, the sentence that is true, and a function that says what is not. */
import type { MeshEffect, MeshEvent } from '../../mesh/events.ts';
import type { Host } from '../host.ts';
import type { Ward } from '../ward.ts';
import type { World } from '../world.ts';

/** An event that an honest peer took in, and what came of it; the ward knows what was before. */
export interface Told {
  readonly world: World;
  readonly host: Host;
  readonly ward: Ward;
  readonly event: MeshEvent;
  readonly effects: readonly MeshEffect[];
}

/** What holds after every event; looks at the one peer that was told something. */
export interface Safety {
  readonly name: string;
  readonly sentence: string;
  /** What is wrong; undefined when nothing is. */
  fault(told: Told): string | undefined;
}

/** What holds once all faults have ended and time has passed. */
export interface Liveness {
  readonly name: string;
  readonly sentence: string;
  /** Whether it holds for the honest, too, when others are hostile. */
  readonly amongHostile: boolean;
  fault(world: World): string | undefined;
}
