import t from 'tap';
import { ASKERS_KNOWN, DIAL_BACK_BELIEVED_MS, DIALS_AT_ONCE, REFERRAL_MS } from '../../lib/config.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import { type ReferralParts, Referrals, type Welcome } from '../../lib/registry/referrals.ts';
import { isRefusal, type Place, type Refusal, Registry, type Wish } from '../../lib/registry/registry.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';

/** A register, referrals, and a world in which those named in `silent` do not answer. Dials take no time, or `dialMs`. */
class Stage {
  readonly registry: Registry;
  readonly referrals: Referrals;
  readonly silent = new Set<string>();
  readonly connected = new Set<number>();
  /** Who was dialled, in order. */
  readonly dialled: string[] = [];
  isClosed = false;
  now = 0;
  dialMs = 0;
  chance = 0;
  #drawn = 0;

  constructor(changed: Partial<ReferralParts> = {}) {
    this.registry = new Registry({
      store: new MemoryStore(),
      network: 'p2p',
      ports: Array.from({ length: 200 }, (_, index) => 9_000 + index),
      leaseMs: 30_000,
      draw: () => `secret-${++this.#drawn}`.padEnd(22, '_'),
      hash: (text) => text,
      sign: () => 'signed',
      chance: () => this.chance,
    });
    this.referrals = new Referrals({
      registry: this.registry,
      dial: (contact) => this.#dial(contact),
      isConnected: (serial) => this.connected.has(serial),
      isClosed: () => this.isClosed,
      chance: () => this.chance,
      now: () => this.now,
      ...changed,
    });
  }

  async place(name: string): Promise<Place> {
    return agreed(await this.referrals.admit(wishOf(name)));
  }

  /** Joins and is let in. */
  async member(name: string): Promise<{ place: Place; welcome: Welcome }> {
    const place = await this.place(name);
    return { place, welcome: agreed(await this.referrals.welcome(place)) };
  }

  async #dial({ name }: Contact): Promise<boolean> {
    this.dialled.push(name);
    this.now += this.dialMs;
    return !this.silent.has(name);
  }
}

function wishOf(name: string): Wish {
  return { network: 'p2p', peer: peerId(`peer-${name}`.padEnd(12, '_')), name, host: '10.0.0.1' };
}

function agreed<Answer extends object>(answer: Answer | Refusal): Answer {
  if (isRefusal(answer)) throw new Error(answer.message);
  return answer;
}

t.test('the first member is referred to nobody, each later one to one that was before it', async (t) => {
  const stage = new Stage();
  t.equal((await stage.member('s1')).welcome.referral, null);
  t.equal((await stage.member('s2')).welcome.referral?.name, 's1');
  const third = (await stage.member('s3')).welcome;
  t.equal(third.isNew, true);
  t.ok(['s1', 's2'].includes(third.referral?.name ?? ''));
});

t.test('who does not answer at its port is not let in', async (t) => {
  const stage = new Stage();
  stage.silent.add('s1');
  t.match(await stage.referrals.welcome(await stage.place('s1')), { code: 'NOT_LISTENING', message: /10\.0\.0\.1:9000/ });
});

t.test('a place that has ended lets nobody in', async (t) => {
  const stage = new Stage();
  const place = await stage.place('s1');
  await stage.registry.leave(place.cookie, 0);
  t.match(await stage.referrals.welcome(place), { code: 'LEASE_UNKNOWN' });
});

t.test('who was let in before and comes back is referred to one that has an open link', async (t) => {
  const stage = new Stage();
  const { place } = await stage.member('s1');
  for (const name of ['s2', 's3', 's4']) await stage.member(name);
  const open = (await stage.registry.candidates(place.lease.serial, 0)).find(({ name }) => name === 's3');
  stage.connected.add(open?.serial ?? 0);
  const { isNew, referral } = agreed(await stage.referrals.welcome(place));
  t.equal(isNew, false);
  t.equal(referral?.name, 's3');
});

t.test('where all that came before are dead a joiner hears of a later one', async (t) => {
  const stage = new Stage({ dial: async ({ name }) => name !== 's1' });
  const [first, second, third] = [await stage.place('s1'), await stage.place('s2'), await stage.place('s3')];
  await stage.registry.listening(first.lease.serial, 0);
  const seen = stage.referrals.welcome(second);
  while ((await stage.registry.listener(second.lease.serial, 0)) === undefined);
  await stage.registry.listening(third.lease.serial, 0);
  t.equal(agreed(await seen).referral?.name, 's3');
});

t.test('a renewal prolongs the lease and names another; a wrong cookie is refused', async (t) => {
  const stage = new Stage();
  const { place } = await stage.member('s1');
  await stage.member('s2');
  t.match(await stage.referrals.renew(place.cookie), { referral: { name: 's2' } });
  t.match(await stage.referrals.renew('1-wrong'), { code: 'COOKIE_WRONG' });
});

t.test('who answered is believed for a moment, and dialled again after it, or when something made it doubtful', async (t) => {
  const stage = new Stage();
  const { place: first } = await stage.member('s1');
  const { place: second } = await stage.member('s2');
  t.same(stage.dialled, ['s1', 's2'], 's1 was believed when s2 was referred to it');
  stage.referrals.forget(first.lease.serial);
  await stage.referrals.another(second.lease.serial);
  t.same(stage.dialled, ['s1', 's2', 's1']);
  stage.now += DIAL_BACK_BELIEVED_MS;
  await stage.referrals.another(second.lease.serial);
  t.same(stage.dialled, ['s1', 's2', 's1', 's1']);
});

