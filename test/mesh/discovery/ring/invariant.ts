import t, { type Test } from 'tap';
import {
  alone,
  comesBefore,
  comesNext,
  following,
  handed,
  isBetween,
  preceded,
  type Seat,
  without,
} from '../../../../lib/mesh/discovery/ring/circle.ts';
import { breaches, isIdeal } from '../../../../lib/mesh/discovery/ring/invariant.ts';
import { type PeerId, peerId } from '../../../../lib/protocol/ids.ts';

// On a machine with other work.
t.setTimeout(300_000);

/** How long lists are. */
let length = 2;

interface Place {
  readonly at: number;
  readonly contact: { readonly peer: PeerId };
}

const PLACES: readonly Place[] = [10, 20, 30, 40, 50].map((at, index) => ({ at, contact: { peer: peerId(String(index)) } }));
type Ring = ReadonlyMap<PeerId, Seat<Place>>;

/** A state: who lives, with its seat; and who has been there and is gone, which does not come again: each process has keys of its own. */
interface State {
  readonly ring: Ring;
  readonly gone: ReadonlySet<PeerId>;
}

/** Whether somebody may be gone: lists are long enough for that, and enough members are left. */
type MayGo = (after: State, gone: PeerId) => boolean;
type Step = (state: State, mayGo: MayGo) => State[];

const idOf = ({ contact }: Place): PeerId => contact.peer;
const changed = (state: State, seat: Seat<Place>): State => ({ ...state, ring: new Map(state.ring).set(idOf(seat.self), seat) });
const isLiving = ({ ring }: State, place: Place): boolean => ring.has(idOf(place));

/** Somebody comes: it finds whoever it stands behind, and takes over its list. */
const joins: Step = (state) =>
  PLACES.filter((place) => !isLiving(state, place) && !state.gone.has(idOf(place))).flatMap((place) =>
    [...state.ring.values()].flatMap(({ self, successors }) => {
      const [first, ...rest] = successors;
      if (first === undefined || !isBetween(self.at, place.at, first.at)) return [];
      return changed(state, { ...following(alone(place), first, rest, length), predecessor: self });
    }),
  );

/** Somebody looks after whom it follows: a dead one is let go, a living one's list is taken, whoever stands between is followed. */
const stabilizes: Step = (state) =>
  [...state.ring.values()].flatMap((seat) => {
    const [first] = seat.successors;
    if (first === undefined) return [];
    const next = state.ring.get(idOf(first));
    if (next === undefined) return changed(state, without(seat, idOf(first)));
    const taken = following(seat, first, next.successors, length);
    const between = next.predecessor && comesNext(taken, next.predecessor) ? state.ring.get(idOf(next.predecessor)) : undefined;
    const both = between === undefined ? [] : [changed(state, following(taken, between.self, between.successors, length))];
    return [changed(state, taken), ...both];
  });

/** Somebody tells whom it follows that it does: a predecessor that is dead, or farther, is let go for it. */
const rectifies: Step = (state) =>
  [...state.ring.values()].flatMap(({ self, successors: [first] }) => {
    const followed = first && state.ring.get(idOf(first));
    if (followed === undefined) return [];
    const { predecessor } = followed;
    const left = predecessor && !isLiving(state, predecessor) ? without(followed, idOf(predecessor)) : followed;
    // Of the dead only the one before is looked at.
    const seat = { ...left, successors: followed.successors };
    return comesBefore(seat, self) ? changed(state, preceded(seat, self)) : [];
  });

/** Somebody hears of a living member that stands before whom it follows, from wherever, and follows that. */
const meets: Step = (state) =>
  [...state.ring.values()].flatMap((seat) =>
    [...state.ring.values()]
      .filter(({ self, successors }) => successors.length > 0 && comesNext(seat, self))
      .map(({ self, successors }) => changed(state, following(seat, self, successors, length))),
  );

/** Somebody dies, unless somebody would follow nobody then: that is what lists are long enough for. */
const dies: Step = (state, mayGo) =>
  [...state.ring.values()].flatMap(({ self }) => {
    const after = withoutMember(state, self);
    const seats = [...after.ring.values()];
    const isSurvived = seats.every(({ successors }) => successors.some((place) => isLiving(after, place)));
    return isSurvived && mayGo(after, idOf(self)) ? after : [];
  });

/** Somebody leaves: any of those around it may have heard of that, or none. */
const leaves: Step = (state, mayGo) =>
  dies(state, mayGo).flatMap((after) => {
    const leaver = [...state.ring.values()].find(({ self }) => !isLiving(after, self));
    if (leaver === undefined) return [];
    const heard = [...after.ring.values()].filter((seat) =>
      [seat.predecessor, seat.successors[0]].some((place) => place && idOf(place) === idOf(leaver.self)),
    );
    const tell = (known: State, seat: Seat<Place>) =>
      changed(known, handed(seat, idOf(leaver.self), leaver.predecessor, leaver.successors, length));
    const told = [...heard.map((seat) => tell(after, seat)), heard.reduce(tell, after)];
    return told.filter((known) => mayGo(known, idOf(leaver.self)));
  });

