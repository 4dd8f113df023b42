/** How patient a test is with the machine that it runs on. */
import { readFileSync } from 'node:fs';

/**
 * How long what takes `ms` on a quiet machine may take now. The kernel says for which part of the last ten seconds some work
 * waited for a processor (PSI): while that is most of them a bound says nothing of us, so it stretches, tenfold at most.
 */
export function allowed(ms: number): number {
  return ms * Math.min(10, 1 / (1 - waitingPart()));
}

function waitingPart(): number {
  try {
    return Number(/some avg10=([\d.]+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1] ?? 0) / 100;
  } catch {
    return 0; // a kernel that does not say so
  }
}
