/** How a link behaves: latency, loss, duplication, bandwidth. One for the whole network, and another where a plan says so. */
import { type Chance, happens } from './random.ts';

/** How long a message is on its way, in milliseconds. `lognormal` has a long tail, as measured round trips have one. */
export type Latency =
  | { readonly kind: 'constant'; readonly ms: number }
  | { readonly kind: 'uniform'; readonly leastMs: number; readonly mostMs: number }
  | { readonly kind: 'lognormal'; readonly medianMs: number; readonly sigma: number; readonly mostMs: number };

export interface Weather {
  readonly latency: Latency;
  /** The part of messages of which TCP has to send something again: it comes late, and so does what was sent after it. */
  readonly loss: number;
  /** The part of messages that are delivered twice. TCP does no such thing: what is told twice must do no harm all the same. */
  readonly duplication: number;
  /** What one direction carries, in bytes a second; Infinity is no limit, 0 is a link that stalls. */
  readonly bytesPerSecond: number;
}

/** A home network's: one to five milliseconds, nothing lost. */
export const CALM: Weather = {
  latency: { kind: 'uniform', leastMs: 1, mostMs: 5 },
  loss: 0,
  duplication: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
};

/** The least and the most that TCP waits before it sends again what was lost; it doubles each time (Linux, RFC 6298). */
const RESEND_MS = 200;
const RESEND_MOST_MS = 120_000;

/** How long one message is on its way, what is sent again counted. */
export function travelMs(weather: Weather, chance: Chance): number {
  return weather.loss > 0 ? latencyMs(weather.latency, chance) + resendMs(weather.loss, chance) : latencyMs(weather.latency, chance);
}

function latencyMs(latency: Latency, chance: Chance): number {
  switch (latency.kind) {
    case 'constant':
      return latency.ms;
    case 'uniform':
      return latency.leastMs + chance.next() * (latency.mostMs - latency.leastMs);
    case 'lognormal':
      return Math.min(latency.mostMs, latency.medianMs * Math.exp(latency.sigma * normal(chance)));
  }
}

/** What the tries that are lost cost, one after another. A link that loses everything is one without bandwidth. */
function resendMs(loss: number, chance: Chance): number {
  let ms = 0;
  for (let pause = RESEND_MS; ms < RESEND_MOST_MS && happens(loss, chance); pause *= 2) ms += pause;
  return ms;
}

/** A number of the normal distribution (Box and Muller 1958). */
function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(1 - chance.next())) * Math.cos(2 * Math.PI * chance.next());
}
