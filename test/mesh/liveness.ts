import t from 'tap';
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
} from '../../lib/config.ts';
import { Liveness } from '../../lib/mesh/liveness.ts';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';
import { MAX_SILENT_MS } from '../../lib/protocol/messages/link.ts';
import { type Network, settledNetwork } from './network.ts';

// On a machine with other work.
t.setTimeout(300_000);

const [a, m, x, y] = ['a', 'm', 'x', 'y'].map(peerId) as [PeerId, PeerId, PeerId, PeerId];

/** A watch on its neighbours, told the time by hand: it pulses, and looks, when it wants to. */
class Watch {
  readonly liveness = new Liveness(m);
  readonly pings: { readonly to: PeerId; readonly at: number; readonly nextMs: number }[] = [];
  readonly suspects: { readonly peer: PeerId; readonly silentMs: number; readonly at: number }[] = [];
  readonly givenUp: { readonly peer: PeerId; readonly at: number }[] = [];
  now = 0;
  /** Whom it is to watch closely, while others watch the rest; undefined: all. */
  watched: ReadonlySet<PeerId> | undefined;
  #pulseAt = PING_MS;
  #lookAt = Number.POSITIVE_INFINITY;

  constructor(...neighbors: PeerId[]) {
    for (const peer of neighbors) this.liveness.linkUp(peer, 0);
  }

  /** Lets time pass; each ping is answered after so many milliseconds, when it is. */
  run(ms: number, answeredAfter: (to: PeerId) => number | undefined = () => undefined): this {
    const end = this.now + ms;
    for (;;) {
      const next = Math.min(this.#pulseAt, this.#lookAt);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (this.#lookAt <= this.#pulseAt) this.#verdicts(this.liveness.look(this.now));
      else this.#pulse(answeredAfter);
    }
    this.now = Math.max(this.now, end);
    return this;
  }

  /** Its own loop stands still. */
  stall(ms: number): this {
    this.now += ms;
    return this;
  }

  #pulse(answeredAfter: (to: PeerId) => number | undefined): void {
    const { ping, suspect, afterMs, ...verdicts } = this.liveness.pulse(this.now, this.watched);
    this.#pulseAt = this.now + afterMs;
    for (const { peer, nextMs } of ping) this.pings.push({ to: peer, at: this.now, nextMs });
    this.suspects.push(...suspect.map((each) => ({ ...each, at: this.now })));
    this.#verdicts(verdicts);
    for (const { peer } of ping) {
      const ms = answeredAfter(peer);
      if (ms !== undefined) this.liveness.answered(peer, this.now + ms);
    }
  }

  #verdicts({ giveUp, lookAfterMs }: ReturnType<Liveness['look']>): void {
    this.#lookAt = lookAfterMs === undefined ? Number.POSITIVE_INFINITY : this.now + lookAfterMs;
    this.givenUp.push(...giveUp.map((peer) => ({ peer, at: this.now })));
    for (const peer of giveUp) this.liveness.linkDown(peer);
  }
}

/** One whose pings were answered often, each after `ms`. */
function measured(ms: number, ...neighbors: PeerId[]): Watch {
  return new Watch(...neighbors).run(ROUND_TRIP_MEASURES * PING_MS + PING_MS, () => ms);
}

t.test('of each link one end pings, the lower id, and every ping says when the next one comes', async (t) => {
  const watch = new Watch(a, x, y).run(3 * PING_MS, () => 0);
  t.same(
    watch.pings.map(({ to, at, nextMs }) => [to, at, nextMs]),
    [PING_MS, 2 * PING_MS, 3 * PING_MS].flatMap((at) => [
      [x, at, PING_MS],
      [y, at, PING_MS],
    ]),
  );
});

t.test('over a long link pings go twice as often, and over the others not', async (t) => {
  const watch = new Watch(x, y).run(20_000, (to) => (to === x ? FAR_MS + 10 : 1));
  const since = watch.pings.length;
  watch.run(10 * PING_MS, (to) => (to === x ? FAR_MS + 10 : 1));
  const late = watch.pings.slice(since);
  t.equal(late.filter(({ to, nextMs }) => to === x && nextMs === PING_FAR_MS).length, 20);
  t.equal(late.filter(({ to, nextMs }) => to === y && nextMs === PING_MS).length, 10);
});

