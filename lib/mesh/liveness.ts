/**
 * Which neighbours are still there. A kill closes its sockets and is known at once; this is for peers that hang, and for
 * cables that were pulled.
 *
 * Each link has one pinger, the end with the lower id. The other end answers, and waits for the next ping, which each ping
 * announces: two messages a link and pulse tell both ends. Where everybody knows everybody each peer is watched closely by two,
 * and its other near links are calm: pinged a quarter as often. Whoever has been silent for two pulses is suspected, and common
 * neighbours are asked (SWIM), and told for how long: over a calm link silence counts from then, too. Else it counts from the
 * oldest ping without an answer, or from when a ping was due; a verdict falls when it is longer than a stall of two seconds
 * and the longest round trip of that link make it, and later when a common neighbour vouches. While our own loop stood still
 * nobody was silent (Lifeguard).
 */
import {
  FAR_MS,
  LAG_MS,
  PING_CALM_MS,
  PING_FAR_MS,
  PING_MS,
  ROUND_TRIP_FIRST_MS,
  ROUND_TRIP_MEASURES,
  ROUND_TRIP_MOST_MS,
  ROUND_TRIP_REMEMBERED_MS,
  SILENT_MS,
  SUSPECTED_MS,
  VOUCHED_MS,
} from '../config.ts';
import type { PeerId } from '../protocol/ids.ts';
import { MAX_SILENT_MS } from '../protocol/messages/link.ts';

export interface Verdicts {
  readonly giveUp: readonly PeerId[];
  /** When to look again, because somebody's time is over then; undefined when the next pulse is early enough. */
  readonly lookAfterMs: number | undefined;
}

export interface Pulse extends Verdicts {
  /** Whom to ping, and what to announce: in how many milliseconds the next ping comes. */
  readonly ping: readonly { readonly peer: PeerId; readonly nextMs: number }[];
  /** Of whom to ask common neighbours, and for how long each has been silent. */
  readonly suspect: readonly { readonly peer: PeerId; readonly silentMs: number }[];
  /** When the next pulse is due. */
  readonly afterMs: number;
}

/** One neighbour. Its numbers are whole, and so lie in it: a large network looks at a hundred thousand of these in a moment. */
interface Ear extends Delay {
  readonly peer: PeerId;
  readonly isPinger: boolean;
  /** When the oldest ping that is not answered yet was sent; 0 when all are. */
  oldestAt: number;
  /** When the others were sent, the oldest first; most of the time there are none. */
  others: number[] | undefined;
  /** When the last ping was sent, and in how many milliseconds the next was announced to come: by us, or by the other end. */
  pingedAt: number;
  everyMs: number;
  heardAt: number;
  /** Since when others have not heard it, as they say; only of a calm link. */
  toldAt: number;
  isSuspected: boolean;
  isVouchedFor: boolean;
  /** Who is to be told when it is heard, and since when; most of the time nobody. */
  askers: Map<PeerId, number> | undefined;
}

/** How long a link takes, as far as it was measured: the longest of the last minutes, and the mean. */
interface Delay {
  measures: number;
  meanMicros: number;
  longestMs: number;
  longestBeforeMs: number;
  longestSince: number;
}

const NOBODY: readonly never[] = [];

export class Liveness {
  readonly #self: PeerId;
  readonly #ears = new Map<PeerId, Ear>();
  /** When the next pulse and the next look were to come. */
  #pulseDue = Number.POSITIVE_INFINITY;
  #lookDue = Number.POSITIVE_INFINITY;
  /** Until when it is known how long our own loop stood still. */
  #accountedUntil = Number.NEGATIVE_INFINITY;

  constructor(self: PeerId) {
    this.#self = self;
  }

