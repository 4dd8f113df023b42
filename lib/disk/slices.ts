/** Long work on the main thread, cut into slices: between two of them everything else has its turn. */
import { setImmediate as turn } from 'node:timers/promises';

/** How long a slice is, in milliseconds: what answers and pieces may wait for it. */
const SLICE_MS = 8;
/** How often the clock is looked at: reading it costs as much as a little of the work. */
const LOOK_EVERY = 8;

export class Slices {
  #looks = 0;
  #began = performance.now();

  /** Whether it is time to rest; to be asked after each small part of the work. */
  get isOver(): boolean {
    this.#looks += 1;
    return this.#looks % LOOK_EVERY === 0 && performance.now() - this.#began >= SLICE_MS;
  }

  /** Lets others have their turn. */
  async rest(): Promise<void> {
    await turn();
    this.#began = performance.now();
  }
}

/** The same texts, sorted by code units: the same order on every machine. */
export async function sorted(texts: readonly string[], slices: Slices): Promise<readonly string[]> {
  let runs: string[][] = [];
  for (let start = 0; start < texts.length; start += RUN) {
    runs.push(texts.slice(start, start + RUN).sort());
    await slices.rest();
  }
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], slices));
    runs = merged;
  }
  return runs[0] ?? [];
}

/** Texts that are sorted in one go, in about three milliseconds. */
const RUN = 4_096;

async function merge(one: readonly string[], other: readonly string[], slices: Slices): Promise<string[]> {
  const merged: string[] = [];
  let [at, there] = [0, 0];
  for (let [a, b] = [one[at], other[there]]; a !== undefined || b !== undefined; ) {
    if (b === undefined || (a !== undefined && a <= b)) {
      merged.push(a ?? '');
      a = one[++at];
    } else {
      merged.push(b);
      b = other[++there];
    }
    if (slices.isOver) await slices.rest();
  }
  return merged;
}