t.test('who is watched by others is pinged a quarter as often, is pinged sooner when they are gone, and a long link as ever', async (t) => {
  const watch = new Watch(x, y).run(20_000, (to) => (to === x ? FAR_MS + 10 : 1));
  const nextTo = (to: PeerId) => watch.pings.filter((ping) => ping.to === to).at(-1)?.nextMs;
  watch.watched = new Set();
  watch.run(PING_MS, (to) => (to === x ? FAR_MS + 10 : 1));
  t.same([nextTo(x), nextTo(y)], [PING_FAR_MS, PING_CALM_MS]);
  const calmAt = watch.pings.filter(({ to }) => to === y).at(-1)?.at ?? 0;
  watch.watched = new Set([y]);
  watch.run(PING_MS, () => 1);
  t.match(watch.pings.filter(({ to }) => to === y).at(-1), { at: calmAt + PING_MS, nextMs: PING_MS });
});

/** One with a calm link to each of its neighbours: to those with a higher id it pings itself, by the others it is pinged. */
function calm(neighbor: PeerId): Watch {
  const watch = new Watch(neighbor);
  watch.watched = new Set();
  for (let ping = 0; ping < ROUND_TRIP_MEASURES + 1; ping++) {
    watch.run(PING_CALM_MS, () => 0);
    watch.liveness.pinged(neighbor, PING_CALM_MS, watch.now);
  }
  return watch;
}

t.test('over a calm link silence counts from when who watches closely has missed an answer', async (t) => {
  for (const silent of [a, x]) {
    const watch = calm(silent);
    const suspected = watch.suspects.length;
    watch.run(1_000);
    t.ok(watch.liveness.promise(silent, y, 800, watch.now));
    const told = watch.now;
    watch.run(5_000);
    t.same(watch.givenUp, [{ peer: silent, at: told - 800 + SILENT_MS }]);
    t.equal(watch.suspects.length, suspected, 'it is suspected already');
  }
});

t.test('who is told twice of a silence counts from the earlier, and forgets it when it hears the silent one', async (t) => {
  const [twice, heard] = [calm(x), calm(x)];
  for (const watch of [twice, heard]) watch.run(1_000).liveness.promise(x, y, 700, watch.now);
  twice.run(100).liveness.promise(x, a, 1_000, twice.now);
  const told = twice.now;
  twice.run(5_000);
  t.same(twice.givenUp, [{ peer: x, at: told - 1_000 + SILENT_MS }]);
  t.same(heard.liveness.answered(x, heard.now), [y]);
  t.same(heard.liveness.answered(x, heard.now), [], 'the other ping is answered, too');
  heard.run(5_000);
  const next = heard.pings.find(({ at }) => at > heard.now - 5_000)?.at ?? 0;
  t.same(heard.givenUp, [{ peer: x, at: next + SILENT_MS }]);
});

t.test('who lies about silence leaves time to answer, and is not believed about who was heard since', async (t) => {
  const watch = calm(x);
  watch.run(1_500);
  watch.liveness.promise(x, y, MAX_SILENT_MS, watch.now);
  watch.run(SILENT_MS - MAX_SILENT_MS - 1);
  t.same(watch.givenUp, []);
  t.same(watch.liveness.answered(x, watch.now), [y]);
  for (let ping = 0; ping < 2; ping++) t.same(watch.liveness.answered(x, watch.now), [], 'the other pings are answered, too');
  watch.liveness.promise(x, a, MAX_SILENT_MS, watch.now);
  const told = watch.now;
  watch.run(5_000);
  t.ok((watch.givenUp[0]?.at ?? 0) >= told + SILENT_MS, 'it was heard just now');
});

t.test('of a link that we watch closely ourselves nobody tells us', async (t) => {
  const watch = measured(0, x);
  const last = watch.pings.at(-1)?.at ?? 0;
  watch.run(PING_MS + 100);
  watch.liveness.promise(x, y, MAX_SILENT_MS, watch.now);
  watch.run(5_000);
  t.same(watch.givenUp, [{ peer: x, at: last + PING_MS + SILENT_MS }]);
});

t.test('what was told of a silence is moved on while our own loop stands still', async (t) => {
  const watch = calm(x);
  watch.run(1_000).liveness.promise(x, y, 800, watch.now);
  const told = watch.now;
  watch.stall(10_000).run(5_000);
  t.ok((watch.givenUp[0]?.at ?? 0) >= told - 800 + SILENT_MS + 9_000);
});

t.test('whoever does not answer is suspected once, and given up after a stall of two seconds and a round trip', async (t) => {
  const watch = measured(10, x);
  const silentFrom = watch.pings.at(-1)?.at ?? 0;
  watch.liveness.linkUp(y, watch.now);
  watch.run(5_000, (to) => (to === y ? 0 : undefined));
  const first = watch.pings.find(({ to, at }) => to === x && at > silentFrom)?.at ?? 0;
  t.same(
    watch.suspects.map(({ peer }) => peer),
    [x],
  );
  t.ok((watch.suspects[0]?.at ?? 0) - first >= SUSPECTED_MS);
  t.same(watch.givenUp, [{ peer: x, at: first + SILENT_MS + 10 }]);
});