  linkUp(peer: PeerId, now: number): void {
    this.#ears.set(peer, {
      peer,
      isPinger: this.#self < peer,
      oldestAt: NEVER,
      others: undefined,
      pingedAt: NEVER,
      everyMs: PING_MS,
      heardAt: now,
      toldAt: NEVER,
      measures: 0,
      meanMicros: 0,
      longestMs: 0,
      longestBeforeMs: 0,
      longestSince: now,
      isSuspected: false,
      isVouchedFor: false,
      askers: undefined,
    });
  }

  linkDown(peer: PeerId): void {
    this.#ears.delete(peer);
  }

  /** A neighbour has pinged us, and announced its next ping, if it is the one that pings this link. */
  pinged(peer: PeerId, nextMs: number | undefined, now: number): void {
    const ear = this.#ears.get(peer);
    // What comes by itself may come over a cut that is one-way: whoever pings believes in answers only.
    if (ear === undefined || ear.isPinger) return;
    if (nextMs !== undefined) {
      measured(ear, Math.max(0, now - ear.heardAt - ear.everyMs), now);
      ear.everyMs = nextMs;
    }
    hear(ear, now);
  }

  /** A neighbour has answered a ping; who asked about it, and is to be told. */
  answered(peer: PeerId, now: number): readonly PeerId[] {
    const ear = this.#ears.get(peer);
    if (ear === undefined || ear.oldestAt === NEVER) return NOBODY;
    const sent = ear.oldestAt;
    ear.oldestAt = ear.others?.shift() ?? NEVER;
    // Of pings that waited for each other only the first says how long it took, and that was a stall.
    if (ear.isPinger && ear.oldestAt === NEVER && !ear.isSuspected) measured(ear, now - sent, now);
    hear(ear, now);
    if (ear.askers === undefined) return NOBODY;
    const askers = [...ear.askers.keys()];
    ear.askers = undefined;
    return askers;
  }

  /**
   * `asker` suspects `peer`, has not heard it for `silentMs`, and is told when we hear it; whether `peer` is a neighbour that is
   * to be pinged for that.
   */
  promise(peer: PeerId, asker: PeerId, silentMs: number, now: number): boolean {
    const ear = this.#ears.get(peer);
    if (ear === undefined || ear.askers?.has(asker)) return false;
    ear.askers ??= new Map();
    ear.askers.set(asker, now);
    if (isCalm(ear)) believe(ear, now - silentMs);
    noteSent(ear, now);
    return true;
  }

  /** A common neighbour has just heard `peer`. */
  vouched(peer: PeerId): void {
    const ear = this.#ears.get(peer);
    if (ear?.isSuspected) ear.isVouchedFor = true;
  }

  /**
   * A pulse has passed: what is to be done about whom.
   * @param watched The neighbours that are ours to watch closely; undefined, when all are.
   */
  pulse(now: number, watched?: ReadonlySet<PeerId>): Pulse {
    const isLate = this.#account(this.#pulseDue, now);
    let afterMs = PING_MS;
    let ping: { peer: PeerId; nextMs: number }[] | undefined;
    let suspect: { peer: PeerId; silentMs: number }[] | undefined;
    for (const ear of this.#ears.values()) {
      if (ear.askers !== undefined) forgetAskers(ear.askers, now);
      if (ear.isPinger) {
        const everyMs = paceOf(ear, watched);
        if (isDue(ear, everyMs, now)) {
          ping ??= [];
          ping.push({ peer: ear.peer, nextMs: pinging(ear, everyMs, now) });
        }
      }
      if (isNewlySuspect(ear, now)) {
        suspect ??= [];
        suspect.push({ peer: ear.peer, silentMs: Math.min(MAX_SILENT_MS, now - silentSince(ear)) });
      }
      if (ear.isPinger && ear.everyMs < afterMs) afterMs = ear.everyMs;
    }
    this.#pulseDue = now + afterMs;
    const { giveUp, lookAfterMs } = this.#verdicts(isLate, now);
    return { ping: ping ?? NOBODY, suspect: suspect ?? NOBODY, afterMs, giveUp, lookAfterMs };
  }

  /** Somebody's time may be over. */
  look(now: number): Verdicts {
    return this.#verdicts(this.#account(this.#lookDue, now), now);
  }

  /** No verdict falls on a late look: what came meanwhile has not been read yet. */
  #verdicts(isLate: boolean, now: number): Verdicts {
    let next = Number.POSITIVE_INFINITY;
    let giveUp: PeerId[] | undefined;
    for (const ear of this.#ears.values()) {
      const at = endOf(ear);
      if (isLate || at > now) next = Math.min(next, at);
      else {
        giveUp ??= [];
        giveUp.push(ear.peer);
      }
    }
    const isBeforePulse = next < this.#pulseDue;
    this.#lookDue = isBeforePulse ? Math.max(next, now + 1) : Number.POSITIVE_INFINITY;
    return { giveUp: giveUp ?? NOBODY, lookAfterMs: isBeforePulse ? this.#lookDue - now : undefined };
  }

  /** Whether we look later than we were to; then our own loop stood still, and nobody was silent meanwhile. */
  #account(due: number, now: number): boolean {
    const late = now - Math.max(due, this.#accountedUntil);
    if (late <= LAG_MS) return false;
    this.#accountedUntil = now;
    for (const ear of this.#ears.values()) {
      ear.heardAt = Math.min(now, ear.heardAt + late);
      if (ear.toldAt !== NEVER) ear.toldAt = Math.min(now, ear.toldAt + late);
      if (ear.oldestAt !== NEVER) ear.oldestAt = Math.min(now, ear.oldestAt + late);
      ear.others = ear.others?.map((sent) => Math.min(now, sent + late));
    }
    return true;
  }
}

