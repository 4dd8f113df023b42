/** How fast bytes have come of late: over the last three seconds, or since the beginning when that is shorter. */

const WINDOW_MS = 3_000;
/** What came within this time is one sample, so that a fast line costs no more memory than a slow one. */
const SAMPLE_MS = 20;

export class Rate {
  readonly #began: number;
  #samples: { readonly at: number; bytes: number }[] = [];

  /** @param now Milliseconds that never go back, as in `add` and `perSecond`. */
  constructor(now: number) {
    this.#began = now;
  }

  add(bytes: number, now: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && now - last.at < SAMPLE_MS) last.bytes += bytes;
    else this.#samples.push({ at: now, bytes });
  }

  /** Bytes a second. */
  perSecond(now: number): number {
    const since = Math.max(this.#began, now - WINDOW_MS);
    this.#samples = this.#samples.filter(({ at }) => at >= since);
    const bytes = this.#samples.reduce((sum, sample) => sum + sample.bytes, 0);
    return now > since ? Math.round((bytes * 1_000) / (now - since)) : 0;
  }
}