t.test('whoever is to ping and does not is given up as soon after its ping was due', async (t) => {
  const watch = new Watch(a);
  for (let ping = 0; ping < ROUND_TRIP_MEASURES + 1; ping++) {
    watch.run(PING_MS);
    watch.liveness.pinged(a, PING_MS, watch.now);
  }
  const last = watch.now;
  watch.run(5_000);
  t.same(watch.givenUp, [{ peer: a, at: last + PING_MS + SILENT_MS }]);
});

t.test('a neighbour that was never heard is given up, too', async (t) => {
  t.same(new Watch(a).run(5_000).givenUp, [{ peer: a, at: PING_MS + SILENT_MS + ROUND_TRIP_FIRST_MS }]);
  t.same(new Watch(x).run(5_000).givenUp, [{ peer: x, at: PING_MS + SILENT_MS + ROUND_TRIP_FIRST_MS }]);
});

t.test('who is new, and was measured seldom, is given twice what was measured', async (t) => {
  const watch = new Watch(x).run(2 * PING_MS - 1, () => 30);
  watch.run(5_000);
  t.same(watch.givenUp, [{ peer: x, at: 2 * PING_MS + SILENT_MS + 60 }]);
});

t.test('the longest round trip is remembered for minutes, and not for ever; a stall is none', async (t) => {
  const endAfter = (quietMs: number) => {
    const watch = measured(50, x);
    watch.run(quietMs, () => 2);
    const last = watch.pings.at(-1)?.at ?? 0;
    watch.run(5_000);
    const first = watch.pings.find(({ at }) => at > last)?.at ?? 0;
    return (watch.givenUp[0]?.at ?? 0) - first - SILENT_MS;
  };
  t.equal(endAfter(ROUND_TRIP_REMEMBERED_MS), 50);
  t.equal(endAfter(3 * ROUND_TRIP_REMEMBERED_MS), 2);
  const stalled = measured(2, x);
  stalled.run(PING_MS, () => ROUND_TRIP_MOST_MS + 1);
  stalled.run(5_000);
  t.equal((stalled.givenUp[0]?.at ?? 0) - (stalled.pings.at(-6)?.at ?? 0), SILENT_MS + 2);
});

t.test('an answer to the oldest ping is a sign of life, an answer to none is not', async (t) => {
  const watch = new Watch(x);
  t.same(watch.liveness.answered(x, 0), []);
  watch.run(2 * PING_MS);
  watch.liveness.answered(x, watch.now);
  watch.run(5_000);
  t.same(watch.givenUp, [{ peer: x, at: 2 * PING_MS + SILENT_MS + ROUND_TRIP_FIRST_MS }], 'counted from the second ping');
});

t.test('what a neighbour says that we ping does not prove that it hears us', async (t) => {
  const watch = new Watch(x);
  for (let pulse = 0; pulse < 12; pulse++) {
    watch.run(PING_MS);
    watch.liveness.pinged(x, PING_MS, watch.now);
  }
  t.equal(watch.givenUp.length, 1);
});

t.test('a neighbour that others hear is given up later, but is given up', async (t) => {
  const watch = measured(0, x);
  watch.liveness.vouched(x);
  watch.run(3 * PING_MS);
  watch.liveness.vouched(x);
  watch.run(10_000);
  const first = ROUND_TRIP_MEASURES * PING_MS + 2 * PING_MS;
  t.same(watch.givenUp, [{ peer: x, at: first + SILENT_MS + VOUCHED_MS }], 'only who is suspected is vouched for');
});

t.test('silence proves nothing while our own loop stood still', async (t) => {
  const watch = measured(0, x);
  watch.stall(60_000).run(1);
  t.same(watch.givenUp, []);
  const answered = measured(0, x);
  answered.liveness.linkUp(a, answered.now);
  answered.run(PING_MS);
  for (let stall = 0; stall < 20; stall++) {
    answered.stall(SILENT_MS).run(0);
    answered.liveness.pinged(a, PING_MS, answered.now);
    while (answered.liveness.answered(x, answered.now).length > 0);
    answered.run(PING_MS, () => 0);
  }
  t.same(answered.givenUp, []);
});

t.test('a verdict that is late waits for what came meanwhile to be read', async (t) => {
  const watch = measured(0, x);
  const silentFrom = watch.pings.at(-1)?.at ?? 0;
  watch.run(PING_MS + SILENT_MS - 10);
  t.same(watch.givenUp, []);
  watch.stall(10 + LAG_MS + 1).run(0);
  t.same(watch.givenUp, []);
  watch.run(LAG_MS + 1);
  t.equal(watch.givenUp.length, 1, `${silentFrom}`);
});