function withoutMember(state: State, place: Place): State {
  const ring = new Map(state.ring);
  ring.delete(idOf(place));
  return { ring, gone: new Set([...state.gone, idOf(place)]) };
}

const STEPS: Readonly<Record<string, Step>> = { joins, stabilizes, rectifies, meets, dies, leaves };

function ringOf(places: readonly Place[]): Ring {
  const sorted = [...places].sort((one, other) => one.at - other.at);
  const seats = sorted.map((self, index) => {
    const others = [...sorted.slice(index + 1), ...sorted.slice(0, index)];
    return { self, predecessor: others.at(-1), successors: others.slice(0, length) };
  });
  return new Map(seats.map((seat) => [idOf(seat.self), seat]));
}

function keyOf({ ring, gone }: State): string {
  const seats = PLACES.map((place) => {
    const seat = ring.get(idOf(place));
    if (seat === undefined) return gone.has(idOf(place)) ? 'x' : '';
    return `${seat.predecessor ? idOf(seat.predecessor) : '-'}${seat.successors.map(idOf).join('')}`;
  });
  return seats.join();
}

/** Every state that some order of steps leads to from the ideal ring of `members`, and the first breach. */
function explored(members: readonly Place[], mayGo: MayGo): { readonly states: State[]; readonly breach: string | undefined } {
  const states: State[] = [{ ring: ringOf(members), gone: new Set() }];
  const known = new Set(states.map(keyOf));
  for (const state of states) {
    for (const [name, step] of Object.entries(STEPS)) {
      for (const next of step(state, mayGo)) {
        const key = keyOf(next);
        if (known.has(key)) continue;
        known.add(key);
        const [breach] = breaches(next.ring, length + 1);
        if (breach !== undefined) return { states, breach: `${keyOf(state)} ${name} ${key}: ${breach}` };
        states.push(next);
      }
    }
  }
  return { states, breach: undefined };
}

const nobody: MayGo = () => false;

/** What everybody looking around once, one after the other, makes of a ring. */
function round(state: State): State {
  let now = state;
  for (const place of PLACES) {
    for (let step = 0; step <= length; step++) now = stabilizes(now, nobody).findLast((next) => isBySelf(now, next, place)) ?? now;
    now = rectifies(now, nobody).find((next) => isTold(now, next, place)) ?? now;
  }
  return now;
}

const seatOf = ({ ring }: State, place: Place) => ring.get(idOf(place));

function isBySelf(before: State, after: State, place: Place): boolean {
  return seatOf(before, place) !== seatOf(after, place);
}

function isTold(before: State, after: State, place: Place): boolean {
  const [followed] = seatOf(before, place)?.successors ?? [];
  return followed !== undefined && seatOf(before, followed) !== seatOf(after, followed) && seatOf(after, followed)?.predecessor === place;
}

function holds(t: Test, members: readonly Place[], mayGo: MayGo): void {
  const { states, breach } = explored(members, mayGo);
  t.equal(breach, undefined, `in each of ${states.length} states`);
  const slow = states.filter((state) => !isIdeal(PLACES.reduce(round, state).ring));
  t.same(slow.slice(0, 3).map(keyOf), [], 'and as many rounds without trouble as there are members make an ideal ring of each');
}

/** Who is there at first, by how long lists are: every choice but for turning the circle, which changes nothing. */
const FIRST: Readonly<Record<number, readonly (readonly number[])[]>> = {
  1: [
    [0, 1],
    [0, 2],
  ],
  2: [
    [0, 1, 2],
    [0, 1, 3],
  ],
  3: [[0, 1, 2, 3]],
};
const choices = (listed: number) => (FIRST[listed] ?? []).map((chosen) => PLACES.filter((_, index) => chosen.includes(index)));

for (const listed of [1, 2, 3]) {
  t.test(`with lists of ${listed} the invariant holds wherever ${listed + 1} members stay, whatever the others do`, async (t) => {
    length = listed;
    for (const stable of choices(listed)) {
      const ids = new Set(stable.map(idOf));
      holds(t, stable, (_, gone) => !ids.has(gone));
    }
  });

  t.test(`with lists of ${listed} it holds while anybody may go who leaves ${listed + 1} that nobody passes over`, async (t) => {
    length = listed;
    for (const members of choices(listed)) holds(t, members, ({ ring }) => breaches(ring, length + 1).length === 0 && ring.size > length);
  });
}
