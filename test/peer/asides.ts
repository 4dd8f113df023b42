import t, { type Test } from 'tap';
import { ASIDE_WAITING, ASIDES_PER_ADDRESS } from '../../lib/config.ts';
import { Identity } from '../../lib/net/identity.ts';
import { Asides } from '../../lib/peer/asides.ts';
import { Links, OF_NEIGHBORS } from '../../lib/peer/links.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import type { AsideMessage } from '../../lib/protocol/messages/aside.ts';
import { HOST, transport } from './cast.ts';

// On a machine with other work.
t.setTimeout(120_000);

const asked = (ask: number): AsideMessage => ({ type: 'inquire', ask, want: { by: 'all' } });

/** A member that has side links, and all that it was told, in order. */
class Member {
  readonly told: string[] = [];
  readonly asides: Asides;
  readonly identity: Identity;
  readonly contact: Contact;
  readonly #waiting = new Set<() => void>();

  constructor(name: string, port: number, identity = new Identity()) {
    this.identity = identity;
    this.contact = { peer: identity.peer, name, host: HOST, port, network: 'p2p', serial: 1, signature: 'good' };
    this.asides = new Asides(transport, identity, {
      self: () => this.contact,
      trusts: ({ signature }) => signature === 'good',
      delivered: ({ name: from }, message) => this.#note(`${from} ${message.type} ${'ask' in message ? message.ask : ''}`),
      undelivered: (_, cause) => this.#note(`undelivered ${cause}`),
    });
  }

  /** Settles once it was told `what`. */
  async tells(what: string): Promise<void> {
    while (!this.told.includes(what)) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #note(what: string): void {
    this.told.push(what);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

async function member(t: Test, name: string): Promise<Member> {
  let made: Member | undefined;
  const listener = await transport.listen({ host: HOST, port: 0 }, ['aside'], (link) => made?.asides.accept(link));
  made = new Member(name, listener.address.port);
  t.teardown(async () => {
    made?.asides.close();
    await listener.close();
  });
  return made;
}

t.test('what is said before the side link stands waits for it, and comes in order, both ways', async (t) => {
  const [a, b] = await Promise.all([member(t, 'a'), member(t, 'b')]);
  for (const ask of [1, 2, 3]) a.asides.deliver(b.contact, asked(ask));
  await b.tells('a inquire 3');
  b.asides.deliver(a.contact, asked(4));
  await a.tells('b inquire 4');
  t.same(b.told, ['a inquire 1', 'a inquire 2', 'a inquire 3']);
  t.same(a.told, ['b inquire 4']);
});

t.test('when both ends dial at once, what each says comes', async (t) => {
  const [a, b] = await Promise.all([member(t, 'a'), member(t, 'b')]);
  a.asides.deliver(b.contact, asked(1));
  b.asides.deliver(a.contact, asked(2));
  await Promise.all([a.tells('b inquire 2'), b.tells('a inquire 1')]);
  t.same([a.told, b.told].flat().length, 2, 'and nothing is said to be lost');
});

t.test('where nobody listens it is said that nothing was delivered, once', async (t) => {
  const a = await member(t, 'a');
  const gone = new Member('gone', 1);
  for (const ask of [1, 2]) a.asides.deliver(gone.contact, asked(ask));
  await a.tells('undelivered crashed');
  t.equal(a.told.length, 1);
});

t.test('only so much waits for a link that is being made', async (t) => {
  const [a, b] = await Promise.all([member(t, 'a'), member(t, 'b')]);
  for (let ask = 0; ask <= ASIDE_WAITING; ask++) a.asides.deliver(b.contact, asked(ask));
  t.same(a.told, ['undelivered slow']);
  await b.tells(`a inquire ${ASIDE_WAITING - 1}`);
  t.equal(b.told.length, ASIDE_WAITING);
});

t.test('a side link that breaks is told', async (t) => {
  const [a, b] = await Promise.all([member(t, 'a'), member(t, 'b')]);
  a.asides.deliver(b.contact, asked(1));
  await b.tells('a inquire 1');
  b.asides.close();
  await a.tells('undelivered left');
});

t.test('who is no member of the network is not delivered to, and not heard', async (t) => {
  const [a, b] = await Promise.all([member(t, 'a'), member(t, 'b')]);
  const stranger = new Member('x', b.contact.port);
  a.asides.deliver({ ...stranger.contact }, asked(1));
  await a.tells('undelivered stranger');
  t.same(b.told, [], 'who is dialled as another does not hear it');
});

t.test('what neighbours say to each other breaks the protocol of a side link', async (t) => {
  const b = await member(t, 'b');
  const identity = new Identity();
  const down = Promise.withResolvers<string>();
  const self: Contact = { ...b.contact, peer: identity.peer, name: 'n' };
  const links = new Links(
    transport,
    identity,
    {
      self: () => self,
      trusts: () => true,
      hasRoom: () => true,
      linkUp: ({ peer }) => links.send(peer, { type: 'ping' }),
      linkDown: (_, cause) => down.resolve(cause),
      dialFailed: (_, cause) => down.resolve(`failed ${cause}`),
      received: () => undefined,
    },
    { ...OF_NEIGHBORS, purpose: 'aside' },
  );
  links.dial(b.contact);
  t.equal(await down.promise, 'protocol');
  await b.tells('undelivered protocol');
});

t.test('where there are too many, the one that was still the longest gives way, and none that was just used', async (t) => {
  const a = await member(t, 'a');
  const others: Member[] = [];
  for (let index = 0; index <= ASIDES_PER_ADDRESS; index++) others.push(await member(t, `m${index}`));
  const [last] = others.splice(-1);
  for (const { contact } of others) a.asides.deliver(contact, asked(1));
  await Promise.all(others.map((other) => other.tells('a inquire 1')));
  if (last === undefined) throw new Error('nobody is last');
  a.asides.deliver(last.contact, asked(2));
  t.same(a.told, ['undelivered full']);
});