/** Stands for no moment. A small integer, which a field keeps in place where it could not keep an infinity. */
const NEVER = -1;

function noteSent(ear: Ear, now: number): void {
  if (ear.oldestAt === NEVER) ear.oldestAt = now;
  else {
    ear.others ??= [];
    ear.others.push(now);
  }
}

function hear(ear: Ear, now: number): void {
  ear.heardAt = now;
  ear.toldAt = NEVER;
  ear.isSuspected = false;
  ear.isVouchedFor = false;
}

/** Others have not heard it since `since`, nor have we: from then on it is silent, and suspected. */
function believe(ear: Ear, since: number): void {
  if (ear.heardAt >= since) return;
  ear.toldAt = ear.toldAt === NEVER ? since : Math.min(ear.toldAt, since);
  ear.isSuspected = true;
}

/** Since when an answer, or a ping, is missed, by us or by who watches it more closely; Infinity, when none is. */
function silentSince(ear: Ear): number {
  const missed = missedSince(ear);
  return ear.toldAt === NEVER ? missed : Math.min(missed, ear.toldAt);
}

function missedSince({ isPinger, oldestAt, heardAt, everyMs }: Ear): number {
  if (!isPinger) return heardAt + everyMs;
  return oldestAt === NEVER ? Number.POSITIVE_INFINITY : oldestAt;
}

function isCalm({ everyMs }: Ear): boolean {
  return everyMs > PING_MS;
}

/** When its time is over, unless it is heard before. */
function endOf(ear: Ear): number {
  return silentSince(ear) + SILENT_MS + mostMs(ear) + (ear.isVouchedFor ? VOUCHED_MS : 0);
}

function isNewlySuspect(ear: Ear, now: number): boolean {
  if (ear.isSuspected || now - silentSince(ear) < SUSPECTED_MS) return false;
  ear.isSuspected = true;
  return true;
}

/** How often to ping it. Over a far link the word of others would come late: it is pinged as if nobody else watched. */
function paceOf({ peer, meanMicros }: Ear, watched: ReadonlySet<PeerId> | undefined): number {
  if (meanMicros > FAR_MS * 1_000) return PING_FAR_MS;
  return watched === undefined || watched.has(peer) ? PING_MS : PING_CALM_MS;
}

// Sooner than was announced when the pace has grown meanwhile.
function isDue({ pingedAt, everyMs }: Ear, paceMs: number, now: number): boolean {
  return pingedAt === NEVER || now - pingedAt >= Math.min(everyMs, paceMs) - LAG_MS;
}

/** Notes that a ping is sent; answers when the next one will be. */
function pinging(ear: Ear, everyMs: number, now: number): number {
  noteSent(ear, now);
  ear.pingedAt = now;
  ear.everyMs = everyMs;
  return everyMs;
}

// An asker has given the peer up itself by then.
function forgetAskers(askers: Map<PeerId, number>, now: number): void {
  for (const [asker, since] of askers) if (now - since > SILENT_MS) askers.delete(asker);
}

/** What is longer than any link of this world takes is a stall. */
function measured(delay: Delay, ms: number, now: number): void {
  if (ms > ROUND_TRIP_MOST_MS) return;
  if (now - delay.longestSince > ROUND_TRIP_REMEMBERED_MS) {
    delay.longestBeforeMs = delay.longestMs;
    delay.longestMs = 0;
    delay.longestSince = now;
  }
  delay.measures += 1;
  delay.meanMicros += Math.trunc((ms * 1_000 - delay.meanMicros) / Math.min(delay.measures, ROUND_TRIP_MEASURES));
  delay.longestMs = Math.max(delay.longestMs, ms);
}

/** What to allow for. Few measures are not believed to have met the longest. */
function mostMs({ measures, longestMs, longestBeforeMs }: Delay): number {
  if (measures === 0) return ROUND_TRIP_FIRST_MS;
  return Math.max(longestMs, longestBeforeMs) * (measures < ROUND_TRIP_MEASURES ? 2 : 1);
}