t.test('two who want to know at one moment share a dial', async (t) => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const dialled: string[] = [];
  const stage = new Stage({
    dial: ({ name }) => {
      dialled.push(name);
      return promise;
    },
  });
  const place = await stage.place('s1');
  const both = Promise.all([stage.referrals.welcome(place), stage.referrals.welcome(place)]);
  const idle = stage.referrals.idle();
  resolve(true);
  t.notOk((await both).some(isRefusal));
  await idle;
  t.same(dialled, ['s1']);
});

t.test('after a power cut, those who have just asked are named to each other, and no dead one is waited for', async (t) => {
  const stage = new Stage();
  const places = new Map<string, Place>();
  for (let number = 1; number <= 40; number++) places.set(`s${number}`, (await stage.member(`s${number}`)).place);
  stage.now += 2 * DIAL_BACK_BELIEVED_MS;
  for (const name of places.keys()) if (name !== 's7' && name !== 's31') stage.silent.add(name);
  const ask = (name: string) => stage.referrals.another(places.get(name)?.lease.serial ?? 0);
  await ask('s7');
  stage.dialled.length = 0;
  t.equal((await ask('s31'))?.name, 's7');
  t.equal((await ask('s7'))?.name, 's31');
  t.same(stage.dialled, [], 'they were heard a moment ago');
});

t.test('the latest of many askers are kept in mind, and of them chance chooses', async (t) => {
  const stage = new Stage();
  const serials: number[] = [];
  for (let number = 0; number < ASKERS_KNOWN + 2; number++) serials.push((await stage.member(`s${number}`)).place.lease.serial);
  for (const serial of serials) await stage.referrals.another(serial);
  t.equal((await stage.referrals.another(serials[5] ?? 0))?.name, 's2', 'the first two are forgotten');
  stage.chance = 0.5;
  t.not((await stage.referrals.another(serials[5] ?? 0))?.name, 's2');
});

t.test('several are dialled at once, one that has an open link first; who does not answer is silenced', async (t) => {
  const stage = new Stage();
  const { place } = await stage.member('asker');
  const others: Place[] = [];
  for (let number = 0; number < 2 * DIALS_AT_ONCE; number++) others.push((await stage.member(`s${number}`)).place);
  stage.now += DIAL_BACK_BELIEVED_MS;
  for (const { lease } of others.slice(0, -1)) stage.silent.add(lease.name);
  stage.connected.add(others.at(-1)?.lease.serial ?? 0);
  stage.dialled.length = 0;
  const last = `s${2 * DIALS_AT_ONCE - 1}`;
  t.equal((await stage.referrals.another(place.lease.serial))?.name, last);
  t.equal(stage.dialled.length, DIALS_AT_ONCE);
  t.equal(stage.dialled[0], last);
  const left = await stage.registry.candidates(place.lease.serial, stage.now);
  t.equal(left.length, DIALS_AT_ONCE + 1, 'the silent ones are no candidates any more');
});

t.test('when nobody answers for long enough, nobody is named', async (t) => {
  const stage = new Stage();
  const { place } = await stage.member('asker');
  for (let number = 0; number < 20; number++) await stage.member(`s${number}`);
  for (let number = 0; number < 20; number++) stage.silent.add(`s${number}`);
  stage.now += DIAL_BACK_BELIEVED_MS;
  stage.dialMs = REFERRAL_MS / 5;
  t.equal(await stage.referrals.another(place.lease.serial), null);
  t.ok(stage.dialled.length < 41, 'not all were dialled');
  t.equal(await new Stage().referrals.another(1), null, 'nor when there is nobody');
});

t.test('a server that ends gives dials up, and silences nobody for it', async (t) => {
  const stage = new Stage();
  const { place } = await stage.member('asker');
  await stage.member('s1');
  stage.now += DIAL_BACK_BELIEVED_MS;
  stage.silent.add('s1');
  stage.isClosed = true;
  t.equal(await stage.referrals.another(place.lease.serial), null);
  t.equal((await stage.registry.candidates(place.lease.serial, stage.now)).length, 1);
});

t.test('a name is free at once when its holder is dead, and not when it answers or has an open link', async (t) => {
  const stage = new Stage();
  const { place } = await stage.member('s1');
  const again = { ...wishOf('s1'), peer: peerId('another'.padEnd(12, '_')) };
  t.match(await stage.referrals.admit(again), { code: 'NAME_TAKEN' });
  stage.now += DIAL_BACK_BELIEVED_MS;
  stage.silent.add('s1');
  stage.connected.add(place.lease.serial);
  t.match(await stage.referrals.admit(again), { code: 'NAME_TAKEN' }, 'it has an open link');
  stage.connected.clear();
  stage.isClosed = true;
  t.match(await stage.referrals.admit(again), { code: 'NAME_TAKEN' }, 'a server that ends finds nobody dead');
  stage.isClosed = false;
  t.equal(agreed(await stage.referrals.admit(again)).lease.name, 's1');
});
