/**
 * Flooding, the default way to find a file: planned where everybody knows the whole network, hop by hop where not.
 *
 * A network that grows or shrinks past that border has both at once for some seconds. Who does not know all asks by a wave,
 * and every peer passes on whichever comes; a plan that goes badly is helped by a wave, too (`rescue`), and who loses the last link, or
 * hears of hardly anybody, asks anew (`stranded`). Each half comes to be with the first event that it has to do with.
 */
import { RESCUE_AFTER_MS, WIDE_SEARCH_MS } from '../../config.ts';
import type { PeerId } from '../../protocol/ids.ts';
import type { MeshEffect, MeshEvent, MeshMessage } from '../events.ts';
import type { Discovery, Stuck, Underway, View } from './discovery.ts';
import { PlannedFlood } from './planned.ts';
import { Rescue, type Search, type SearchEnded } from './rescue.ts';
import { StrandedSearches } from './stranded.ts';
import { WaveFlood } from './wave.ts';

export class FloodDiscovery implements Discovery, Underway {
  readonly name = 'flood';
  #planned: PlannedFlood | undefined;
  #waves: WaveFlood | undefined;
  /** Our own searches; the first brings it about. */
  #own: StrandedSearches | undefined;
  /** Our own searches that were planned; most of the time there are none. */
  #rescues: Map<string, Rescue> | undefined;

  get underway(): Underway {
    return this;
  }

  get isBusy(): boolean {
    return this.#planned?.isBusy === true || this.#waves?.isBusy === true;
  }

  uses(peer: PeerId): boolean {
    return this.#waves?.uses(peer) === true;
  }

  stuck(now: number): Stuck | undefined {
    return this.#waves?.stuck(now);
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    if (event.type === 'search') this.#own ??= this.#stranded();
    return this.#own === undefined ? this.#flood(event, view) : this.#own.handle(event, view);
  }

  #flood(event: MeshEvent, view: View): MeshEffect[] {
    switch (event.type) {
      case 'search':
        return view.knowsAll ? this.#begin(event, view) : this.#wave().handle(event, view);
      case 'askTopology':
        return view.knowsAll ? [] : this.#wave().handle(event, view);
      case 'received':
        return this.#received(event, event.message, view);
      case 'cancel':
        this.#rescues?.delete(event.query);
        return [...this.#byPlan(event, view), ...this.#byWave(event, view)];
      case 'timerFired': {
        const effects = [...this.#byPlan(event, view), ...this.#byWave(event, view)];
        const { timer } = event;
        if (timer.of === 'discovery') effects.push(...this.#look(this.#rescues?.get(timer.task), view));
        else if (timer.of === 'search') effects.push(...this.#look(this.#rescues?.get(timer.query), view));
        return effects;
      }
      default:
        return [...this.#byPlan(event, view), ...this.#byWave(event, view)];
    }
  }

  #received(event: Extract<MeshEvent, { type: 'received' }>, message: MeshMessage, view: View): MeshEffect[] {
    switch (message.type) {
      case 'query':
        this.#plan();
        return this.#byPlan(event, view);
      case 'echo':
        return this.#byPlan(event, view);
      case 'wave':
      case 'extend':
        this.#wave();
        return this.#byWave(event, view);
      case 'ebb':
      case 'placed':
        return this.#byWave(event, view);
      case 'hits':
        return message.contact === undefined ? this.#byPlan(event, view) : this.#byWave(event, view);
      case 'cancel':
        return [...this.#byPlan(event, view), ...this.#byWave(event, view)];
      default:
        return [];
    }
  }

  // --- a plan, and a wave that helps it ---------------------------------------------------------------------------------

  #begin(search: Search, view: View): MeshEffect[] {
    this.#plan();
    this.#rescues ??= new Map();
    this.#rescues.set(search.query, new Rescue(search, view.now));
    const timer = { of: 'discovery', task: search.query } as const;
    return [{ type: 'setTimer', timer, afterMs: RESCUE_AFTER_MS }, ...this.#byPlan(search, view)];
  }

  #byPlan(event: MeshEvent, view: View): MeshEffect[] {
    const effects = this.#planned?.handle(event, view) ?? [];
    return this.#rescues === undefined ? effects : effects.flatMap((effect) => this.#ofPlan(effect, view));
  }

  #byWave(event: MeshEvent, view: View): MeshEffect[] {
    const effects = this.#waves?.handle(event, view) ?? [];
    return this.#rescues === undefined ? effects : effects.flatMap((effect) => this.#ofWave(effect, view));
  }

  #ofPlan(effect: MeshEffect, view: View): MeshEffect[] {
    const rescue = this.#rescueOf(effect);
    if (effect.type === 'found') rescue?.heard(effect.provider.peer);
    if (rescue === undefined || effect.type !== 'searchEnded') return [effect];
    rescue.planned = effect;
    if (rescue.wave === 'none' && rescue.leftMs(view.now) > 0 && this.#missesMembers(rescue, view)) return this.#help(rescue, view);
    const goesOn = rescue.wave === 'under way' && rescue.leftMs(view.now) > 0 && effect.silent > 0;
    return goesOn ? [] : this.#end(rescue, effect, view);
  }

  #ofWave(effect: MeshEffect, view: View): MeshEffect[] {
    const rescue = this.#rescueOf(effect);
    if (effect.type === 'found') rescue?.heard(effect.provider.peer);
    if (rescue === undefined || effect.type !== 'searchEnded') return [effect];
    rescue.wave = 'over';
    return rescue.planned === undefined ? [] : this.#end(rescue, rescue.planned, view);
  }

  #rescueOf(effect: MeshEffect): Rescue | undefined {
    return effect.type === 'found' || effect.type === 'searchEnded' ? this.#rescues?.get(effect.query) : undefined;
  }

  /** Whether the plan missed somebody who can be reached, as far as we know now. */
  #missesMembers({ search }: Rescue, view: View): boolean {
    const members = new Set(view.members());
    return this.#plan()
      .missed(search.query, view.self)
      .some((peer) => members.has(peer));
  }

  /** Half of the time of a plan is over, or all of a search's. */
  #look(rescue: Rescue | undefined, view: View): MeshEffect[] {
    if (rescue === undefined) return [];
    if (rescue.planned !== undefined && rescue.leftMs(view.now) <= 0) return this.#end(rescue, rescue.planned, view);
    // A loop that stood still may look so late that no time is left.
    return rescue.wave === 'none' && rescue.leftMs(view.now) > 0 ? this.#help(rescue, view) : [];
  }

  #help(rescue: Rescue, view: View): MeshEffect[] {
    rescue.wave = 'under way';
    const effects = this.#wave().search(rescue.search, rescue.leftMs(view.now), view);
    return effects.flatMap((effect) => this.#ofWave(effect, view));
  }

  #end(rescue: Rescue, planned: SearchEnded, view: View): MeshEffect[] {
    const { query } = planned;
    this.#rescues?.delete(query);
    const cancelled = this.#waves?.handle({ type: 'cancel', query }, view) ?? [];
    return [...cancelled, rescue.ended(planned, this.#plan().missed(query, view.self))];
  }

  #stranded(): StrandedSearches {
    return new StrandedSearches({
      tell: (event, view) => this.#flood(event, view),
      askPatiently: (search, view) => this.#wave().search(search, WIDE_SEARCH_MS, view, search.enough),
    });
  }

  #plan(): PlannedFlood {
    this.#planned ??= new PlannedFlood();
    return this.#planned;
  }

  #wave(): WaveFlood {
    this.#waves ??= new WaveFlood();
    return this.#waves;
  }
}