t.test('whoever asks after a neighbour is told when it is heard, once, and not long after', async (t) => {
  const liveness = new Liveness(m);
  liveness.linkUp(x, 0);
  t.ok(liveness.promise(x, a, 0, 0));
  t.ok(liveness.promise(x, y, 0, 0));
  t.notOk(liveness.promise(x, a, 0, 1), 'it is pinged for that once');
  t.same(liveness.answered(x, 10), [a, y]);
  t.same(liveness.answered(x, 20), []);
  liveness.promise(x, a, 0, 30);
  liveness.pulse(30 + SILENT_MS);
  t.notOk(liveness.promise(x, a, 0, 30 + SILENT_MS));
  liveness.pulse(31 + SILENT_MS);
  t.ok(liveness.promise(x, a, 0, 31 + SILENT_MS));
});

t.test('of strangers nothing is known and nothing is promised', async (t) => {
  const liveness = new Liveness(m);
  t.notOk(liveness.promise(x, a, 0, 0));
  t.same(liveness.answered(x, 0), []);
  liveness.vouched(x);
  liveness.pinged(x, PING_MS, 0);
  t.same(liveness.pulse(0), { ping: [], suspect: [], giveUp: [], afterMs: PING_MS, lookAfterMs: undefined });
});

// --- whole networks -----------------------------------------------------------------------------------------------------

/** `count` peers over links that take up to `latencyMs`, measured for a while. */
function network(seed: number, count: number, latencyMs: number): Network {
  const made = settledNetwork(seed, count);
  made.latencyMs = latencyMs;
  made.run(30_000);
  return made;
}

/** Who is linked with `peer` as far as they know. */
function linkedWith(made: Network, peer: PeerId): PeerId[] {
  return [...made.hosts].filter(([, { mesh }]) => mesh.neighbors.has(peer)).map(([other]) => other);
}

/** How long it takes, by steps of 10 ms, until `isSo`. */
function timeUntil(made: Network, isSo: () => boolean, atMostMs = 10_000): number {
  const began = made.now;
  while (!isSo() && made.now - began < atMostMs) made.run(10);
  return made.now - began;
}

/** Of these none takes longer; `npm run bench -- large crashes` has the 99th of a hundred of thousands. */
const CRASHES = 30;

for (const latencyMs of [5, 100]) {
  t.test(`a silent crash is noticed by all neighbours within 2.5 s, over links of up to ${latencyMs} ms`, async (t) => {
    const times: number[] = [];
    for (let seed = 1; seed <= CRASHES; seed++) {
      const made = network(seed, 10, latencyMs);
      made.run(made.chance() * PING_MS);
      const victim = [...made.hosts.keys()][seed % 10] as PeerId;
      made.vanish(victim);
      times.push(timeUntil(made, () => linkedWith(made, victim).length === 0));
    }
    const longest = Math.max(...times);
    t.ok(longest <= 2_500, `at most ${longest} ms`);
  });

  t.test(`nobody who stalls for two seconds is declared dead, over links of up to ${latencyMs} ms`, async (t) => {
    const hours = Number(process.env.FLOODMESH_SLOW ?? 0) > 0 ? 24 : 0.25;
    const made = network(latencyMs, 10, latencyMs);
    const peers = [...made.hosts.keys()];
    const links = made.downs.length;
    const end = made.now + hours * 3_600_000;
    let stalls = 0;
    while (made.now < end) {
      const peer = peers[Math.floor(made.chance() * peers.length)] as PeerId;
      made.run(made.chance() * 1_000);
      made.freeze(peer);
      made.run(2_000);
      made.freeze(peer, false);
      made.run(made.chance() * 100);
      stalls += 1;
    }
    t.same(made.downs.slice(links), [], `${stalls} stalls in ${hours} h`);
  });
}

t.test('a link over which one direction is cut is given up by both ends, whichever direction it is', async (t) => {
  for (const isUp of [true, false]) {
    for (const tellsNobody of [true, false]) {
      const made = network(7, 5, 5);
      const [low, high] = [...made.hosts.keys()].sort() as [PeerId, PeerId];
      const [from, to] = isUp ? [low, high] : [high, low];
      made.blocked.add(`${from} ${to}`);
      if (tellsNobody) made.isMute = true;
      const ms = timeUntil(made, () => !made.mind(low).neighbors.has(high) && !made.mind(high).neighbors.has(low), 20_000);
      t.ok(ms < 2 * (SILENT_MS + VOUCHED_MS + PING_MS), `${isUp ? 'up' : 'down'}: ${ms} ms`);
    }
  }
});
